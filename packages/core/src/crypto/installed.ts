import nodeModule from 'node:module'
import type { Ed25519Verifier } from './verify.js'

interface Sodium {
  crypto_sign_verify_detached?(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}

// RFC 8032, 7.1, TEST 3.
const vector = {
  key: Buffer.from('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025', 'hex'),
  message: Buffer.from('af82', 'hex'),
  signature: Buffer.from(
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    'hex',
  ),
}

let found: { readonly ed25519: Ed25519Verifier | undefined } | undefined

/** The result of {@link findSodium}, looked up once per process. */
export function installedSodium(): Ed25519Verifier | undefined {
  found ??= { ed25519: findSodium() }
  return found.ed25519
}

/**
 * Ed25519 by libsodium, if `sodium-native` is installed beside this package. It is looked up nowhere else, because
 * the application did not ask for it and the working directory may be anything. A package without a binary for this
 * platform, or one that verifies wrongly, counts as not installed.
 */
export function findSodium(place: string = import.meta.url): Ed25519Verifier | undefined {
  try {
    const { crypto_sign_verify_detached: verify } = nodeModule.createRequire(place)('sodium-native') as Sodium
    if (verify === undefined) return undefined
    const ed25519: Ed25519Verifier = (publicKey, message, signature) => verify(signature, message, publicKey)
    return isRight(ed25519) ? ed25519 : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether it accepts a valid signature, and refuses one of another message, one that is not reduced, and a key of
 * small order.
 */
export function isRight(ed25519: Ed25519Verifier): boolean {
  const { key, message, signature } = vector
  const unreduced = Buffer.from(signature)
  unreduced[63] = (unreduced[63] as number) | 0xe0
  const identity = Buffer.alloc(32)
  identity[0] = 1
  const underIdentity = Buffer.concat([identity, Buffer.alloc(32)])
  return (
    ed25519(key, message, signature) === true &&
    ed25519(key, Buffer.from('af83', 'hex'), signature) === false &&
    ed25519(key, message, unreduced) === false &&
    ed25519(identity, message, underIdentity) === false
  )
}
