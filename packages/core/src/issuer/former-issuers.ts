import { createNameHash } from './name-hash.js'

/** About 7 MiB. */
const mostIssuers = 65_536
/** The part of all entries that one site may have. */
const sharePerSite = 1 / 64

/**
 * Issuers of which a token has verified and which are no longer cached: they were evicted, or there was no room. Each
 * is stored as 32 bits of a hash. The oldest entry is forgotten first. A site has at most its share, so it cannot
 * displace the issuers of others.
 */
export class FormerIssuers {
  readonly #hash = createNameHash()
  /** The site of each issuer. */
  readonly #issuers = new Map<number, number>()
  /** How many entries each site has. */
  readonly #sites = new Map<number, number>()
  readonly #most: number

  constructor(most: number = mostIssuers) {
    this.#most = most
  }

  get size(): number {
    return this.#issuers.size
  }

  has(issuer: string): boolean {
    return this.#issuers.size > 0 && this.#issuers.has(this.#hash(issuer))
  }

  add(issuer: string, site: string): void {
    this.delete(issuer)
    const group = this.#hash(site)
    if ((this.#sites.get(group) ?? 0) + 1 > this.#most * sharePerSite) return
    if (this.#issuers.size >= this.#most) {
      const [first] = this.#issuers.keys()
      this.#drop(first as number)
    }
    this.#issuers.set(this.#hash(issuer), group)
    this.#sites.set(group, (this.#sites.get(group) ?? 0) + 1)
  }

  delete(issuer: string): void {
    if (this.#issuers.size > 0) this.#drop(this.#hash(issuer))
  }

  #drop(name: number): void {
    const group = this.#issuers.get(name)
    if (group === undefined) return
    this.#issuers.delete(name)
    const left = (this.#sites.get(group) ?? 1) - 1
    if (left > 0) this.#sites.set(group, left)
    else this.#sites.delete(group)
  }
}
