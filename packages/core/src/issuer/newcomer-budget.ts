import { SeenSites } from './seen-sites.js'
import { keptFrom, mayTake, type Standing } from './site.js'

/** How much a site or client has taken, and when that was last computed, in milliseconds. */
interface Taken {
  amount: number
  asOf: number
}

/** To whom a newcomer's discovery is counted; see {@link NewcomerBudget.meet}. */
export interface Stranger {
  /** The registrable domain of the issuer. */
  readonly site: string
  /** The client of the request; `undefined` if it is unknown. */
  readonly client: string | undefined
  /** What happened to the site before. */
  readonly standing: Standing
  /** The number under which the site is remembered. */
  readonly name: number
}

/**
 * The rate limit on discoveries of newcomers: a token bucket (`newcomersPerMinute`, also the largest burst), shared
 * by sites, and by clients where these are known (see {@link mayTake}). Part of it is reserved for sites that come
 * for the first time (see {@link keptFrom}).
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

  /**
   * Looks up to whom a discovery is counted.
   *
   * @param now milliseconds
   * @param site the registrable domain of the issuer
   * @param client the client of the request, if it is known
   */
  meet(now: number, site: string, client?: string): Stranger {
    const name = this.#seen.nameOf(site)
    return { site, client, name, standing: this.#seen.standingOf(name, now) }
  }

  /** Takes one from the budget. @returns whether there was one to take */
  take(now: number, { site, client, name, standing }: Stranger): boolean {
    this.#refill(now)
    const kept = Math.floor(this.#perMinute * keptFrom[standing])
    if (!mayTake(this.#sites.of(site, now), this.#left, kept)) {
      if (standing !== 'fetched') this.#seen.turnedAway(name, now)
      return false
    }
    // A client's used-up share says nothing about the site, whose standing must not depend on who else names it.
    if (client !== undefined && !mayTake(this.#clients.of(client, now), this.#left)) return false
    this.#left--
    this.#seen.fetched(name, now)
    this.#sites.add(site, now)
    if (client !== undefined) this.#clients.add(client, now)
    return true
  }

  /** Records that there was no room for a discovery, for which nothing was taken. */
  turnedAway(now: number, { client, name, standing }: Stranger): void {
    if (client === undefined && standing !== 'fetched') this.#seen.turnedAway(name, now)
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

/** What each has taken from the budget. It decreases with time. */
class Shares {
  readonly #forgivenPerMinute: number
  // Holds only those that have taken something, for a minute at most; so no more than can be taken in two minutes.
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
    // In the order of taking, so the loop ends at the first recent entry.
    for (const [first, { asOf }] of this.#taken) {
      if (now >= asOf && now - asOf < 60_000) return
      this.#taken.delete(first)
    }
  }
}
