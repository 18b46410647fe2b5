import type { Algorithm } from '../crypto/algorithms.js'
import {
  checkPublicJwk,
  importPublicJwk,
  KeyFault,
  thumbprint,
  type VerificationKey,
} from '../crypto/keys.js'
import { fixedLimits } from '../limits.js'
import { Fault } from './fault.js'

/** The members from which a key is imported. Nothing else of a JWK is kept. */
interface Candidate {
  readonly algorithm: Algorithm
  readonly x: string
  readonly y?: string
}

/**
 * Limit on the keys of one `kid` that are tried. Checking that a point is on its curve costs a quarter of a
 * verification.
 */
const candidatesPerKid = 4
/** Limit on the imported keys; more than an issuer uses at a time. */
const importedKeys = 16
/** Bytes of memory for a key that is not imported, without its `kid`. */
const keyBytes = 512

/**
 * A JWKS by `kid`. Cheap checks run when the set is read. A key is imported when it is first needed, so that a set
 * costs only what is used of it. An unusable key does not affect others (AAuth 11.4). Of several keys with one `kid`,
 * the first usable one counts, among the first four that pass the cheap checks.
 */
export class KeySet {
  readonly #candidates = new Map<string, Candidate[] | KeyFault>()
  readonly #imported = new Map<string, VerificationKey | KeyFault>()
  /** Bytes of memory for the set, with as many imported keys as are allowed. */
  readonly bytes: number

  /**
   * Reads a JWKS. A set with too many keys is refused, not truncated: the required key may be the last.
   *
   * @param maxKeys default any number, for sets in the options
   * @param maxBytes of memory for its keys
   */
  static read(
    document: Readonly<Record<string, unknown>>,
    maxKeys: number = Number.POSITIVE_INFINITY,
    maxBytes: number = Number.POSITIVE_INFINITY,
  ): KeySet | Fault {
    const { keys } = document as { readonly keys?: unknown }
    if (!Array.isArray(keys)) return new Fault('unusable', 'the JWKS has no array of keys')
    if (keys.length > maxKeys) return new Fault('unusable', `the JWKS has more than ${maxKeys} keys`)
    const set = new KeySet(keys)
    return set.bytes > maxBytes
      ? new Fault('unusable', `the JWKS takes more than ${maxBytes} bytes of memory`)
      : set
  }

  private constructor(keys: readonly unknown[]) {
    let bytes = keyBytes
    const imported: number[] = []
    for (const jwk of keys) {
      const kid = kidOf(jwk)
      if (kid === undefined) continue
      const known = this.#candidates.get(kid)
      // Counted twice: an entry stores the names of the keys that have verified tokens, as the tokens spell them.
      if (known === undefined) bytes += keyBytes + 2 * 2 * kid.length
      const candidate = readKey(jwk)
      if (candidate instanceof KeyFault) {
        if (known === undefined) this.#candidates.set(kid, candidate)
      } else if (known === undefined || known instanceof KeyFault) {
        this.#candidates.set(kid, [candidate])
        imported.push(candidate.algorithm.keyBytes)
      } else if (known.length < candidatesPerKid) {
        known.push(candidate)
        bytes += keyBytes
      }
    }
    const largest = imported.sort((a, b) => b - a).slice(0, importedKeys)
    this.bytes = largest.reduce((sum, more) => sum + more, bytes)
  }

  /** How many keys the set has. */
  get size(): number {
    return this.#candidates.size
  }

  /** The key, the reason why it is unusable, or `undefined` if the set has no such `kid`. */
  get(kid: string): VerificationKey | KeyFault | undefined {
    const known = this.#imported.get(kid)
    if (known !== undefined) return known
    const candidates = this.#candidates.get(kid)
    if (candidates === undefined || candidates instanceof KeyFault) return candidates
    const key = firstUsable(candidates)
    this.#hold(kid, key)
    return key
  }

  /** The key, if it is imported. */
  imported(kid: string): VerificationKey | undefined {
    const key = this.#imported.get(kid)
    return key instanceof KeyFault ? undefined : key
  }

  /**
   * Whether the key with that thumbprint is still the first of its `kid`. If so, it stays the same object. Nothing is
   * imported for this check, because a fetched set is compared with all keys that the issuer has in use.
   *
   * @param key the imported key, if there still is one
   */
  adopt(kid: string, jkt: string, key: VerificationKey | undefined): boolean {
    const candidates = this.#candidates.get(kid)
    if (candidates === undefined || candidates instanceof KeyFault) return false
    if (jktOf(candidates[0] as Candidate) !== jkt) return false
    if (key?.jkt === jkt) this.#hold(kid, key)
    return true
  }

  #hold(kid: string, key: VerificationKey | KeyFault): void {
    for (const first of this.#imported.keys()) {
      if (this.#imported.size < importedKeys) break
      this.#imported.delete(first)
    }
    this.#imported.set(kid, key)
  }
}

function kidOf(jwk: unknown): string | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const { kid } = jwk as { readonly kid?: unknown }
  return typeof kid === 'string' && kid !== '' && kid.length <= fixedLimits.kid ? kid : undefined
}

function readKey(jwk: unknown): Candidate | KeyFault {
  if (!isForSignatures(jwk)) return new KeyFault('invalid', 'the key is not for signatures')
  const algorithm = checkPublicJwk(jwk)
  if (algorithm instanceof KeyFault) return algorithm
  const { x, y } = jwk as Candidate
  return algorithm.members.includes('y') ? { algorithm, x, y: y as string } : { algorithm, x }
}

function firstUsable(candidates: readonly Candidate[]): VerificationKey | KeyFault {
  let fault: KeyFault | undefined
  for (const { algorithm, x, y } of candidates) {
    const key = importPublicJwk({ kty: algorithm.kty, crv: algorithm.crv, alg: algorithm.name, x, y })
    if (!(key instanceof KeyFault)) return key
    fault ??= key
  }
  return fault as KeyFault
}

const jktOf = ({ algorithm, x, y = '' }: Candidate): string => thumbprint(algorithm, { x, y })

// RFC 7517, 4.2 and 4.3: both are optional, and when present say what the key is for.
function isForSignatures(jwk: unknown): boolean {
  const { use, key_ops: operations } = jwk as { readonly use?: unknown; readonly key_ops?: unknown }
  if (use !== undefined && use !== 'sig') return false
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
}
