import { importPublicJwk, KeyFault, type SigningKey, type VerificationKey } from '../crypto/keys.js'
import { decodeJws, isSignedFor, signJws } from '../token/jws.js'

/** The type of the statements' header, so that none passes for a token. */
const typ = 'countersign-audit+jws'

/** How far a chain reaches: what was written before it cannot be taken away or changed unseen. */
export interface HeadStatement {
  readonly kind: 'head'
  /** The resource, by its identifier. */
  readonly iss: string
  readonly chain: string
  /** Of the last record. */
  readonly seq: number
  /** SHA-256 of the last record. */
  readonly hash: string
  /** Milliseconds. */
  readonly at: number
  /** Whether the chain has ended with it. */
  readonly closed: boolean
}

/** Whose evidence was erased: the places of the records, and nothing of the person. */
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

/** Public keys by their `kid`. @throws TypeError for a key that cannot be used */
export function readKeys(jwks: readonly object[]): ReadonlyMap<string, readonly VerificationKey[]> {
  const keys = new Map<string, VerificationKey[]>()
  for (const jwk of jwks) {
    const key = importPublicJwk(jwk)
    if (key instanceof KeyFault) throw new TypeError(`keys: ${key.detail}`)
    const { kid = key.jkt } = jwk as { readonly kid?: string }
    keys.set(kid, [...(keys.get(kid) ?? []), key])
  }
  return keys
}

/** Most members of a statement: one that erases names many records. */
const most = 10_000

/** A statement that one of the keys has signed; otherwise why it is none. */
export function readStatement(
  text: string,
  keys: ReadonlyMap<string, readonly VerificationKey[]>,
): AuditStatement | string {
  const jws = decodeJws(text, most)
  if (jws === undefined || jws.header['typ'] !== typ) return 'is no statement about a log'
  const candidates = keys.get(String(jws.header['kid']))
  if (candidates === undefined) return 'is signed by a key that was not given'
  const isSigned = candidates.some(
    (key) =>
      isSignedFor(jws, key) &&
      jws.signature.length === key.algorithm.signatureBytes &&
      key.algorithm.verify(key.key, jws.signingInput, jws.signature),
  )
  if (!isSigned) return 'does not verify'
  const { kind } = jws.payload
  return kind === 'head' || kind === 'erasure'
    ? (jws.payload as unknown as AuditStatement)
    : 'is of a kind that is not known'
}
