import { hash } from 'node:crypto'
import { siteOf } from './site.js'

/** An issuer as it is listed: by what its name hashes to. */
interface Listed {
  readonly site: string
  /** The day on which a token of it last verified, since 1970. */
  readonly day: number
}

/** Under a megabyte here, some 100 KB as text. */
const mostIssuers = 4096
/** The part of all that one site may have. */
const sharePerSite = 1 / 64
/** Days for which an issuer is listed after a token of it has verified last. */
const listedDays = 7
const longestText = 200_000
const line = /^([\w-]{11}) ([\w-]{6}) (\d{1,6})$/

/** The seconds after which a list that nobody has written since tells nothing. */
export const listedSeconds: number = (listedDays + 1) * 86_400

/**
 * The issuers that have been known for a while, in a form that outlives the process: as text, which all instances add theirs
 * to. It decides nothing but the kind of a discovery (`former` in {@link DiscoveryKind}), which has slots of its own; whether a
 * token verifies is decided anew.
 *
 * Who is listed stays, for a week after its last use. When the list is full, or a site has its part, no more are listed: so
 * whoever comes in a storm displaces nobody who was there before.
 */
export class KnownIssuers {
  readonly #most: number
  /** In the order in which they were listed. */
  readonly #listed = new Map<string, Listed>()
  readonly #sites = new Map<string, number>()

  constructor(most: number = mostIssuers) {
    this.#most = most
  }

  get size(): number {
    return this.#listed.size
  }

  has(issuer: string): boolean {
    return this.#listed.size > 0 && this.#listed.has(digest(issuer, 8))
  }

  /** Lists an issuer, of which a token has just verified. @param now milliseconds */
  note(issuer: string, now: number): void {
    this.#set(digest(issuer, 8), { site: digest(siteOf(issuer), 4), day: dayOf(now) })
  }

  /** Adds what another instance has written; it was there first. Lines that are none are left out. @param now milliseconds */
  merge(text: string, now: number): void {
    const own = [...this.#listed]
    this.#listed.clear()
    this.#sites.clear()
    const today = dayOf(now)
    if (text.length <= longestText)
      for (const one of text.split('\n')) {
        const [, name, site, day] = line.exec(one) ?? []
        // A day that is still to come was written by a clock that was wrong, and would never pass.
        if (name !== undefined && site !== undefined)
          this.#set(name, { site, day: Math.min(Number(day), today) }, today)
      }
    for (const [name, one] of own) this.#set(name, one, today)
  }

  /** The list as text: of each issuer a line, those first that were listed first. */
  text(): string {
    return [...this.#listed].map(([name, { site, day }]) => `${name} ${site} ${day}`).join('\n')
  }

  #set(name: string, one: Listed, today: number = one.day): void {
    if (today - one.day > listedDays) return
    const before = this.#listed.get(name)
    if (before !== undefined) {
      this.#listed.set(name, { site: before.site, day: Math.max(one.day, before.day) })
      return
    }
    const ofSite = this.#sites.get(one.site) ?? 0
    if (this.#listed.size >= this.#most || ofSite + 1 > this.#most * sharePerSite) return
    this.#listed.set(name, one)
    this.#sites.set(one.site, ofSite + 1)
  }
}

const dayOf = (now: number): number => Math.floor(now / 86_400_000)

/** The first bytes of a hash, without a key, since all instances must make the same of a name. Nobody finds another name with the same 64 bits. */
function digest(name: string, bytes: number): string {
  return hash('sha256', name, 'buffer').subarray(0, bytes).toString('base64url')
}
