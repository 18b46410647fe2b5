import { isUtf8 } from 'node:buffer'
import { decodeBase64url, type SigningKey, type VerificationKey } from '../crypto/keys.js'
import { parseJsonObject } from '../json.js'

// Only compact JWS, with the algorithms of `crypto/algorithms.ts`. jose would take the time of 1.6 verifications
// instead of one, and cannot sign with a key in a KMS. The tests compare this file with it.

/** A well-formed compact JWS. Nothing in it has been verified. */
export interface CompactJws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  readonly signingInput: Buffer
  readonly signature: Buffer
}

/**
 * Splits and decodes a JWS (RFC 7515, 5.2): three parts, canonical base64url, JSON objects without repeated members.
 *
 * @param most members and elements of the header, and of the payload
 */
export function decodeJws(text: string, most: number): CompactJws | undefined {
  const first = text.indexOf('.')
  const second = text.indexOf('.', first + 1)
  if (first === -1 || second === -1 || text.indexOf('.', second + 1) !== -1) return undefined
  const header = decodePart(text.slice(0, first), most)
  const payload = decodePart(text.slice(first + 1, second), most)
  const signature = decodeBase64url(text.slice(second + 1))
  if (header === undefined || payload === undefined || signature === undefined) return undefined
  return { header, payload, signature, signingInput: Buffer.from(text.slice(0, second), 'latin1') }
}

function decodePart(part: string, most: number): Record<string, unknown> | undefined {
  const bytes = decodeBase64url(part)
  return bytes !== undefined && isUtf8(bytes) ? parseJsonObject(bytes.toString(), most) : undefined
}

/** Whether the header's `alg` is that of the key. Otherwise the signature cannot be that key's (G-21). */
export function isSignedFor(jws: CompactJws, key: VerificationKey): boolean {
  return jws.header['alg'] === key.algorithm.name
}

/** Signs claims as a compact JWS with the key's `alg` and `kid`. */
export async function signJws(
  typ: string,
  claims: Readonly<Record<string, unknown>>,
  key: SigningKey,
): Promise<string> {
  const header = { typ, alg: key.algorithm.name, kid: key.kid }
  const input = `${encodePart(header)}.${encodePart(claims)}`
  const signature = await key.sign(Buffer.from(input, 'latin1'))
  return `${input}.${Buffer.from(signature).toString('base64url')}`
}

const encodePart = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
