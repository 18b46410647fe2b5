import sodium from 'sodium-native'
import type { Ed25519Verifier } from './verify.js'

/**
 * Ed25519 by libsodium, which takes about half of OpenSSL's time: `aauth({ crypto: { ed25519 } })`. The package
 * `sodium-native` must be installed beside this one.
 *
 * It accepts exactly the signatures that `node:crypto` with our own checks accepts: keys and `R` of small order, and
 * an `S` that is not reduced, are refused by both.
 *
 * @example
 * ```ts
 * import { createResourceServer } from '@countersign/core'
 * import { ed25519 } from '@countersign/core/sodium'
 *
 * const server = createResourceServer({ resource: 'https://notes.example', crypto: { ed25519 } })
 * ```
 */
export const ed25519: Ed25519Verifier = (publicKey, message, signature) =>
  sodium.crypto_sign_verify_detached(signature, message, publicKey)
