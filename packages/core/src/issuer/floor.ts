import type { IssuerEvent, UntimedEvent } from '../events.js'
import { issuerFetches, traced } from '../tracing/channels.js'
import { type DocumentBounds, fetchDocument } from './document.js'
import { Fault } from './fault.js'
import type { IssuerFetch } from './options.js'

/** What was read of a document. The document itself is not kept: a stranger decides how much of it is of no use. */
export interface Fetched<T> {
  readonly value: T
  /** Bytes of memory that the value takes. */
  readonly bytes: number
  /** Seconds the response stated as its lifetime, if it did. */
  readonly lifetime: number | undefined
}

/** One fetch of a document, with the time when it began, in milliseconds. */
export interface FetchAttempt<T> {
  readonly at: number
  readonly result: Promise<Fetched<T> | Fault>
}

/** The dependencies of {@link FloorFetcher}. */
export interface FloorFetcherContext {
  readonly fetch: IssuerFetch
  readonly floor: number
  readonly clock: () => number
  readonly report: (event: UntimedEvent<IssuerEvent>) => void
}

/** A kind of document: its bounds, and how it is read. */
export interface DocumentKind<T> extends DocumentBounds {
  readonly name: 'metadata' | 'jwks'
  readonly read: (document: Record<string, unknown>) => T | Fault
  /** Bytes of memory that the value takes. */
  readonly weigh: (value: T) => number
}

/**
 * Fetches the documents of one kind of one issuer, each at most once in the floor (a minute, AAuth 11.4). Whoever asks
 * again before gets the result of the last fetch, whether it is under way, succeeded or failed: so a JWKS that several
 * well-known documents share is fetched once.
 */
export class FloorFetcher<T> {
  readonly #issuer: string
  readonly #kind: DocumentKind<T>
  readonly #context: FloorFetcherContext
  readonly #attempts = new Map<string, FetchAttempt<T>>()

  constructor(issuer: string, kind: DocumentKind<T>, context: FloorFetcherContext) {
    this.#issuer = issuer
    this.#kind = kind
    this.#context = context
  }

  /** Fetches, or repeats the last answer. Never rejects. */
  get(url: string, signal: AbortSignal): FetchAttempt<T> {
    const now = this.#context.clock()
    this.prune(now)
    const last = this.#attempts.get(url)
    if (last !== undefined) return last
    const attempt = { at: now, result: this.#fetch(url, signal, now) }
    this.#attempts.set(url, attempt)
    return attempt
  }

  /** Forgets the answers that are older than the floor. */
  prune(now: number): void {
    for (const [url, { at }] of this.#attempts) {
      // A clock that was set back must not hold the floor for longer than it is.
      if (now - at >= this.#context.floor || now < at) this.#attempts.delete(url)
    }
  }

  #fetch(url: string, signal: AbortSignal, began: number): Promise<Fetched<T> | Fault> {
    if (!issuerFetches.hasSubscribers) return this.#fetchNow(url, signal, began)
    const message = { issuer: this.#issuer, document: this.#kind.name, url, outcome: undefined as unknown }
    return Promise.resolve(
      traced(issuerFetches, message, async () => {
        const fetched = await this.#fetchNow(url, signal, began)
        message.outcome = fetched instanceof Fault ? fetched.kind : 'ok'
        return fetched
      }),
    )
  }

  async #fetchNow(url: string, signal: AbortSignal, began: number): Promise<Fetched<T> | Fault> {
    const { fetch, clock, report } = this.#context
    const { name, read, weigh } = this.#kind
    const fetched = await fetchDocument(fetch, url, this.#kind, signal, clock)
    const value = fetched instanceof Fault ? fetched : read(fetched.document)
    const outcome =
      value instanceof Fault ? { outcome: value.kind, reason: value.reason } : { outcome: 'ok' as const }
    const milliseconds = clock() - began
    report({ name: 'issuer-fetched', issuer: this.#issuer, document: name, url, milliseconds, ...outcome })
    if (fetched instanceof Fault) return fetched
    return value instanceof Fault ? value : { value, bytes: weigh(value), lifetime: fetched.lifetime }
  }
}
