import { LRUCache } from 'lru-cache'
import type { IssuerDocuments, IssuerEntry } from './entry.js'
import type { IssuerLimits } from './limits.js'

/** Everything held of one issuer: its well-known documents, each with its keys (AAuth 4.3), and its floor. */
export interface IssuerRecord {
  readonly issuer: string
  readonly entries: Map<string, IssuerEntry>
  readonly documents: IssuerDocuments
  readonly abort: AbortController
}

/** What a record counts for on top of its documents. */
const recordBytes = 1024

/**
 * Where issuers are held. Strangers' made-up issuers only ever push out one another: an issuer leaves the newcomers'
 * space when a token of it has verified. Of those pushed out, the time of their next attempt is remembered.
 */
export class IssuerSpaces {
  readonly #admitted: LRUCache<string, IssuerRecord>
  readonly #newcomers: LRUCache<string, IssuerRecord>
  readonly #departed: LRUCache<string, ReadonlyMap<string, number>>

  constructor(limits: IssuerLimits) {
    const dispose = (record: IssuerRecord, issuer: string, reason: LRUCache.DisposeReason): void => {
      if (reason === 'evict') this.#depart(record, issuer)
    }
    this.#admitted = new LRUCache({ max: limits.issuers, maxSize: limits.issuerBytes, dispose })
    this.#newcomers = new LRUCache({ max: limits.newcomers, maxSize: limits.newcomerBytes, dispose })
    this.#departed = new LRUCache({ max: 4 * limits.newcomers })
  }

  /** How many issuers are held, and the bytes of their documents. */
  get sizes(): { admitted: number; admittedBytes: number; newcomers: number; newcomerBytes: number } {
    return {
      admitted: this.#admitted.size,
      admittedBytes: this.#admitted.calculatedSize,
      newcomers: this.#newcomers.size,
      newcomerBytes: this.#newcomers.calculatedSize,
    }
  }

  get(issuer: string): IssuerRecord | undefined {
    return this.#admitted.get(issuer) ?? this.#newcomers.get(issuer)
  }

  isAdmitted(issuer: string): boolean {
    return this.#admitted.has(issuer)
  }

  /** Holds a new record. */
  add(record: IssuerRecord, space: 'admitted' | 'newcomers'): void {
    const size = weightOf(record)
    // lru-cache takes no new size for a value it already holds.
    this.#newcomers.delete(record.issuer)
    this.#admitted.delete(record.issuer)
    if (space === 'admitted') this.#admitted.set(record.issuer, record, { size })
    else this.#newcomers.set(record.issuer, record, { size })
  }

  /** Weighs a record anew after a discovery, unless it has been dropped meanwhile. */
  reweigh(record: IssuerRecord): void {
    if (this.#admitted.peek(record.issuer) === record) this.add(record, 'admitted')
    else if (this.#newcomers.peek(record.issuer) === record) this.add(record, 'newcomers')
  }

  /** Moves a newcomer among the admitted. */
  admit(issuer: string): IssuerRecord | undefined {
    const newcomer = this.#newcomers.peek(issuer)
    if (newcomer === undefined) return this.#admitted.get(issuer)
    this.add(newcomer, 'admitted')
    return newcomer
  }

  /** Takes a record out, without a memory of it. */
  remove(issuer: string): IssuerRecord | undefined {
    const record = this.get(issuer)
    this.#admitted.delete(issuer)
    this.#newcomers.delete(issuer)
    this.#departed.delete(issuer)
    return record
  }

  /** When the first attempt at a document of an issuer not held is allowed, in milliseconds. */
  notBefore(issuer: string, dwk: string): number {
    return this.#departed.get(issuer)?.get(dwk) ?? Number.NEGATIVE_INFINITY
  }

  /** All records, those used last first, the admitted before the newcomers. */
  *records(): Generator<{ readonly record: IssuerRecord; readonly admitted: boolean }> {
    for (const record of this.#admitted.values()) yield { record, admitted: true }
    for (const record of this.#newcomers.values()) yield { record, admitted: false }
  }

  #depart(record: IssuerRecord, issuer: string): void {
    this.#departed.set(issuer, new Map([...record.entries].map(([dwk, entry]) => [dwk, entry.nextAttemptAt])))
    for (const entry of record.entries.values()) entry.withdraw('evicted')
  }
}

function weightOf(record: IssuerRecord): number {
  let bytes = recordBytes
  for (const entry of record.entries.values()) bytes += entry.bytes
  return bytes
}
