import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { type AlgorithmName, importSigningJwk, type SigningKey } from '@countersign/core/signature'

/** A key pair of the town. The private half is there for tests; nothing publishes it. */
export interface TownKey extends SigningKey {
  readonly privateJwk: Readonly<Record<string, string>>
  /** The public JWK without `kid`, as it goes into `cnf`. */
  readonly cnf: Readonly<Record<string, string>>
}

/** Makes a key pair. `kid` defaults to the thumbprint. */
export function createKey(algorithm: AlgorithmName = 'Ed25519', kid?: string): TownKey {
  const pair: { privateKey: { export(options: { format: 'jwk' }): JsonWebKey } } =
    algorithm === 'Ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...pair.privateKey.export({ format: 'jwk' }), alg: algorithm }
  const key = importSigningJwk(kid === undefined ? jwk : { ...jwk, kid })
  const { kid: _, ...cnf } = key.publicJwk
  return { ...key, privateJwk: { ...jwk, kid: key.kid } as Record<string, string>, cnf }
}
