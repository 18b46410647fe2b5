import { hash } from 'node:crypto'
import { siteOf } from './site.js'

/** An issuer as it is listed: by what its name hashes to. */
interface Listed {
  readonly site: string
  /** The day on which a token of it last verified, since 1970. */
  readonly day: number
  /** When it came to be known, in seconds since 1970: the latest that any instance says. */
  readonly since: number
}

/** Under a megabyte here, some 130 KB as text. */
const mostIssuers = 4096
/** Some 21 KB as text. An operator strikes few; those struck last stay. */
const mostStruck = 1024
/** The part of all that one site may have. */
const sharePerSite = 1 / 64
/** Days for which an issuer is listed after a token of it has verified last. */
const listedDays = 7
const longestText = 200_000
const listedLine = /^([\w-]{11}) ([\w-]{6}) (\d{1,6}) ([\da-z]{1,7})$/
const struckLine = /^([\w-]{11}) - ([\da-z]{1,7})$/

/** The seconds after which a list that nobody has written since tells nothing. */
export const listedSeconds: number = (listedDays + 1) * 86_400

/**
 * The issuers that have been known for a while, in a form that outlives the process: as text, which all instances add theirs
 * to. It decides nothing but the kind of a discovery (`former` in {@link DiscoveryKind}), which has slots of its own; whether a
 * token verifies is decided anew.
 *
 * Who is listed stays, for a week after its last use. When the list is full, or a site has its part, no more are listed: so
 * whoever comes in a storm displaces nobody who was there before.
 *
 * Whom an operator has had forgotten is struck, and that is written down as well, since otherwise the next instance to write
 * would list it again. It is listed anew once an instance that came to know it later says so.
 */
export class KnownIssuers {
  readonly #most: number
  /** In the order in which they were listed. */
  readonly #listed = new Map<string, Listed>()
  readonly #sites = new Map<string, number>()
  /** Who was struck, and when, in seconds. Nobody is both here and listed. */
  #struck = new Map<string, number>()
  readonly #onStruck: () => void

  /** @param onStruck called when somebody was struck here, which others should be told of at once */
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
   * Lists an issuer, of which a token has just verified.
   *
   * @param now milliseconds
   * @param admittedAt when it came to be known here, in milliseconds
   */
  note(issuer: string, now: number, admittedAt: number): void {
    const since = secondsOf(admittedAt)
    this.#set(digest(issuer, 8), { site: digest(siteOf(issuer), 4), day: dayOf(now), since })
  }

  /** Strikes an issuer from the list, here and wherever it is read: until somebody comes to know it anew. @param now milliseconds */
  strike(issuer: string, now: number): void {
    const name = digest(issuer, 8)
    this.#drop(name)
    this.#struck.set(name, secondsOf(now))
    this.#onStruck()
  }

  /** Adds what another instance has written; it was there first. Lines that are none are left out. @param now milliseconds */
  merge(text: string, now: number): void {
    const own = [...this.#listed]
    this.#listed.clear()
    this.#sites.clear()
    const [today, second] = [dayOf(now), secondsOf(now)]
    const lines = text.length <= longestText ? text.split('\n') : []
    // What is still to come was written by a clock that was wrong, and would never pass.
    this.#mergeStruck(lines, second)
    for (const one of lines) {
      const [, name, site, day, since] = listedLine.exec(one) ?? []
      if (name === undefined || site === undefined || since === undefined) continue
      const from = parseInt(since, 36)
      // Nobody is listed who has not been known for a while, so a time to come says nothing; taken for now, it would undo
      // whatever an operator has struck.
      this.#set(name, { site, day: Math.min(Number(day), today), since: from > second ? 0 : from }, today)
    }
    for (const [name, one] of own) this.#set(name, one, today)
  }

  /** The list as text: of each issuer a line, those first that were listed first; then of each that was struck. */
  text(): string {
    return [
      ...[...this.#listed].map(
        ([name, { site, day, since }]) => `${name} ${site} ${day} ${since.toString(36)}`,
      ),
      ...[...this.#struck].map(([name, at]) => `${name} - ${at.toString(36)}`),
    ].join('\n')
  }

  /** In one order, so that instances which know the same write the same, and none rewrites what the other wrote. */
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

/** The first bytes of a hash, without a key, since all instances must make the same of a name. Nobody finds another name with the same 64 bits. */
function digest(name: string, bytes: number): string {
  return hash('sha256', name, 'buffer').subarray(0, bytes).toString('base64url')
}
