import type { VerificationKey } from '../crypto/keys.js'
import { type Refusal, refuse } from '../errors.js'
import type { ReadSignature } from './read.js'

/** The detail for a well-formed signature that does not verify with the key. */
export const unverified = 'The request signature does not verify'

/**
 * Step 7 of 11.3.4: verifies the signature over the base with the key's own algorithm. With the scheme `jwt` that
 * proves possession.
 *
 * @example
 * ```ts
 * import { type ReadSignature, type VerificationKey, verifySignature } from '@countersign/core/signature'
 *
 * declare const read: ReadSignature // by readSignature
 * declare const key: VerificationKey // by importPublicJwk, found where read.key says
 *
 * const refusal = verifySignature(read, key)
 * if (refusal !== undefined) console.error(refusal.code)
 * ```
 */
export function verifySignature(read: ReadSignature, key: VerificationKey): Refusal | undefined {
  const { algorithm } = key
  const valid =
    read.signature.length === algorithm.signatureBytes && algorithm.verify(key.key, read.base, read.signature)
  return valid ? undefined : refuse('invalid_signature', unverified)
}
