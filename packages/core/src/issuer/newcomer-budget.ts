import { mayTake } from './site.js'

/** How much one site has taken, and when that was computed last, in milliseconds. */
interface Taken {
  amount: number
  asOf: number
}

/**
 * The rate limit on discoveries of newcomers: a token bucket that sites share (see {@link mayTake}), of so many a minute
 * and as many at once.
 */
export class NewcomerBudget {
  readonly #perMinute: number
  // Only sites that took something are in it, and for a minute at most: no more than can be taken in two minutes.
  readonly #sites = new Map<string, Taken>()
  #left: number
  #asOf: number

  /** @param now milliseconds */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute
    this.#left = perMinute
    this.#asOf = now
  }

  /** Takes one for a site; whether there was one to take. */
  take(now: number, site: string): boolean {
    this.#refill(now)
    const amount = this.#takenBy(site, now)
    if (!mayTake(amount, this.#left)) return false
    this.#left--
    this.#sites.delete(site)
    this.#sites.set(site, { amount: amount + 1, asOf: now })
    this.#forget(now)
    return true
  }

  /** What is left now, rounded down. */
  left(now: number): number {
    this.#refill(now)
    return Math.floor(this.#left)
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#asOf)
    this.#asOf = now
    this.#left = Math.min(this.#perMinute, this.#left + (elapsed / 60_000) * this.#perMinute)
  }

  // What a site has taken is forgiven at a quarter of the whole a minute.
  #takenBy(site: string, now: number): number {
    const taken = this.#sites.get(site)
    if (taken === undefined) return 0
    return Math.max(0, taken.amount - (Math.max(0, now - taken.asOf) / 60_000) * (this.#perMinute / 4))
  }

  /** The map is in the order of taking, so it ends at the first that is recent. */
  #forget(now: number): void {
    for (const [site, { asOf }] of this.#sites) {
      if (now >= asOf && now - asOf < 60_000) return
      this.#sites.delete(site)
    }
  }
}
