import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'

// As JWKs from the start: a key object that is exported while the garbage collector ends the job that made it has Node 20
// wait for itself, for ever, which among thousands of keys happens. The declarations do not know the format.
const generateJwks = generateKeyPairSync as unknown as (
  type: 'ed25519' | 'ec',
  options: object,
) => { readonly publicKey: JsonWebKey; readonly privateKey: JsonWebKey }
const asJwks = { publicKeyEncoding: { format: 'jwk' }, privateKeyEncoding: { format: 'jwk' } }

/** A fresh key pair as JWKs with `alg`. */
export function newJwks(alg: 'Ed25519' | 'ES256' = 'Ed25519'): {
  readonly publicJwk: JsonWebKey
  readonly privateJwk: JsonWebKey
} {
  const { publicKey, privateKey } =
    alg === 'Ed25519'
      ? generateJwks('ed25519', asJwks)
      : generateJwks('ec', { namedCurve: 'P-256', ...asJwks })
  return { publicJwk: { ...publicKey, alg }, privateJwk: { ...privateKey, alg } }
}
