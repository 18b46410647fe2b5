import type { IssuerDocuments, IssuerEntry } from './entry.js'
import { FairSpace } from './fair-space.js'
import type { IssuerLimits } from './limits.js'
import { siteOf } from './site.js'

/** Everything held of one issuer: its well-known documents, each with its keys (AAuth 4.3), and its floor. */
export interface IssuerRecord {
  readonly issuer: string
  readonly entries: Map<string, IssuerEntry>
  readonly documents: IssuerDocuments
  readonly abort: AbortController
  /** When it was admitted, in milliseconds. */
  admittedAt?: number
}

/** What a record counts for on top of its documents. */
const recordBytes = 1024

/** Where a record is held. */
type Space = 'named' | 'admitted' | 'newcomers'

/**
 * Where issuers are held. Whom the operator named stays. All others share by site (see {@link siteOf}), since a stranger
 * with one domain has as many issuers as he likes: a site that holds much gives way to those that hold little, and among
 * issuers of whom a token has verified the newest gives way. Newcomers have a space of their own. Of those pushed out, the
 * time of their next attempt is remembered; whoever had been admitted is tried again at once, as one who is known.
 */
export class IssuerSpaces {
  readonly #named = new Map<string, IssuerRecord>()
  readonly #admitted: FairSpace<IssuerRecord>
  readonly #newcomers: FairSpace<IssuerRecord>
  readonly #departed: FairSpace<ReadonlyMap<string, number>>
  readonly #former: FairSpace<true>
  readonly #isNamed: (issuer: string) => boolean
  readonly #least: Readonly<Record<'admitted' | 'newcomers', number>>

  /** @param isNamed whether the operator named an issuer */
  constructor(limits: IssuerLimits, isNamed: (issuer: string) => boolean) {
    const { issuers, issuerBytes, newcomers, newcomerBytes } = limits
    this.#isNamed = isNamed
    // A record weighs no less than its part of the number, so that one bound keeps both.
    this.#least = { admitted: issuerBytes / issuers, newcomers: newcomerBytes / newcomers }
    this.#admitted = new FairSpace(issuerBytes, 'newest', (issuer, record) => {
      this.#former.add(issuer, siteOf(issuer), true, 1)
      withdraw(record)
    })
    this.#newcomers = new FairSpace(newcomerBytes, 'eldest', (issuer, record) => {
      const attempts = new Map([...record.entries].map(([dwk, entry]) => [dwk, entry.nextAttemptAt]))
      this.#departed.add(issuer, siteOf(issuer), attempts, 1)
      withdraw(record)
    })
    this.#departed = new FairSpace(4 * newcomers, 'eldest', () => {})
    this.#former = new FairSpace(4 * newcomers, 'eldest', () => {})
  }

  /** How many issuers are held, and the bytes of their documents. */
  get sizes(): { admitted: number; newcomers: number; bytes: number } {
    let bytes = 0
    for (const { record } of this.records()) bytes += bytesOf(record.entries)
    return { admitted: this.#named.size + this.#admitted.size, newcomers: this.#newcomers.size, bytes }
  }

  get(issuer: string): IssuerRecord | undefined {
    return this.#named.get(issuer) ?? this.#admitted.get(issuer) ?? this.#newcomers.get(issuer)
  }

  /** Whether the issuer is no newcomer: the operator named it, or a token of it has verified. */
  isKnown(issuer: string): boolean {
    return this.#isNamed(issuer) || this.#admitted.has(issuer)
  }

  /** When the issuer was admitted, in milliseconds; `undefined` for a newcomer. */
  admittedAt(issuer: string): number | undefined {
    return this.#admitted.get(issuer)?.admittedAt
  }

  /** Whether the issuer had been admitted and was pushed out since. */
  wasAdmitted(issuer: string): boolean {
    return this.#former.has(issuer)
  }

  /** Holds a new record. */
  add(record: IssuerRecord): void {
    const { issuer } = record
    if (this.#isNamed(issuer)) return void this.#named.set(issuer, record)
    this.#newcomers.add(issuer, siteOf(issuer), record, this.#weigh(record, 'newcomers'))
  }

  /** Weighs a record anew after a discovery, unless it has been dropped meanwhile. */
  reweigh(record: IssuerRecord): void {
    const { issuer } = record
    if (this.#admitted.get(issuer) === record) this.#admitted.reweigh(issuer, this.#weigh(record, 'admitted'))
    else if (this.#newcomers.get(issuer) === record)
      this.#newcomers.reweigh(issuer, this.#weigh(record, 'newcomers'))
  }

  /** Moves a newcomer among the admitted, if there is a place for one more of its site. */
  admit(issuer: string, now: number): IssuerRecord | undefined {
    const newcomer = this.#newcomers.get(issuer)
    if (newcomer === undefined) return this.get(issuer)
    const weight = this.#weigh(newcomer, 'admitted')
    const site = siteOf(issuer)
    if (!this.#admitted.hasPlace(site, weight)) return undefined
    this.#newcomers.delete(issuer)
    this.#former.delete(issuer)
    newcomer.admittedAt = now
    this.#admitted.add(issuer, site, newcomer, weight)
    return newcomer
  }

  /** Takes a record out, without a memory of it. */
  remove(issuer: string): IssuerRecord | undefined {
    const record = this.get(issuer)
    this.#named.delete(issuer)
    for (const space of [this.#admitted, this.#newcomers, this.#departed, this.#former]) space.delete(issuer)
    return record
  }

  /** When the first attempt at a document of an issuer not held is allowed, in milliseconds. */
  notBefore(issuer: string, dwk: string): number {
    return this.#departed.get(issuer)?.get(dwk) ?? Number.NEGATIVE_INFINITY
  }

  /** All records, whom the operator named first, the newcomers last. */
  *records(): Generator<{ readonly record: IssuerRecord; readonly space: Space }> {
    for (const record of this.#named.values()) yield { record, space: 'named' }
    for (const record of this.#admitted.values()) yield { record, space: 'admitted' }
    for (const record of this.#newcomers.values()) yield { record, space: 'newcomers' }
  }

  #weigh(record: IssuerRecord, space: 'admitted' | 'newcomers'): number {
    return Math.max(this.#least[space], recordBytes + bytesOf(record.entries))
  }
}

function withdraw({ entries }: IssuerRecord): void {
  for (const entry of entries.values()) entry.withdraw('evicted')
}

/** Bytes of the documents held. */
function bytesOf(entries: IssuerRecord['entries']): number {
  let bytes = 0
  for (const entry of entries.values()) bytes += entry.bytes
  return bytes
}
