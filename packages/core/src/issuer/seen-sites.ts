import { createNameHash } from './name-hash.js'
import type { Standing } from './site.js'

/** About 4 MiB each for those that were fetched and those turned away. */
const mostSites = 65_536
const minute = 60_000
/** Minutes for which a site is remembered after something of it was fetched or asked for last. */
const remembered = 24 * 60

/**
 * Remembers the {@link Standing} of the sites of newcomers. Sites that were fetched and sites that were turned away are bounded
 * apart, so that made-up sites, however many, evict none that was fetched; of each, what was noted longest ago is evicted first.
 */
export class SeenSites {
  readonly #hash = createNameHash()
  // When each was noted, in minutes: small integers take no memory of their own.
  readonly #fetched = new Map<number, number>()
  readonly #turnedAway = new Map<number, number>()
  readonly #most: number

  constructor(most: number = mostSites) {
    this.#most = most
  }

  get size(): number {
    return this.#fetched.size + this.#turnedAway.size
  }

  /** What a site is called here: made once for a request. */
  nameOf(site: string): number {
    return this.#hash(site)
  }

  /** @param now milliseconds */
  standingOf(name: number, now: number): Standing {
    if (isRecent(this.#fetched.get(name), now)) return 'fetched'
    return isRecent(this.#turnedAway.get(name), now) ? 'turnedAway' : 'first'
  }

  /** Something of the site is being fetched. @param now milliseconds */
  fetched(name: number, now: number): void {
    this.#turnedAway.delete(name)
    this.#note(this.#fetched, name, now)
  }

  /** Something of the site was asked for and is not fetched. @param now milliseconds */
  turnedAway(name: number, now: number): void {
    this.#note(this.#turnedAway, name, now)
  }

  #note(sites: Map<number, number>, name: number, now: number): void {
    const at = Math.floor(now / minute)
    if (sites.get(name) === at) return
    sites.delete(name)
    sites.set(name, at)
    // A map is looked at from its beginning only where it must be: what was deleted there is walked over.
    if (sites.size <= this.#most) return
    const [first] = sites.keys()
    sites.delete(first as number)
  }
}

const isRecent = (at: number | undefined, now: number): boolean =>
  at !== undefined && Math.floor(now / minute) - at < remembered
