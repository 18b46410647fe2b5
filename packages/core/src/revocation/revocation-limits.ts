import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../errors.js'
import type { Store } from '../store/store.js'

/** How many revocations are recorded (AAuth 11.12.3, G-56). Whoever sends more is answered `429` and may repeat it. */
export interface RevocationLimits {
  /** Of one issuer, in a minute. Default 60. */
  readonly perMinute: number
  /** Of one issuer, live at once. Default 10 000. Held by lowering `perMinute` where it is too much for that. */
  readonly live: number
  /** Of all issuers together of whom no token has verified in this process, in a minute. Default 600. */
  readonly newcomersPerMinute: number
}

/** The defaults. */
export const revocationLimits: RevocationLimits = { perMinute: 60, live: 10_000, newcomersPerMinute: 600 }

/**
 * Counts by claiming numbered slots of a minute in the store that all instances share, so that one bound holds for all
 * of them together. A process remembers how far it has come; each slot is claimed once, whoever asks.
 */
export class RevocationRate {
  readonly #store: Store
  readonly #clock: () => number
  readonly #reached = new LRUCache<string, number>({ max: 1000 })

  /** @param clock milliseconds, as `Date.now` */
  constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#clock = clock
  }

  /** Takes one of `perMinute`; a refusal when all are taken. */
  async take(who: string, perMinute: number): Promise<Refusal | undefined> {
    const seconds = Math.floor(this.#clock() / 1000)
    const minute = Math.floor(seconds / 60)
    const counter = `${hash('sha256', who, 'base64url')}:${minute}`
    for (let slot = this.#reached.get(counter) ?? 0; slot < perMinute; slot++) {
      const taken = await this.#store.claim(`revoking:${counter}:${slot}`, '1', 70)
      this.#reached.set(counter, slot + 1)
      if (taken) return undefined
    }
    return new Refusal('rate_limited', { retryAfter: (minute + 1) * 60 - seconds })
  }
}

/** The rate at which no more than `live` entries of `lifetime` seconds can be live at once. */
export function boundedRate(limits: RevocationLimits, lifetime: number): number {
  // Counting by whole minutes lets one minute's worth more through.
  const minutes = Math.ceil(lifetime / 60) + 1
  return Math.max(1, Math.min(limits.perMinute, Math.floor(limits.live / minutes)))
}
