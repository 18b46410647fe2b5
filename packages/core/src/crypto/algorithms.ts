import { sign as cryptoSign, verify as cryptoVerify, type KeyObject } from 'node:crypto'
import { isSmallOrder } from './edwards.js'

/** The name of an accepted, fully specified algorithm in the JOSE registry. */
export type AlgorithmName = 'Ed25519' | 'ES256'

/** A signature algorithm: everything that differs between algorithms. No other module depends on an algorithm's name. */
export interface Algorithm {
  readonly name: AlgorithmName
  readonly kty: 'OKP' | 'EC'
  readonly crv: 'Ed25519' | 'P-256'
  /** The JWK members that hold the public key, each `memberBytes` long, in RFC 7638 order. */
  readonly members: readonly ('x' | 'y')[]
  readonly memberBytes: number
  readonly signatureBytes: number
  /** Bytes of memory for an imported public key, mostly outside V8's heap. */
  readonly keyBytes: number
  verify(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean
  /** {@link verify} in the thread pool. The arguments must not change meanwhile. */
  verifyLater(key: KeyObject, data: Uint8Array, signature: Uint8Array, done: (valid: boolean) => void): void
  sign(key: KeyObject, data: Uint8Array): Uint8Array
}

const ed25519: Algorithm = {
  name: 'Ed25519',
  kty: 'OKP',
  crv: 'Ed25519',
  members: ['x'],
  memberBytes: 32,
  signatureBytes: 64,
  keyBytes: 512,
  verify: (key, data, signature) => !isSmallOrder(signature) && cryptoVerify(null, data, key, signature),
  verifyLater: (key, data, signature, done) =>
    isSmallOrder(signature)
      ? done(false)
      : cryptoVerify(null, data, key, signature, (error, valid) => done(error === null && valid)),
  sign: (key, data) => cryptoSign(null, data, key),
}

const es256: Algorithm = {
  name: 'ES256',
  kty: 'EC',
  crv: 'P-256',
  members: ['x', 'y'],
  memberBytes: 32,
  signatureBytes: 64,
  keyBytes: 4608,
  // A bare KeyObject with a DER signature: `{ key, dsaEncoding }` costs half a verification more on Node 24.
  verify: (key, data, signature) => cryptoVerify('sha256', data, key, toDer(signature)),
  verifyLater: (key, data, signature, done) =>
    cryptoVerify('sha256', data, key, toDer(signature), (error, valid) => done(error === null && valid)),
  sign: (key, data) => cryptoSign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
}

/** All algorithms: Ed25519 (AAuth MUST) and ES256 (SHOULD). A Map, because names come from strangers. */
export const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  [ed25519.name, ed25519],
  [es256.name, es256],
])

/** Converts the raw r||s of JOSE and RFC 9421 (3.3.4) to the DER sequence that OpenSSL reads. */
function toDer(signature: Uint8Array): Buffer {
  const der = Buffer.allocUnsafe(72)
  der[0] = 0x30
  const end = writeInteger(der, writeInteger(der, 2, signature, 0), signature, 32)
  der[1] = end - 2
  return der.subarray(0, end)
}

/** Writes 32 big-endian bytes as a DER INTEGER, and returns where it ends. */
function writeInteger(der: Buffer, at: number, bytes: Uint8Array, from: number): number {
  let start = from
  while (start < from + 31 && bytes[start] === 0) start++
  const sign = (bytes[start] as number) & 0x80 ? 1 : 0
  const length = from + 32 - start
  der[at] = 0x02
  der[at + 1] = sign + length
  if (sign === 1) der[at + 2] = 0
  der.set(bytes.subarray(start, from + 32), at + 2 + sign)
  return at + 2 + sign + length
}
