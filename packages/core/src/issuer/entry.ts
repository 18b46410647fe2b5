import type { KeyFault, VerificationKey } from '../crypto/keys.js'
import type { IssuerWithdrawnEvent } from '../events.js'
import { Fault } from './fault.js'
import type { FetchAttempt, Fetched, FloorFetcher } from './floor.js'
import type { KeySet } from './key-set.js'
import type { IssuerLimits } from './limits.js'
import { admitJwksUri, type IssuerMetadata } from './metadata.js'

/** The fetchers of one issuer's documents. */
export interface IssuerDocuments {
  readonly metadata: FloorFetcher<IssuerMetadata>
  readonly keys: FloorFetcher<KeySet>
}

/** The dependencies of an entry. */
export interface EntryContext {
  readonly limits: IssuerLimits
  readonly clock: () => number
  readonly random: () => number
  readonly keyHosts: readonly string[]
  readonly withdrawn: (cause: IssuerWithdrawnEvent['cause']) => void
}

/** The content of a document, with its dates in milliseconds. */
interface Held<T> {
  readonly value: T
  readonly bytes: number
  readonly fetchedAt: number
  /** From this time on it is refreshed in the background. */
  readonly refreshAt: number
  readonly freshUntil: number
  readonly discardAt: number
}

/** Bytes of memory for an entry, without its documents. */
const entryBytes = 512

/** A well-known document of an issuer, the key set that it names, and when either may be fetched again. */
export class IssuerEntry {
  readonly issuer: string
  readonly dwk: string
  /** The discovery that is running. */
  flight: Promise<void> | undefined
  flightBegan = 0
  /** When a token of this issuer was last checked, in milliseconds. */
  usedAt: number = Number.NEGATIVE_INFINITY
  /** Why the last discovery failed; `undefined` if it succeeded. */
  fault: Fault | undefined
  readonly #context: EntryContext
  /** The thumbprint of each key that has verified tokens, by `kid`. */
  readonly #served = new Map<string, string>()
  #metadata: Held<IssuerMetadata> | undefined
  #keys: Held<KeySet> | undefined
  #keysUrl = ''
  #failures = 0
  #attemptedAt = Number.NEGATIVE_INFINITY
  #nextAttemptAt: number

  /** @param notBefore milliseconds; when the first attempt is allowed */
  constructor(issuer: string, dwk: string, context: EntryContext, notBefore: number) {
    this.issuer = issuer
    this.dwk = dwk
    this.#context = context
    this.#nextAttemptAt = notBefore
  }

  /** When the last attempt began, in milliseconds. */
  get attemptedAt(): number {
    return this.#attemptedAt
  }

  /** When the next attempt is allowed, in milliseconds. */
  get nextAttemptAt(): number {
    return this.#nextAttemptAt
  }

  /** Bytes of memory for the entry and its cached documents. */
  get bytes(): number {
    return entryBytes + 2 * this.#keysUrl.length + (this.#metadata?.bytes ?? 0) + (this.#keys?.bytes ?? 0)
  }

  /** Whether no document is cached. */
  get isEmpty(): boolean {
    return this.#metadata === undefined && this.#keys === undefined
  }

  /** What is cached, and the result of the last attempt, for the health report. In milliseconds. */
  get state(): {
    keys: number
    fetchedAt?: number
    freshUntil?: number
    attemptedAt: number
    failures: number
  } {
    const dates =
      this.#keys === undefined ? {} : { fetchedAt: this.#keys.fetchedAt, freshUntil: this.#keys.freshUntil }
    return {
      keys: this.#keys?.value.size ?? 0,
      ...dates,
      attemptedAt: this.#attemptedAt,
      failures: this.#failures,
    }
  }

  /** Whether a discovery may begin now: none is running, and neither the minimum interval nor the backoff forbids it. */
  mayAttempt(now: number): boolean {
    return this.flight === undefined && (now >= this.#nextAttemptAt || now < this.#attemptedAt)
  }

  /** Whether a background refresh is due and allowed. */
  isDue(now: number): boolean {
    return this.mayAttempt(now) && (isDue(this.#keys, now) || isDue(this.#metadata, now))
  }

  /** Whether the keys can be used without waiting for fresher ones. */
  hasReadyKeys(now: number): boolean {
    return this.#isReady(this.#keys, now)
  }

  /** Whether there are keys that may still be used if nothing fresher is available. */
  hasKeys(now: number): boolean {
    return this.#keys !== undefined && now < this.#keys.discardAt
  }

  /** Whether the result of {@link key} is past its lifetime. */
  isStale(now: number): boolean {
    return this.#keys !== undefined && now >= this.#keys.freshUntil
  }

  /** The key by `kid`, even if it is due for a refresh; `undefined` past the maximum age. */
  key(kid: string, now: number): VerificationKey | KeyFault | undefined {
    const key = this.hasKeys(now) ? this.#keys?.value.get(kid) : undefined
    if (key !== undefined && 'jkt' in key) this.#served.set(kid, key.jkt)
    return key
  }

  /**
   * The metadata. `ready`: only if it can be used without waiting for a fresher copy. `usable`: up to the maximum
   * age.
   */
  metadata(now: number, which: 'ready' | 'usable'): IssuerMetadata | undefined {
    const held = this.#metadata
    if (held === undefined || now >= held.discardAt) return undefined
    return which === 'usable' || this.#isReady(held, now) ? held.value : undefined
  }

  /** Drops what is past the maximum age. @returns whether there was anything to drop */
  expire(now: number): boolean {
    const { bytes } = this
    if (this.#metadata !== undefined && now >= this.#metadata.discardAt) this.#metadata = undefined
    if (this.#keys !== undefined && now >= this.#keys.discardAt) {
      this.#keys = undefined
      this.withdraw('ceiling')
    }
    return this.bytes !== bytes
  }

  /** Reports that keys which have verified tokens are no longer cached. */
  withdraw(cause: IssuerWithdrawnEvent['cause']): void {
    if (this.#served.size === 0) return
    this.#served.clear()
    this.#context.withdrawn(cause)
  }

  /** Runs a discovery: the metadata if it is due, then the keys. `forced` fetches both. Never rejects. */
  async discover(documents: IssuerDocuments, forced: boolean, signal: AbortSignal): Promise<void> {
    const { clock, limits } = this.#context
    this.#attemptedAt = clock()
    this.#nextAttemptAt = this.#attemptedAt + limits.floor
    const fault = await this.#discover(documents, forced, signal)
    this.fault = fault
    this.#failures = fault === undefined ? 0 : this.#failures + 1
    // Counted from the end of the attempt, because its last fetch must also lie a whole interval back.
    if (fault !== undefined) this.#nextAttemptAt = clock() + this.#pause(fault)
  }

  async #discover(
    documents: IssuerDocuments,
    forced: boolean,
    signal: AbortSignal,
  ): Promise<Fault | undefined> {
    const metadata = await this.#discoverMetadata(documents, forced, signal)
    if (metadata instanceof Fault) return metadata
    const url = admitJwksUri(metadata, this.#context.keyHosts)
    if (url instanceof Fault) return url
    const { clock, limits } = this.#context
    const isCurrent = this.#keys !== undefined && this.#keysUrl === url.href && !isDue(this.#keys, clock())
    if (isCurrent && !forced) return undefined
    const attempt = documents.keys.get(url.href, signal)
    const fetched = await attempt.result
    if (fetched instanceof Fault) return fetched
    // The interval applies to the keys: this attempt began after that for the metadata, or before it, for another
    // well-known document.
    this.#nextAttemptAt = attempt.at + limits.floor
    this.#keysUrl = url.href
    this.#replaceKeys(this.#hold(fetched, attempt))
    return undefined
  }

  async #discoverMetadata(
    documents: IssuerDocuments,
    forced: boolean,
    signal: AbortSignal,
  ): Promise<IssuerMetadata | Fault> {
    const { clock } = this.#context
    const usable = this.metadata(clock(), 'usable')
    if (usable !== undefined && !forced && !isDue(this.#metadata, clock())) return usable
    const attempt = documents.metadata.get(`${this.issuer}/.well-known/${this.dwk}`, signal)
    const fetched = await attempt.result
    // If only the metadata cannot be fetched, the keys may still be at their known address.
    if (fetched instanceof Fault) {
      return fetched.kind === 'unavailable' && usable !== undefined ? usable : fetched
    }
    this.#metadata = this.#hold(fetched, attempt)
    return fetched.value
  }

  #replaceKeys(keys: Held<KeySet>): void {
    const before = this.#keys?.value
    this.#keys = keys
    let rotated = false
    for (const [kid, jkt] of this.#served) {
      if (keys.value.adopt(kid, jkt, before?.imported(kid))) continue
      this.#served.delete(kid)
      rotated = true
    }
    if (rotated) this.#context.withdrawn('rotated')
  }

  #hold<T>(fetched: Fetched<T>, attempt: FetchAttempt<T>): Held<T> {
    const { limits, random } = this.#context
    const stated = fetched.lifetime === undefined ? limits.lifetime : fetched.lifetime * 1000
    const lifetime = Math.min(Math.max(stated, limits.floor), limits.ceiling)
    return {
      value: fetched.value,
      bytes: fetched.bytes,
      fetchedAt: attempt.at,
      // Varied at random, so that issuers fetched together at start are not always refreshed together.
      refreshAt: attempt.at + lifetime * (0.7 + 0.1 * random()),
      freshUntil: attempt.at + lifetime,
      discardAt: attempt.at + limits.ceiling,
    }
  }

  #isReady(held: Held<unknown> | undefined, now: number): boolean {
    if (held === undefined || now >= held.discardAt) return false
    if (now < held.freshUntil + this.#context.limits.grace) return true
    return (
      this.#failures > 0 ||
      (this.flight !== undefined && now - this.flightBegan > this.#context.limits.patience)
    )
  }

  #pause(fault: Fault): number {
    const { limits, random } = this.#context
    const doubled = Math.min(limits.floor * 2 ** (this.#failures - 1), limits.backoff)
    const asked = Math.min(fault.retryAfter ?? 0, limits.backoff)
    return Math.max(doubled * (1 + 0.1 * random()), asked)
  }
}

function isDue(held: Held<unknown> | undefined, now: number): boolean {
  return held === undefined || now >= held.refreshAt || now < held.fetchedAt
}
