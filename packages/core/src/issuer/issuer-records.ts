import type { IssuerDocuments, IssuerEntry } from './entry.js'
import { FairMap } from './fair-map.js'
import { FormerIssuers } from './former-issuers.js'
import type { KnownIssuers } from './known-issuers.js'
import type { IssuerLimits } from './limits.js'
import { siteOf } from './site.js'

/** What the discoveries of one issuer need. */
export interface IssuerWork {
  readonly documents: IssuerDocuments
  /** Stops the discoveries for good. */
  readonly abort: AbortController
}

/** Everything cached of one issuer: its well-known documents, each with its keys (AAuth 4.3), and its last fetches. */
export interface IssuerRecord {
  readonly issuer: string
  readonly entries: Map<string, IssuerEntry>
  /** Present from its first discovery on; most strangers' issuers never have one. */
  work?: IssuerWork
  /** When it was admitted, in milliseconds. */
  admittedAt?: number
  /** When it was last listed among the known issuers of all instances, in milliseconds. */
  notedAt?: number
}

/** Bytes that a record counts for, without its documents. */
const recordBytes = 1024
/** Bytes of memory for the times of an evicted newcomer's next attempts, and for each of them. */
const departedBytes = 640
const attemptBytes = 192

/** The part of the admitted issuers' space that a site keeps when others come later: nine usual issuers. */
const admittedEntitlement = 1 / 1024
/**
 * The part that it keeps from a site that has none: two usual issuers. So an attacker who wants to leave no room for
 * others needs thousands of domains, not one for every nine places.
 */
const admittedKeptFromFirst = 1 / 4096

/** The three parts of the cache, each with its own bound. Issuers that the operator named are not bounded. */
type IssuerPartition = 'named' | 'admitted' | 'newcomers'

/**
 * The issuers in memory, within the bounds of {@link IssuerLimits}. Those that the operator named are never evicted.
 * All others share by site (see {@link siteOf}), because a stranger with one domain has any number of issuers. The
 * site that holds most is evicted from first, among admitted issuers the newest first. Newcomers have their own
 * bound. For an evicted newcomer the time of its next attempt is remembered. An evicted issuer that was admitted is
 * remembered as such and may be fetched again at once.
 */
export class IssuerRecords {
  readonly #named = new Map<string, IssuerRecord>()
  readonly #admitted: FairMap<IssuerRecord>
  readonly #newcomers: FairMap<IssuerRecord>
  readonly #departed: FairMap<ReadonlyMap<string, number>>
  readonly #former = new FormerIssuers()
  readonly #known: KnownIssuers | undefined
  readonly #isNamed: (issuer: string) => boolean
  readonly #least: Readonly<Record<'admitted' | 'newcomers', number>>

  /**
   * @param isNamed whether the operator named an issuer
   * @param known issuers known before this process and by other instances
   */
  constructor(limits: IssuerLimits, isNamed: (issuer: string) => boolean, known?: KnownIssuers) {
    this.#known = known
    const { issuers, issuerBytes, newcomers, newcomerBytes } = limits
    this.#isNamed = isNamed
    // A record weighs at least its part of the count, so that one bound covers both.
    this.#least = { admitted: issuerBytes / issuers, newcomers: newcomerBytes / newcomers }
    const leave = (issuer: string, record: IssuerRecord): void => {
      this.#former.add(issuer, siteOf(issuer))
      withdraw(record)
    }
    this.#admitted = new FairMap(issuerBytes, 'newest', leave, admittedEntitlement, admittedKeptFromFirst)
    const departedMost = newcomerBytes / 2
    const departedLeast = departedMost / (4 * newcomers)
    this.#newcomers = new FairMap(newcomerBytes, 'eldest', (issuer, record) => {
      const attempts = new Map([...record.entries].map(([dwk, entry]) => [dwk, entry.nextAttemptAt]))
      const weight = Math.max(departedLeast, departedBytes + attemptBytes * attempts.size)
      this.#departed.add(issuer, siteOf(issuer), attempts, weight)
      withdraw(record)
    })
    this.#departed = new FairMap(departedMost, 'eldest', () => {})
  }

  /** How many issuers are cached, and the bytes of their documents. */
  get sizes(): { admitted: number; newcomers: number; bytes: number } {
    let bytes = 0
    for (const { record } of this.all()) bytes += bytesOf(record.entries)
    return { admitted: this.#named.size + this.#admitted.size, newcomers: this.#newcomers.size, bytes }
  }

  get(issuer: string): IssuerRecord | undefined {
    return this.#named.get(issuer) ?? this.#admitted.get(issuer) ?? this.#newcomers.get(issuer)
  }

  /** Whether the issuer is known: the operator named it, or a token of it has verified. */
  isKnown(issuer: string): boolean {
    return this.#isNamed(issuer) || this.#admitted.has(issuer)
  }

  /** When the issuer was admitted, in milliseconds; `undefined` for a newcomer. */
  admittedAt(issuer: string): number | undefined {
    return this.#admitted.get(issuer)?.admittedAt
  }

  /**
   * Whether a token of the issuer has verified, although it is not cached as admitted: it was evicted or idle, found
   * no room, or was known to another process.
   */
  wasAdmitted(issuer: string): boolean {
    return this.#former.has(issuer) || this.#known?.has(issuer) === true
  }

  /** Holds a new record. */
  add(record: IssuerRecord): void {
    const { issuer } = record
    if (this.#isNamed(issuer)) return void this.#named.set(issuer, record)
    this.#newcomers.add(issuer, siteOf(issuer), record, this.#weigh(record, 'newcomers'))
  }

  /** Counts the bytes of a record again after a discovery, unless it was dropped meanwhile. */
  reweigh(record: IssuerRecord): void {
    const { issuer } = record
    if (this.#admitted.get(issuer) === record) this.#admitted.reweigh(issuer, this.#weigh(record, 'admitted'))
    else if (this.#newcomers.get(issuer) === record)
      this.#newcomers.reweigh(issuer, this.#weigh(record, 'newcomers'))
  }

  /** Moves a newcomer to the admitted issuers, if there is room for one more of its site. */
  admit(issuer: string, now: number): IssuerRecord | undefined {
    const newcomer = this.#newcomers.get(issuer)
    if (newcomer === undefined) {
      const held = this.get(issuer)
      // It was evicted while its token was verified; or it was forgotten, and then counts as a former one.
      if (held === undefined && !this.#isNamed(issuer)) this.#former.add(issuer, siteOf(issuer))
      return held
    }
    const weight = this.#weigh(newcomer, 'admitted')
    const site = siteOf(issuer)
    if (!this.#admitted.fits(site, weight)) {
      this.#former.add(issuer, site)
      return undefined
    }
    this.#newcomers.delete(issuer)
    this.#former.delete(issuer)
    newcomer.admittedAt = now
    this.#admitted.add(issuer, site, newcomer, weight)
    return newcomer
  }

  /** Drops a record and everything remembered of its issuer. */
  remove(issuer: string): IssuerRecord | undefined {
    const record = this.get(issuer)
    this.#named.delete(issuer)
    for (const map of [this.#admitted, this.#newcomers, this.#departed, this.#former]) map.delete(issuer)
    return record
  }

  /** Frees the place of an admitted issuer that nobody uses. It stays known. */
  retire(issuer: string): void {
    if (this.#admitted.delete(issuer) !== undefined) this.#former.add(issuer, siteOf(issuer))
  }

  /** When the first attempt for a document of an uncached issuer is allowed, in milliseconds. */
  notBefore(issuer: string, dwk: string): number {
    return this.#departed.get(issuer)?.get(dwk) ?? Number.NEGATIVE_INFINITY
  }

  /** All records: those of named issuers first, those of newcomers last. */
  *all(): Generator<{ readonly record: IssuerRecord; readonly partition: IssuerPartition }> {
    for (const record of this.#named.values()) yield { record, partition: 'named' }
    for (const record of this.#admitted.values()) yield { record, partition: 'admitted' }
    for (const record of this.#newcomers.values()) yield { record, partition: 'newcomers' }
  }

  #weigh(record: IssuerRecord, partition: 'admitted' | 'newcomers'): number {
    return Math.max(this.#least[partition], recordBytes + bytesOf(record.entries))
  }
}

function withdraw({ entries }: IssuerRecord): void {
  for (const entry of entries.values()) entry.withdraw('evicted')
}

/** Bytes of the cached documents. */
function bytesOf(entries: IssuerRecord['entries']): number {
  let bytes = 0
  for (const entry of entries.values()) bytes += entry.bytes
  return bytes
}
