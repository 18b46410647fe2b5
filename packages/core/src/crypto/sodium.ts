import sodium from 'sodium-native'
import type { Ed25519Verifier } from './verify.js'

/**
 * Ed25519 by libsodium, which takes about half of OpenSSL's time: `aauth({ crypto: { ed25519 } })`. The package
 * `sodium-native` has to be installed beside this one.
 *
 * Both accept and refuse the same signatures: keys and `R` of small order and `S` that is not reduced are refused by
 * libsodium itself, and by us in front of `node:crypto`.
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
