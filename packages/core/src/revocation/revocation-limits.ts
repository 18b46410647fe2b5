import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../errors.js'
import { atMost, instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'

/** How many revocations are recorded (AAuth 11.12.3, G-56). Whoever sends more is answered `429` and may repeat it. */
export interface RevocationLimits {
  /** Of one issuer, in a minute. Default 60. */
  readonly perMinute: number
  /** Of one issuer, live at once. Default 10 000. Held by lowering `perMinute` where it is too much for that. */
  readonly live: number
  /**
   * Of all issuers together of whom no token has verified in this process, in a minute; and as many of all others that
   * the operator did not name. Of either, the issuers below one registrable domain may have a third of what is then left
   * for others. Default 300.
   */
  readonly newcomersPerMinute: number
}

/** A rate and whom it is for. */
export interface Share {
  readonly who: string
  readonly perMinute: number
}

/** The defaults. */
export const revocationLimits: RevocationLimits = { perMinute: 60, live: 10_000, newcomersPerMinute: 300 }

/**
 * The rate limit on revocations. It counts by claiming numbered slots of a minute in the store that all instances share, so
 * that one limit holds for all of them together. A process remembers the first slot that may be free.
 */
export class RevocationRate {
  readonly #store: Store
  readonly #clock: () => number
  readonly #reached = new LRUCache<string, number>(atMost(4096))

  /** @param clock milliseconds, as `Date.now` */
  constructor(store: Store, clock: () => number) {
    this.#store = store
    this.#clock = clock
  }

  /** Takes one of `perMinute`; `rate_limited` when all are taken. */
  async take(who: string, perMinute: number): Promise<Refusal | undefined> {
    const slot = await this.#claim(this.#counter(who), perMinute)
    return slot === undefined ? this.#refuse() : undefined
  }

  /**
   * Takes one from an issuer's own rate and one from the rate that issuers of its kind share. Where one of them is used up,
   * none is taken from the other.
   */
  async takeBoth(own: Share, together: Share & { readonly part: string }): Promise<Refusal | undefined> {
    const pool = this.#counter(together.who)
    const left = together.perMinute - this.#reachedBy(pool) - 1
    // The first of each part is let in while there is any.
    const ofPart = Math.max(1, Math.floor(left / 3))
    const wanted = [
      [this.#counter(own.who), own.perMinute],
      [this.#counter(`${together.who} ${together.part}`), ofPart],
      [pool, together.perMinute],
    ] as const
    if (wanted.some(([counter, most]) => this.#reachedBy(counter) >= most)) return this.#refuse()
    const taken: [string, number][] = []
    for (const [counter, most] of wanted) {
      const slot = await this.#claim(counter, most)
      if (slot === undefined) {
        await this.#giveBack(taken)
        return this.#refuse()
      }
      taken.push([counter, slot])
    }
    return undefined
  }

  async #claim(counter: string, most: number): Promise<number | undefined> {
    for (let slot = this.#reachedBy(counter); slot < most; slot++) {
      const taken = await this.#store.claim(slotKey(counter, slot), '1', 60 + instanceSkew)
      this.#reached.set(counter, Math.max(slot + 1, this.#reachedBy(counter)))
      if (taken) return slot
    }
    return undefined
  }

  async #giveBack(taken: readonly (readonly [string, number])[]): Promise<void> {
    for (const [counter, slot] of taken) {
      // The key is of one minute, so what takes effect later than that frees nothing; within it, it lets through one more.
      await this.#store.delete(slotKey(counter, slot))
      this.#reached.set(counter, Math.min(slot, this.#reachedBy(counter)))
    }
  }

  #counter(who: string): string {
    return `${hash('sha256', who, 'base64url')}:${this.#minute}`
  }

  #reachedBy(counter: string): number {
    return this.#reached.get(counter) ?? 0
  }

  get #seconds(): number {
    return Math.floor(this.#clock() / 1000)
  }

  get #minute(): number {
    return Math.floor(this.#seconds / 60)
  }

  #refuse(): Refusal {
    return new Refusal('rate_limited', { retryAfter: (this.#minute + 1) * 60 - this.#seconds })
  }
}

const slotKey = (counter: string, slot: number): string => `revoking:${counter}:${slot}`

/** The rate at which no more than `live` entries of `lifetime` seconds can be live at once. */
export function boundedRate(limits: RevocationLimits, lifetime: number): number {
  // Counting by whole minutes lets one minute's worth more through.
  const minutes = Math.ceil(lifetime / 60) + 1
  return Math.max(1, Math.min(limits.perMinute, Math.floor(limits.live / minutes)))
}
