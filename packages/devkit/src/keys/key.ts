import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { type AlgorithmName, importSigningJwk, type SigningKey } from '@countersign/core/signature'

/** A key pair of the town. The private key is there for tests; nothing publishes it. */
export interface TownKey extends SigningKey {
  readonly privateJwk: Readonly<Record<string, string>>
  /** The public JWK without `kid`, as it goes into `cnf`. */
  readonly cnf: Readonly<Record<string, string>>
}

// As JWKs from the start: exporting a key object while the garbage collector ends the job that made it makes Node
// wait for itself, forever. The declarations do not have this format.
const generateJwks = generateKeyPairSync as unknown as (
  type: 'ed25519' | 'ec',
  options: object,
) => { readonly privateKey: JsonWebKey }
const asJwks = { publicKeyEncoding: { format: 'jwk' }, privateKeyEncoding: { format: 'jwk' } }

/**
 * Makes a key pair. `kid` defaults to the thumbprint.
 *
 * @example
 * ```ts
 * import { createKey } from '@countersign/devkit'
 * import { aauth } from '@countersign/express'
 *
 * const guard = aauth({
 *   resource: 'https://notes.example',
 *   signingKeys: [createKey('ES256').privateJwk],
 *   scopes: { 'notes.read': 'Read your notes' },
 * })
 * ```
 */
export function createKey(algorithm: AlgorithmName = 'Ed25519', kid?: string): TownKey {
  const { privateKey } =
    algorithm === 'Ed25519'
      ? generateJwks('ed25519', asJwks)
      : generateJwks('ec', { namedCurve: 'P-256', ...asJwks })
  const jwk = { ...privateKey, alg: algorithm }
  const key = importSigningJwk(kid === undefined ? jwk : { ...jwk, kid })
  const { kid: _, ...cnf } = key.publicJwk
  return { ...key, privateJwk: { ...jwk, kid: key.kid } as Record<string, string>, cnf }
}
