import { sign as cryptoSign, verify as cryptoVerify, type KeyObject } from 'node:crypto'

/** A fully specified algorithm accepted here, by its JOSE registry name. */
export type AlgorithmName = 'Ed25519' | 'ES256'

/** All that is known about an algorithm. No other module decides anything by an algorithm's name. */
export interface Algorithm {
  readonly name: AlgorithmName
  readonly kty: 'OKP' | 'EC'
  readonly crv: 'Ed25519' | 'P-256'
  /** The JWK members that hold the public key, each `memberBytes` long, in RFC 7638 order. */
  readonly members: readonly ('x' | 'y')[]
  readonly memberBytes: number
  readonly signatureBytes: number
  verify(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean
  sign(key: KeyObject, data: Uint8Array): Uint8Array
}

const ed25519: Algorithm = {
  name: 'Ed25519',
  kty: 'OKP',
  crv: 'Ed25519',
  members: ['x'],
  memberBytes: 32,
  signatureBytes: 64,
  verify: (key, data, signature) => cryptoVerify(null, data, key, signature),
  sign: (key, data) => cryptoSign(null, data, key),
}

const es256: Algorithm = {
  name: 'ES256',
  kty: 'EC',
  crv: 'P-256',
  members: ['x', 'y'],
  memberBytes: 32,
  signatureBytes: 64,
  // A bare KeyObject with a DER signature: `{ key, dsaEncoding }` costs half a verification more on Node 24.
  verify: (key, data, signature) => cryptoVerify('sha256', data, key, toDer(signature)),
  sign: (key, data) => cryptoSign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
}

/** The one table of algorithms: Ed25519 (AAuth MUST) and ES256 (SHOULD). A Map, since names come from strangers. */
export const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  [ed25519.name, ed25519],
  [es256.name, es256],
])

/** The raw r||s of JOSE and RFC 9421 (3.3.4) as the DER sequence that OpenSSL reads. */
function toDer(signature: Uint8Array): Buffer {
  const r = derInteger(signature.subarray(0, 32))
  const s = derInteger(signature.subarray(32, 64))
  return Buffer.concat([Buffer.from([0x30, r.length + s.length]), r, s])
}

function derInteger(bytes: Uint8Array): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const value = bytes.subarray(start)
  const sign = (value[0] as number) & 0x80 ? [0] : []
  return Buffer.concat([Buffer.from([0x02, value.length + sign.length, ...sign]), value])
}
