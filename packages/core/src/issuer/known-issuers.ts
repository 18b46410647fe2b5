import { hash } from 'node:crypto'
import { siteOf } from './site.js'

/** A listed issuer, by the hash of its name. */
interface Listed {
  readonly site: string
  /** The day on which a token of it last verified, counted from 1970. */
  readonly day: number
  /** When it became known, in seconds since 1970: the latest time that any instance reports. */
  readonly since: number
}

/** Under a megabyte here, some 130 KB as text. */
const mostIssuers = 4096
/** Some 21 KB as text. An operator removes few issuers; the most recent removals stay. */
const mostStruck = 1024
/** The part of all entries that one site may have. */
const sharePerSite = 1 / 64
/** Days for which an issuer stays listed after its last verified token. */
const listedDays = 7
const longestText = 200_000
const listedLine = /^([\w-]{11}) ([\w-]{6}) (\d{1,6}) ([\da-z]{1,7})$/
const struckLine = /^([\w-]{11}) - ([\da-z]{1,7})$/

/** Seconds after which a stored list that nobody has written counts for nothing. */
export const listedSeconds: number = (listedDays + 1) * 86_400

/**
 * The issuers that have been known for a while, as text that outlives the process and to which all instances add
 * theirs. The list only decides the kind of a discovery (`former` in {@link DiscoveryKind}), which has its own slots.
 * Tokens are always verified anew.
 *
 * A listed issuer stays for a week after its last use. When the list is full, or a site has its share, no more are
 * added, so a flood of new issuers displaces none.
 *
 * An issuer that an operator has had forgotten is struck, and the strike is stored too: otherwise the next instance
 * to write would list it again. It is listed again once an instance reports that it became known after that.
 */
export class KnownIssuers {
  readonly #most: number
  /** In the order in which they were listed. */
  readonly #listed = new Map<string, Listed>()
  readonly #sites = new Map<string, number>()
  /** Struck issuers, and when, in seconds. None of them is listed. */
  #struck = new Map<string, number>()
  readonly #onStruck: () => void

  /** @param onStruck called when an issuer was struck here, which others should learn at once */
  constructor(most: number = mostIssuers, onStruck: () => void = () => {}) {
    this.#most = most
    this.#onStruck = onStruck
  }

  get size(): number {
    return this.#listed.size
  }

  has(issuer: string): boolean {
    return this.#listed.size > 0 && this.#listed.has(digest(issuer, 8))
  }

  /**
   * Lists an issuer of which a token has just verified.
   *
   * @param now milliseconds
   * @param admittedAt when it became known here, in milliseconds
   */
  note(issuer: string, now: number, admittedAt: number): void {
    const since = secondsOf(admittedAt)
    this.#set(digest(issuer, 8), { site: digest(siteOf(issuer), 4), day: dayOf(now), since })
  }

  /**
   * Strikes an issuer from the list, here and wherever the list is read, until it becomes known again. @param now
   * milliseconds
   */
  strike(issuer: string, now: number): void {
    const name = digest(issuer, 8)
    this.#drop(name)
    this.#struck.set(name, secondsOf(now))
    this.#onStruck()
  }

  /**
   * Adds what another instance has written, before what is listed here. Invalid lines are ignored. @param now
   * milliseconds
   */
  merge(text: string, now: number): void {
    const own = [...this.#listed]
    this.#listed.clear()
    this.#sites.clear()
    const [today, second] = [dayOf(now), secondsOf(now)]
    const lines = text.length <= longestText ? text.split('\n') : []
    // A strike in the future was written by a wrong clock and would never end.
    this.#mergeStruck(lines, second)
    for (const one of lines) {
      const [, name, site, day, since] = listedLine.exec(one) ?? []
      if (name === undefined || site === undefined || since === undefined) continue
      const from = parseInt(since, 36)
      // An issuer is listed only after a while, so a time in the future means nothing. Taken as the present, it would
      // undo an operator's strikes.
      this.#set(name, { site, day: Math.min(Number(day), today), since: from > second ? 0 : from }, today)
    }
    for (const [name, one] of own) this.#set(name, one, today)
  }

  /** The list as text: a line for each issuer, in order, then one for each strike. */
  text(): string {
    return [
      ...[...this.#listed].map(
        ([name, { site, day, since }]) => `${name} ${site} ${day} ${since.toString(36)}`,
      ),
      ...[...this.#struck].map(([name, at]) => `${name} - ${at.toString(36)}`),
    ].join('\n')
  }

  /** Sorted, so that instances with the same strikes write the same text and do not rewrite each other's. */
  #mergeStruck(lines: readonly string[], second: number): void {
    const latest = new Map(this.#struck)
    for (const one of lines) {
      const [, name, text] = struckLine.exec(one) ?? []
      if (name === undefined || text === undefined) continue
      latest.set(name, Math.max(Math.min(parseInt(text, 36), second), latest.get(name) ?? 0))
    }
    const lasting = [...latest].filter(([, at]) => second - at < listedSeconds)
    lasting.sort(([a, one], [b, other]) => one - other || (a < b ? -1 : 1))
    this.#struck = new Map(lasting.slice(-mostStruck))
  }

  #set(name: string, one: Listed, today: number = one.day): void {
    if (today - one.day > listedDays || one.since < (this.#struck.get(name) ?? 0)) return
    const before = this.#listed.get(name)
    if (before !== undefined) {
      const { site, day, since } = before
      this.#listed.set(name, { site, day: Math.max(one.day, day), since: Math.max(one.since, since) })
      return
    }
    const ofSite = this.#sites.get(one.site) ?? 0
    if (this.#listed.size >= this.#most || ofSite + 1 > this.#most * sharePerSite) return
    this.#struck.delete(name)
    this.#listed.set(name, one)
    this.#sites.set(one.site, ofSite + 1)
  }

  #drop(name: string): void {
    const one = this.#listed.get(name)
    if (one === undefined) return
    this.#listed.delete(name)
    this.#sites.set(one.site, (this.#sites.get(one.site) ?? 1) - 1)
  }
}

const secondsOf = (milliseconds: number): number => Math.floor(milliseconds / 1000)
const dayOf = (now: number): number => Math.floor(now / 86_400_000)

/**
 * The first bytes of a hash. It has no key, because all instances must get the same result. Finding another name with
 * the same 64 bits is not feasible.
 */
function digest(name: string, bytes: number): string {
  return hash('sha256', name, 'buffer').subarray(0, bytes).toString('base64url')
}
