import { SeenSites } from './seen-sites.js'
import { keptFrom, mayTake, type Standing } from './site.js'

/** How much one of those who share has taken, and when that was computed last, in milliseconds. */
interface Taken {
  amount: number
  asOf: number
}

/** Who wants a newcomer discovered: see {@link NewcomerBudget.meet}. */
export interface Stranger {
  /** The registrable domain of the issuer. */
  readonly site: string
  /** The client whose request it is for; `undefined` where that is not known. */
  readonly client: string | undefined
  /** How the site stands. */
  readonly standing: Standing
  /** What the site is called among those that have been seen. */
  readonly name: number
}

/**
 * The rate limit on discoveries of newcomers: a token bucket (`newcomersPerMinute`, which is also the largest burst), shared by
 * sites, and by clients where they are known (see {@link mayTake}). Part of it is kept for sites that come for the first time (see {@link keptFrom}).
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
   * Looks who it is that comes.
   *
   * @param now milliseconds
   * @param site the registrable domain of the issuer
   * @param client the client whose request it is for, where that is known
   */
  meet(now: number, site: string, client?: string): Stranger {
    const name = this.#seen.nameOf(site)
    return { site, client, name, standing: this.#seen.standingOf(name, now) }
  }

  /** Takes one, for somebody who has just been met; whether there was one to take. */
  take(now: number, { site, client, name, standing }: Stranger): boolean {
    this.#refill(now)
    const kept = Math.floor(this.#perMinute * keptFrom[standing])
    if (!mayTake(this.#sites.of(site, now), this.#left, kept)) {
      if (standing !== 'fetched') this.#seen.turnedAway(name, now)
      return false
    }
    // That a client has had its share says nothing about the site: it must not lose its standing by who else names it.
    if (client !== undefined && !mayTake(this.#clients.of(client, now), this.#left)) return false
    this.#left--
    this.#seen.fetched(name, now)
    this.#sites.add(site, now)
    if (client !== undefined) this.#clients.add(client, now)
    return true
  }

  /** Notes that there was no place for a discovery, for which nothing was taken. */
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
