import { createNameHash } from './name-hash.js'

/** About 4 MiB. Newcomers' discoveries of a day can be more only if nearly all of them are of different sites. */
const mostSites = 65_536
const minute = 60_000
/** Minutes for which a site is remembered after something of it was fetched last. */
const remembered = 24 * 60

/**
 * The sites that have had a discovery as newcomers within the last day. A site that is not among them has cost nothing yet:
 * who comes for the first time is let in before who comes again and again. Forgets those first that were noted longest ago.
 */
export class SeenSites {
  readonly #hash = createNameHash()
  // When each was noted, in minutes: small integers take no memory of their own.
  readonly #sites = new Map<number, number>()
  readonly #most: number

  constructor(most: number = mostSites) {
    this.#most = most
  }

  get size(): number {
    return this.#sites.size
  }

  /** @param now milliseconds */
  has(site: string, now: number): boolean {
    const at = this.#sites.get(this.#hash(site))
    return at !== undefined && Math.floor(now / minute) - at < remembered
  }

  /** @param now milliseconds */
  note(site: string, now: number): void {
    const name = this.#hash(site)
    this.#sites.delete(name)
    this.#sites.set(name, Math.floor(now / minute))
    for (const first of this.#sites.keys()) {
      if (this.#sites.size <= this.#most) break
      this.#sites.delete(first)
    }
  }
}
