import { SeenSites } from './seen-sites.js'
import { keptForFirst, mayTake } from './site.js'

/** How much one of those who share has taken, and when that was computed last, in milliseconds. */
interface Taken {
  amount: number
  asOf: number
}

/** Who wants a newcomer discovered. */
export interface Stranger {
  /** The registrable domain of the issuer. */
  readonly site: string
  /** The client whose request it is for; `undefined` where that is not known. */
  readonly client?: string | undefined
}

/**
 * The rate limit on discoveries of newcomers: a token bucket of so many a minute and as many at once, which sites share,
 * and clients as well (see {@link mayTake}). A quarter of it is kept for sites of which nothing has been fetched for a day.
 */
export class NewcomerBudget {
  readonly #perMinute: number
  readonly #seen = new SeenSites()
  readonly #sites: Shares
  readonly #clients: Shares
  #left: number
  #asOf: number

  /** @param now milliseconds */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute
    this.#sites = new Shares(perMinute / 4)
    this.#clients = new Shares(perMinute / 4)
    this.#left = perMinute
    this.#asOf = now
  }

  /** Whether nothing of the site has been fetched for a day. */
  isFirst({ site }: Stranger, now: number): boolean {
    return !this.#seen.has(site, now)
  }

  /** Takes one; whether there was one to take. @param isFirst as {@link isFirst} has just said */
  take(now: number, { site, client }: Stranger, isFirst: boolean): boolean {
    this.#refill(now)
    const kept = isFirst ? 0 : Math.floor(this.#perMinute * keptForFirst)
    if (!mayTake(this.#sites.of(site, now), this.#left, kept)) return false
    if (client !== undefined && !mayTake(this.#clients.of(client, now), this.#left)) return false
    this.#left--
    this.#seen.note(site, now)
    this.#sites.add(site, now)
    if (client !== undefined) this.#clients.add(client, now)
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
}

/** What each has taken of the budget; it is forgiven at a rate. */
class Shares {
  readonly #forgivenPerMinute: number
  // Only who took something is in it, and for a minute at most: no more than can be taken in two minutes.
  readonly #taken = new Map<string, Taken>()

  constructor(forgivenPerMinute: number) {
    this.#forgivenPerMinute = forgivenPerMinute
  }

  of(name: string, now: number): number {
    const taken = this.#taken.get(name)
    if (taken === undefined) return 0
    const elapsed = Math.max(0, now - taken.asOf)
    return Math.max(0, taken.amount - (elapsed / 60_000) * this.#forgivenPerMinute)
  }

  add(name: string, now: number): void {
    const amount = this.of(name, now) + 1
    this.#taken.delete(name)
    this.#taken.set(name, { amount, asOf: now })
    // In the order of taking, so it ends at the first that is recent.
    for (const [first, { asOf }] of this.#taken) {
      if (now >= asOf && now - asOf < 60_000) return
      this.#taken.delete(first)
    }
  }
}
