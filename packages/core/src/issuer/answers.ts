import { constantRefusal, Refusal } from '../errors.js'
import { isServerIdentifier } from '../identifiers.js'
import type { DiscoveryBound } from './discoverer.js'
import type { IssuerEntry } from './entry.js'
import { isDocumentName } from './options.js'
import type { IssuerPolicy } from './policy.js'
import type { IssuerAnswer, IssuerCounter } from './report.js'

/** The `Retry-After` in seconds when nothing better is known. */
const briefly = 5

const unknown = (reason: string): Refusal => new Refusal('unknown_key', { reason })
const always = (reason: string): Refusal => constantRefusal('unknown_key', { reason })

/** The refusals for keys that are not there, the same for every issuer and made once: strangers can ask for them without end. */
export const unknownKeys: Readonly<Record<'document' | 'pinned' | 'kid' | 'gone', Refusal>> = {
  document: always('no well-known document has that URL'),
  pinned: always('no such pinned key'),
  kid: always('the issuer has no key of that kid'),
  gone: always('the kid has gone'),
}

/** Makes and counts the refusals for tokens whose issuer's key is not available. */
export class IssuerAnswers {
  readonly #policy: IssuerPolicy
  readonly #counter: IssuerCounter
  readonly #unavailable: 'retry' | 'refuse'
  readonly #clock: () => number

  constructor(
    policy: IssuerPolicy,
    counter: IssuerCounter,
    unavailable: 'retry' | 'refuse',
    clock: () => number,
  ) {
    this.#policy = policy
    this.#counter = counter
    this.#unavailable = unavailable
    this.#clock = clock
  }

  /** The refusal for an issuer or document name that makes no valid URL, or that the operator does not admit. */
  refused(issuer: string, dwk: string): Refusal | undefined {
    return isServerIdentifier(issuer) && isDocumentName(dwk)
      ? this.denied(issuer, dwk)
      : this.unknownKey(unknownKeys.document)
  }

  /** The refusal for an issuer that the operator does not admit. */
  denied(issuer: string, dwk: string): Refusal | undefined {
    const refusal = this.#policy.refused(issuer, dwk)
    if (refusal !== undefined) this.#counter.answered('denied')
    return refusal
  }

  /** `unknown_key`: the issuer has no such key. */
  unknownKey(refusal: Refusal, counted: IssuerAnswer = 'unknown_key'): Refusal {
    this.#counter.answered(counted)
    return refusal
  }

  /** `issuer_unavailable`: a bound on discoveries was reached, so nothing was fetched. */
  busy(entry: IssuerEntry, bound: DiscoveryBound): Refusal {
    this.#counter.answered('busy')
    this.#counter.event({ name: 'issuer-busy', issuer: entry.issuer, dwk: entry.dwk, bound })
    const reason = bound === 'queue' ? 'the queue of discoveries is full' : 'too many newcomers in a minute'
    return new Refusal('issuer_unavailable', { reason: `${entry.issuer}: ${reason}`, retryAfter: briefly })
  }

  /** The refusal when the issuer could not be reached and no usable key is cached (G-11). */
  unavailable(entry: IssuerEntry, reason: string): Refusal {
    if (this.#unavailable === 'refuse') return this.unknownKey(unknown(reason), 'issuer_unavailable')
    this.#counter.answered('issuer_unavailable')
    const seconds = Math.ceil((entry.nextAttemptAt - this.#clock()) / 1000)
    const retryAfter = entry.flight === undefined && Number.isFinite(seconds) ? Math.max(1, seconds) : briefly
    return new Refusal('issuer_unavailable', { reason: `${entry.issuer}: ${reason}`, retryAfter })
  }

  /** The refusal that follows from the result of the last discovery. */
  conclude(entry: IssuerEntry): Refusal {
    const { fault } = entry
    if (fault === undefined) {
      if (entry.hasKeys(this.#clock())) return this.unknownKey(unknownKeys.kid)
      return this.unavailable(entry, 'nothing is known of the issuer yet')
    }
    switch (fault.kind) {
      case 'unavailable':
        return this.unavailable(entry, fault.reason)
      case 'unusable':
        return this.unknownKey(unknown(fault.reason))
      case 'forbidden':
        return this.unknownKey(unknown(fault.reason), 'forbidden_address')
      case 'issuer_missing':
      case 'issuer_mismatch':
        this.#counter.answered(fault.kind)
        return new Refusal(fault.kind, { reason: fault.reason })
    }
  }
}
