import { importPublicJwk, KeyFault, type VerificationKey } from '../crypto/keys.js'
import { fixedLimits } from '../limits.js'
import { Fault } from './fault.js'

/**
 * A JWKS by `kid`. A key is imported when it is first asked for, so that a set costs only what it is used for, and an
 * unusable key harms no other (AAuth 11.4). Of several keys with one `kid` the first usable one counts.
 */
export class KeySet {
  readonly #candidates = new Map<string, unknown[]>()
  readonly #imported = new Map<string, VerificationKey | KeyFault>()

  /** Reads a JWKS. One with more than `maxKeys` keys is refused, not cut short: the key asked for may be the last. */
  static read(document: Readonly<Record<string, unknown>>, maxKeys: number): KeySet | Fault {
    const { keys } = document as { readonly keys?: unknown }
    if (!Array.isArray(keys)) return new Fault('unusable', 'the JWKS has no array of keys')
    if (keys.length > maxKeys) return new Fault('unusable', `the JWKS has more than ${maxKeys} keys`)
    return new KeySet(keys)
  }

  private constructor(keys: readonly unknown[]) {
    for (const jwk of keys) {
      const kid = kidOf(jwk)
      if (kid === undefined) continue
      const sameKid = this.#candidates.get(kid)
      if (sameKid === undefined) this.#candidates.set(kid, [jwk])
      else sameKid.push(jwk)
    }
  }

  /** How many keys can be asked for. */
  get size(): number {
    return this.#candidates.size
  }

  /** The key, why it is unusable, or `undefined` when the set has none of that `kid`. */
  get(kid: string): VerificationKey | KeyFault | undefined {
    const known = this.#imported.get(kid)
    if (known !== undefined) return known
    const candidates = this.#candidates.get(kid)
    if (candidates === undefined) return undefined
    const key = firstUsable(candidates)
    this.#imported.set(kid, key)
    return key
  }

  /** Whether the set still holds that very key; if so, it goes on as the same object. */
  adopt(kid: string, key: VerificationKey): boolean {
    const now = this.get(kid)
    if (now === undefined || now instanceof KeyFault || now.jkt !== key.jkt) return false
    this.#imported.set(kid, key)
    return true
  }
}

function kidOf(jwk: unknown): string | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const { kid } = jwk as { readonly kid?: unknown }
  return typeof kid === 'string' && kid !== '' && kid.length <= fixedLimits.kid ? kid : undefined
}

function firstUsable(candidates: readonly unknown[]): VerificationKey | KeyFault {
  let fault: KeyFault | undefined
  for (const jwk of candidates) {
    const key = isForSignatures(jwk)
      ? importPublicJwk(jwk)
      : new KeyFault('invalid', 'the key is not for signatures')
    if (!(key instanceof KeyFault)) return key
    fault ??= key
  }
  return fault as KeyFault
}

// RFC 7517, 4.2 and 4.3: both are optional, and say what the key is for when they are there.
function isForSignatures(jwk: unknown): boolean {
  const { use, key_ops: operations } = jwk as { readonly use?: unknown; readonly key_ops?: unknown }
  if (use !== undefined && use !== 'sig') return false
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
}
