import { type Fetched, fetchDocument } from './document.js'
import type { IssuerEvent } from './events.js'
import { Fault } from './fault.js'
import type { IssuerFetch } from './options.js'

/** A fetch and when it began, in milliseconds. */
export interface Attempt {
  readonly at: number
  readonly result: Promise<Fetched | Fault>
}

/** What {@link FloorFetcher} works with. */
export interface FetchPorts {
  readonly fetch: IssuerFetch
  readonly floor: number
  readonly clock: () => number
  readonly report: (event: IssuerEvent) => void
}

/** What to fetch, and how much of it. */
export interface FetchTarget {
  readonly document: 'metadata' | 'jwks'
  readonly url: string
  readonly maxBytes: number
}

/**
 * One issuer's documents by URL. Whoever asks within the floor gets the last attempt's own answer, be it under way,
 * good or bad: so no URL is fetched twice in a minute, even where several well-known documents share one JWKS.
 */
export class FloorFetcher {
  readonly #issuer: string
  readonly #ports: FetchPorts
  readonly #attempts = new Map<string, Attempt>()

  constructor(issuer: string, ports: FetchPorts) {
    this.#issuer = issuer
    this.#ports = ports
  }

  /** Fetches, or repeats the last answer. Never rejects. */
  get(target: FetchTarget, signal: AbortSignal): Attempt {
    const now = this.#ports.clock()
    for (const [url, { at }] of this.#attempts) {
      // A clock that was set back must not hold the floor for longer than it is.
      if (now - at >= this.#ports.floor || now < at) this.#attempts.delete(url)
    }
    const last = this.#attempts.get(target.url)
    if (last !== undefined) return last
    const attempt = { at: now, result: this.#fetch(target, signal, now) }
    this.#attempts.set(target.url, attempt)
    return attempt
  }

  async #fetch(target: FetchTarget, signal: AbortSignal, began: number): Promise<Fetched | Fault> {
    const { fetch, clock, report } = this.#ports
    const fetched = await fetchDocument(fetch, target.url, target.maxBytes, signal, clock)
    report({
      name: 'issuer-fetched',
      issuer: this.#issuer,
      document: target.document,
      url: target.url,
      milliseconds: clock() - began,
      ...(fetched instanceof Fault ? { outcome: fetched.kind, reason: fetched.reason } : { outcome: 'ok' }),
    })
    return fetched
  }
}
