import { describeValue } from '../configuration/describe-value.js'
import { importPublicJwk, KeyFault, type SigningKey, type VerificationKey } from '../crypto/keys.js'
import { isServerIdentifier } from '../identifiers.js'
import { decodeJws, isSignedFor, signJws } from '../token/jws.js'

/** The `typ` of statements, so that none can be used as a token. */
const typ = 'countersign-audit+jws'

/** How far a chain reaches. Earlier records cannot be removed or changed without being noticed. */
export interface HeadStatement {
  readonly kind: 'head'
  /** The resource, by its identifier. */
  readonly iss: string
  readonly chain: string
  /** The number of the last record. */
  readonly seq: number
  /** SHA-256 of the last record. */
  readonly hash: string
  /** Milliseconds. */
  readonly at: number
  /** Whether the chain ends with it. */
  readonly closed: boolean
}

/** An erasure: the places of the erased records, without anything about the person. */
export interface ErasureStatement {
  readonly kind: 'erasure'
  readonly iss: string
  readonly chain: string
  readonly seqs: readonly number[]
  /** Milliseconds. */
  readonly at: number
}

/** What a resource signs about its log. */
export type AuditStatement = HeadStatement | ErasureStatement

/** Signs a statement as a compact JWS. */
export function signStatement(statement: AuditStatement, key: SigningKey): Promise<string> {
  return signJws(typ, { ...statement }, key)
}

/** Public keys as JWKs, or a key set. */
export type AuditKeyList = readonly object[] | { readonly keys: readonly object[] }

/** Which statements count: the public keys of each resource, or one list of keys for all of them. */
export type AuditKeys =
  | readonly object[]
  | ReadonlyMap<string, AuditKeyList>
  | Readonly<Record<string, AuditKeyList>>

/** Finds the keys with this `kid` that a resource signs with. */
export type FindKeys = (resource: unknown, kid: string) => readonly VerificationKey[]

/** Reads public keys. @throws TypeError for an unusable key, an invalid resource, or an invalid list */
export function readKeys(given: AuditKeys): FindKeys {
  if (isList(given)) {
    const all = byKid('keys', given)
    return (_, kid) => all.get(kid) ?? []
  }
  if (typeof given !== 'object' || given === null)
    throw new TypeError('keys: must be a list of public JWKs, or such lists by resource')
  const lists: Iterable<readonly [string, AuditKeyList]> =
    given instanceof Map ? given : Object.entries(given)
  const keys = new Map<unknown, ReturnType<typeof byKid>>()
  for (const [resource, list] of lists) {
    if (!isServerIdentifier(resource))
      throw new TypeError(
        `keys: must be a list of public JWKs, or such lists by resource: "${resource}" is no identifier of a resource`,
      )
    keys.set(resource, byKid(`keys of ${resource}`, isList(list) ? list : list?.keys))
  }
  return (resource, kid) => keys.get(resource)?.get(kid) ?? []
}

const isList = (given: unknown): given is readonly object[] => Array.isArray(given)

function byKid(what: string, jwks: unknown): ReadonlyMap<string, readonly VerificationKey[]> {
  if (!Array.isArray(jwks))
    throw new TypeError(`${what}: must be a list of public JWKs, not ${describeValue(jwks)}`)
  const keys = new Map<string, VerificationKey[]>()
  for (const jwk of jwks as readonly unknown[]) {
    const key = importPublicJwk(jwk)
    if (key instanceof KeyFault) throw new TypeError(`${what}: ${key.detail}`)
    const { kid = key.jkt } = jwk as { readonly kid?: string }
    keys.set(kid, [...(keys.get(kid) ?? []), key])
  }
  return keys
}

/** Limit on the members of a statement. An erasure names many records. */
const most = 10_000

/**
 * A statement that its resource signed (if keys are in one list: that any of them signed); otherwise why it is
 * invalid.
 */
export function readStatement(text: string, keysOf: FindKeys): AuditStatement | string {
  const jws = decodeJws(text, most)
  if (jws === undefined || jws.header['typ'] !== typ) return 'is no statement about a log'
  const candidates = keysOf(jws.payload['iss'], String(jws.header['kid']))
  if (candidates.length === 0) return 'is signed by a key that was not given for its resource'
  const isSigned = candidates.some(
    (key) =>
      isSignedFor(jws, key) &&
      jws.signature.length === key.algorithm.signatureBytes &&
      key.algorithm.verify(key.key, jws.signingInput, jws.signature),
  )
  if (!isSigned) return 'does not verify'
  return isStatement(jws.payload)
    ? (jws.payload as unknown as AuditStatement)
    : 'is of a kind that is not known'
}

// The signer may be another resource, of which no statements are known.
function isStatement({ kind, iss, chain, seq, hash, seqs }: Readonly<Record<string, unknown>>): boolean {
  if (typeof iss !== 'string' || typeof chain !== 'string') return false
  if (kind === 'head') return Number.isSafeInteger(seq) && typeof hash === 'string'
  return kind === 'erasure' && Array.isArray(seqs)
}
