import { hash, timingSafeEqual } from 'node:crypto'
import type { Dictionary } from 'structured-headers'
import { type Refusal, refuse } from '../errors.js'
import { holdsBase64url, parseDictionary } from './structured.js'

/** The algorithms of RFC 9530 that may be used with signatures. */
const digests: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

/**
 * A `Content-Digest` value for these bytes (RFC 9530, 2), with SHA-256.
 *
 * @example
 * ```ts
 * import { contentDigest } from '@countersign/core/signature'
 *
 * const content = Buffer.from('{"title":"Milk"}')
 * const headers = { 'Content-Digest': contentDigest(content) }
 * ```
 */
export function contentDigest(content: Uint8Array): string {
  return `sha-256=:${hash('sha256', content, 'base64')}:`
}

/**
 * Compares a `Content-Digest` value with the content as received. At least one member must have a known algorithm,
 * and all of those must match. Members with other algorithms are ignored (RFC 9530, 2).
 *
 * @example
 * ```ts
 * import { checkContentDigest, contentDigest } from '@countersign/core/signature'
 *
 * const content = Buffer.from('{"title":"Milk"}')
 * const refusal = checkContentDigest(contentDigest(content), content)
 * console.log(refusal === undefined) // true
 * ```
 */
export function checkContentDigest(value: string, content: Uint8Array): Refusal | undefined {
  let members: Dictionary
  try {
    members = parseDictionary(value)
  } catch {
    return refuse(
      'invalid_signature',
      holdsBase64url(value)
        ? 'Content-Digest is in base64url; a Byte Sequence is base64, with + and / (RFC 8941, 3.3.5)'
        : 'Content-Digest is malformed; it must be a dictionary such as sha-256=:…:',
    )
  }
  let known = 0
  for (const [name, [digest]] of members) {
    const algorithm = digests.get(name)
    if (algorithm === undefined) continue
    const actual = hash(algorithm, content, 'buffer')
    const claimed = digest instanceof ArrayBuffer ? Buffer.from(digest) : Buffer.alloc(0)
    if (claimed.length !== actual.length || !timingSafeEqual(claimed, actual)) {
      return refuse('invalid_signature', 'Content-Digest does not match the content')
    }
    known++
  }
  return known > 0 ? undefined : refuse('invalid_signature', 'Content-Digest must use sha-256 or sha-512')
}
