import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Refusal } from '../errors.js'
import { atMost, instanceSkew } from '../limits.js'
import type { Store } from '../store/store.js'

/** Limits on recorded revocations (AAuth 11.12.3, G-56). An issuer over a limit is answered `429` and may try again. */
export interface RevocationLimits {
  /** Revocations per minute from one issuer. Default 60. */
  readonly perMinute: number
  /** Live revocations of one issuer. Default 10 000. Enforced by lowering `perMinute` if necessary. */
  readonly live: number
  /**
   * Revocations per minute from all issuers together that have not had a token verified in this process; and the same
   * number from all others that the operator did not name. Within each group, the issuers below one registrable
   * domain may use at most a third of what then remains for the others. Default 300.
   */
  readonly newcomersPerMinute: number
}

/** A rate, and for whom. */
export interface Share {
  readonly who: string
  readonly perMinute: number
}

/** The defaults. */
export const revocationLimits: RevocationLimits = { perMinute: 60, live: 10_000, newcomersPerMinute: 300 }

/**
 * The rate limit on revocations. It claims numbered slots of a minute in the shared store, so that one limit applies
 * to all instances together. A process remembers the first slot that may be free.
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

  /** Takes one of `perMinute`; `rate_limited` when none is left. */
  async take(who: string, perMinute: number): Promise<Refusal | undefined> {
    const slot = await this.#claim(this.#counter(who), perMinute)
    return slot === undefined ? this.#refuse() : undefined
  }

  /**
   * Takes one from the issuer's own rate and one from the rate that issuers of its kind share. If one of them is used
   * up, neither is reduced.
   */
  async takeBoth(own: Share, together: Share & { readonly part: string }): Promise<Refusal | undefined> {
    const pool = this.#counter(together.who)
    const left = together.perMinute - this.#reachedBy(pool) - 1
    // The first issuer of each domain is let in while there is any left.
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
      // The key is for one minute. A deletion that takes effect later frees nothing; one within the minute lets one
      // more through.
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

/** The rate at which at most `live` entries of `lifetime` seconds can be live at once. */
export function boundedRate(limits: RevocationLimits, lifetime: number): number {
  // Counting by whole minutes can let through one more minute's worth.
  const minutes = Math.ceil(lifetime / 60) + 1
  return Math.max(1, Math.min(limits.perMinute, Math.floor(limits.live / minutes)))
}
