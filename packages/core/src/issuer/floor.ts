import type { IssuerEvent, UntimedEvent } from '../events.js'
import { issuerFetches, traced } from '../tracing/channels.js'
import { type DocumentBounds, fetchDocument } from './document.js'
import { Fault } from './fault.js'
import type { IssuerFetch } from './options.js'

/** The content of a document. The document itself is not kept, because strangers decide how much of it is useless. */
export interface Fetched<T> {
  readonly value: T
  /** Bytes of memory that the value takes. */
  readonly bytes: number
  /** The lifetime in seconds that the response stated, if any. */
  readonly lifetime: number | undefined
}

/** One fetch of a document, and when it began, in milliseconds. */
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

/** A kind of document: its bounds, and how to read it. */
export interface DocumentKind<T> extends DocumentBounds {
  readonly name: 'metadata' | 'jwks'
  readonly read: (document: Record<string, unknown>) => T | Fault
  /** Bytes of memory that the value takes. */
  readonly weigh: (value: T) => number
}

/**
 * Fetches the documents of one kind of one issuer, each at most once in the minimum interval (a minute, AAuth 11.4).
 * A repeated request gets the result of the last fetch, whether that is running, has succeeded or has failed. So a
 * JWKS that several well-known documents share is fetched once.
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

  /** Fetches, or returns the last result. Never rejects. */
  get(url: string, signal: AbortSignal): FetchAttempt<T> {
    const now = this.#context.clock()
    this.prune(now)
    const last = this.#attempts.get(url)
    if (last !== undefined) return last
    const attempt = { at: now, result: this.#fetch(url, signal, now) }
    this.#attempts.set(url, attempt)
    return attempt
  }

  /** Forgets results that are older than the minimum interval. */
  prune(now: number): void {
    for (const [url, { at }] of this.#attempts) {
      // A clock that was set back must not extend the interval.
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
