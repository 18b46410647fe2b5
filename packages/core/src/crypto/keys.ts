import { createPrivateKey, createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto'
import { type Algorithm, algorithms } from './algorithms.js'
import { isCanonicalPoint, isSmallOrder } from './edwards.js'

/** A public key that passed every check, with its RFC 7638 SHA-256 thumbprint. */
export interface VerificationKey {
  readonly algorithm: Algorithm
  readonly key: KeyObject
  readonly jkt: string
}

/**
 * Why a JWK is no usable public key. `incomplete`: members that its `kty` needs are missing. `unsupported`: `alg` is
 * absent, polymorphic or not implemented. `invalid`: `kty` or `crv` contradict `alg`, there is a private member, or
 * the key material is invalid.
 */
export class KeyFault {
  readonly fault: 'incomplete' | 'unsupported' | 'invalid'
  readonly detail: string
  constructor(fault: 'incomplete' | 'unsupported' | 'invalid', detail: string) {
    this.fault = fault
    this.detail = detail
  }
}

const requiredMembers: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['OKP', ['crv', 'x']],
  ['EC', ['crv', 'x', 'y']],
  ['RSA', ['n', 'e']],
])
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/**
 * Checks and imports a public JWK. The algorithm is only the key's own `alg` (AAuth 11.3.1, Signature-Key draft 3.3).
 * The key material must be canonical, so that a key has one thumbprint.
 *
 * @example
 * ```ts
 * import { importPublicJwk, KeyFault } from '@countersign/core/signature'
 *
 * const key = importPublicJwk(JSON.parse(process.env['PUBLIC_JWK'] ?? '{}'))
 * if (key instanceof KeyFault) throw new TypeError(key.detail)
 * console.log(key.jkt)
 * ```
 */
export function importPublicJwk(jwk: unknown): VerificationKey | KeyFault {
  const algorithm = checkPublicJwk(jwk)
  if (algorithm instanceof KeyFault) return algorithm
  const members = jwk as Readonly<Record<'x' | 'y', string>>
  try {
    const key = createPublicKey({ key: publicMembers(algorithm, members), format: 'jwk' })
    return { algorithm, key, jkt: thumbprint(algorithm, members) }
  } catch {
    return new KeyFault('invalid', 'the key is not a point on its curve')
  }
}

/**
 * The checks of {@link importPublicJwk} without the import. Returns the key's algorithm, or what is wrong with the
 * key.
 *
 * @example
 * ```ts
 * import { checkPublicJwk, KeyFault } from '@countersign/core/signature'
 *
 * const algorithm = checkPublicJwk({ kty: 'OKP', crv: 'Ed25519', alg: 'Ed25519', x: 'too short' })
 * if (algorithm instanceof KeyFault) console.error(algorithm.detail)
 * ```
 */
export function checkPublicJwk(jwk: unknown): Algorithm | KeyFault {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) {
    return new KeyFault('incomplete', 'the key is not a JSON object')
  }
  const members = jwk as Readonly<Record<string, unknown>>
  if (typeof members['kty'] !== 'string') return new KeyFault('incomplete', 'the key has no kty')
  const required = requiredMembers.get(members['kty'])
  if (required?.some((name) => members[name] === undefined)) {
    return new KeyFault('incomplete', 'the key lacks a member that its kty requires')
  }
  const algorithm = typeof members['alg'] === 'string' ? algorithms.get(members['alg']) : undefined
  if (algorithm === undefined || required === undefined) {
    return new KeyFault('unsupported', 'the key’s alg must be Ed25519 (kty OKP) or ES256 (kty EC)')
  }
  if (members['kty'] !== algorithm.kty || members['crv'] !== algorithm.crv) {
    return new KeyFault('invalid', 'kty or crv disagrees with alg')
  }
  if (privateMembers.some((name) => Object.hasOwn(members, name))) {
    return new KeyFault('invalid', 'the key has a private member, which must not be published')
  }
  for (const name of algorithm.members) {
    const bytes = decodeBase64url(members[name])
    if (bytes?.length !== algorithm.memberBytes) {
      return new KeyFault('invalid', 'a key member is not canonical base64url of the right length')
    }
    if (algorithm.crv === 'Ed25519' && (isSmallOrder(bytes) || !isCanonicalPoint(bytes))) {
      return new KeyFault('invalid', 'the key is a small-order or non-canonical point')
    }
  }
  return algorithm
}

/** The RFC 7638 thumbprint (SHA-256, base64url) of a key whose members have been checked. */
export function thumbprint(algorithm: Algorithm, jwk: Readonly<Record<'x' | 'y', string>>): string {
  const members = algorithm.members.map((name) => `"${name}":"${jwk[name]}"`).join(',')
  return hash('sha256', `{"crv":"${algorithm.crv}","kty":"${algorithm.kty}",${members}}`, 'base64url')
}

function publicMembers(algorithm: Algorithm, jwk: Readonly<Record<'x' | 'y', string>>): JsonWebKey {
  const key: JsonWebKey = { kty: algorithm.kty, crv: algorithm.crv }
  for (const name of algorithm.members) key[name] = jwk[name]
  return key
}

/** Decodes base64url without padding; `undefined` unless it is the one spelling of these bytes (RFC 4648, 3.5). */
export function decodeBase64url(text: unknown): Buffer | undefined {
  if (typeof text !== 'string') return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

/** A private key that signs tokens and requests. */
export interface SigningKey {
  readonly algorithm: Algorithm
  readonly kid: string
  readonly jkt: string
  /** The published form: only public members, `alg` and `kid`. */
  readonly publicJwk: Readonly<Record<string, string>>
  sign(data: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/**
 * Imports a private JWK. Without a `kid` the thumbprint is used.
 *
 * @throws TypeError when it is no private key of an accepted, fully specified algorithm, or its halves do not match
 *
 * @example
 * ```ts
 * import { importSigningJwk } from '@countersign/core/signature'
 *
 * const key = importSigningJwk(JSON.parse(process.env['PRIVATE_JWK'] ?? '{}'))
 * console.log(key.kid)
 * ```
 */
export function importSigningJwk(jwk: unknown): SigningKey {
  if (typeof jwk !== 'object' || jwk === null) throw new TypeError('must be a private JWK')
  const { d, ...rest } = jwk as Record<string, unknown>
  if (rest['kty'] === undefined) throw new TypeError('must be a private JWK: it has no kty')
  checkPurpose(rest)
  const verification = importPublicJwk(rest)
  if (verification instanceof KeyFault) throw new TypeError(ownFault(verification, rest['alg']))
  const { algorithm, jkt } = verification
  const members = rest as Record<'x' | 'y', string> & Record<string, unknown>
  if (d === undefined)
    throw new TypeError('must be a private JWK, and this one is public: it has no member d')
  if (decodeBase64url(d)?.length !== algorithm.memberBytes)
    throw new TypeError('must be a private JWK (member d)')
  const privateKey = importPrivate({ ...publicMembers(algorithm, members), d: d as string })
  const proof = Buffer.from('countersign')
  if (!algorithm.verify(verification.key, proof, algorithm.sign(privateKey, proof))) {
    throw new TypeError('must be a private JWK whose private and public members belong together')
  }
  const kid = members['kid'] ?? jkt
  if (typeof kid !== 'string' || kid === '') throw new TypeError('kid must be a non-empty string')
  const publicJwk = {
    ...(publicMembers(algorithm, members) as Record<string, string>),
    alg: algorithm.name,
    kid,
  }
  return { algorithm, kid, jkt, publicJwk, sign: (data) => algorithm.sign(privateKey, data) }
}

/** What is wrong with a key of our own, with its `alg`. A value that cannot be an algorithm's name is not shown. */
export function ownFault({ fault, detail }: KeyFault, alg: unknown): string {
  if (fault !== 'unsupported') return detail
  if (alg === undefined) return `${detail}, and there is none`
  return typeof alg === 'string' && /^[A-Za-z0-9-]{1,20}$/.test(alg) ? `${detail}, and is ${alg}` : detail
}

// RFC 7517, 4.2 and 4.3: the purpose of the key.
function checkPurpose({ use, key_ops: operations }: Record<string, unknown>): void {
  if (use !== undefined && use !== 'sig') throw new TypeError('use must be sig')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('sign'))) {
    throw new TypeError('key_ops must include sign')
  }
}

function importPrivate(jwk: JsonWebKey): KeyObject {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' })
  } catch (cause) {
    throw new TypeError('must be a private JWK (member d is no private key)', { cause })
  }
}
