import { after } from '../timer.js'
import { weightOf } from '../weight.js'
import { Budget } from './budget.js'
import { IssuerEntry } from './entry.js'
import { FloorFetcher } from './floor.js'
import { Gate, type Lane } from './gate.js'
import { KeySet } from './key-set.js'
import type { IssuerLimits } from './limits.js'
import { type IssuerMetadata, readMetadata } from './metadata.js'
import type { IssuerDocument, IssuerFetch } from './options.js'
import type { Tally } from './report.js'
import { siteOf } from './site.js'
import { type IssuerRecord, IssuerSpaces } from './spaces.js'

/** What {@link Discoverer} works with. */
export interface DiscovererPorts {
  readonly limits: IssuerLimits
  readonly fetch: IssuerFetch
  readonly keyHosts: ReadonlyMap<string, readonly string[]>
  readonly clock: () => number
  readonly random: () => number
  readonly tally: Tally
  /** Whether the operator named an issuer. */
  readonly isNamed: (issuer: string) => boolean
  readonly withdrawn: (issuer: string, dwk: string) => void
}

type Document = Readonly<Record<string, unknown>>

/** Why a discovery was not begun. */
export type Bound = 'queue' | 'newcomers'

/** Holds issuers' entries and begins their discoveries, within the bounds on strangers' work. */
export class Discoverer {
  readonly spaces: IssuerSpaces
  readonly #ports: DiscovererPorts
  readonly #gate: Gate
  readonly #budget: Budget
  // Named issuers wait for no stranger's places.
  readonly #waiting = { named: [] as IssuerDocument[], background: [] as IssuerDocument[] }
  #closed = false

  constructor(ports: DiscovererPorts) {
    this.#ports = ports
    this.spaces = new IssuerSpaces(ports.limits, ports.isNamed)
    this.#gate = new Gate(ports.limits)
    this.#budget = new Budget(ports.limits.newcomersPerMinute, ports.clock())
  }

  /** Discoveries under way and waiting, and newcomers that may still begin. */
  get load(): { running: number; waiting: number; budget: number } {
    return { ...this.#gate.load, budget: this.#budget.left(this.#ports.clock()) }
  }

  /** The entry, made if need be. What is made is held only once its discovery begins. */
  entry(issuer: string, dwk: string): { readonly record: IssuerRecord; readonly entry: IssuerEntry } {
    const record = this.spaces.get(issuer) ?? this.#newRecord(issuer)
    const known = record.entries.get(dwk)
    if (known !== undefined) return { record, entry: known }
    const { limits, clock, random, keyHosts, tally, withdrawn } = this.#ports
    const ports = {
      limits,
      clock,
      random,
      keyHosts: keyHosts.get(issuer) ?? [],
      withdrawn: (cause: 'rotated' | 'forgotten' | 'evicted' | 'ceiling'): void => {
        tally.event({ name: 'issuer-withdrawn', issuer, dwk, cause })
        withdrawn(issuer, dwk)
      },
    }
    return { record, entry: new IssuerEntry(issuer, dwk, ports, this.spaces.notBefore(issuer, dwk)) }
  }

  /**
   * Begins a discovery of what {@link entry} has just returned, and {@link IssuerEntry.mayAttempt} allowed. The bound is
   * returned when one is reached; nothing was begun then.
   */
  begin(
    record: IssuerRecord,
    entry: IssuerEntry,
    how: { forced: boolean; background: boolean },
  ): Bound | undefined {
    const { issuer } = record
    const lane = this.#laneOf(issuer, how.background)
    if (this.#closed || !this.#gate.hasRoom(issuer, lane)) return 'queue'
    if (!record.entries.has(entry.dwk) && record.entries.size >= this.#ports.limits.documentsPerIssuer)
      return 'queue'
    if (lane === 'newcomer' && !this.#budget.take(this.#ports.clock(), siteOf(issuer))) return 'newcomers'
    record.entries.set(entry.dwk, entry)
    if (this.spaces.get(issuer) !== record) this.spaces.add(record)
    entry.flightBegan = this.#ports.clock()
    entry.flight = this.#run(record, entry, lane, how.forced)
    return undefined
  }

  /** Refreshes what is due of known issuers, as many at a time as their lanes take. */
  refreshInTurn(due: readonly IssuerDocument[]): void {
    const { isNamed } = this.#ports
    this.#waiting.named = due.filter(({ issuer }) => isNamed(issuer))
    this.#waiting.background = inTurns(due.filter(({ issuer }) => !isNamed(issuer)))
    this.#refreshNext()
  }

  close(): void {
    this.#closed = true
    this.#waiting.named = []
    this.#waiting.background = []
    for (const { record } of this.spaces.records()) record.abort.abort(new Error('closed'))
  }

  async #run(record: IssuerRecord, entry: IssuerEntry, lane: Lane, forced: boolean): Promise<void> {
    const { limits, tally, clock } = this.#ports
    const leave = await this.#gate.enter(record.issuer, lane)
    const abort = new AbortController()
    const stop = (): void => abort.abort(record.abort.signal.reason)
    if (record.abort.signal.aborted) stop()
    record.abort.signal.addEventListener('abort', stop)
    const end = after(limits.timeout, () => abort.abort(new Error(`not done within ${limits.timeout} ms`)))
    try {
      await entry.discover(record.documents, forced, abort.signal)
    } finally {
      end()
      record.abort.signal.removeEventListener('abort', stop)
      entry.flight = undefined
      leave()
    }
    const { fault } = entry
    tally.event({
      name: 'issuer-discovered',
      issuer: entry.issuer,
      dwk: entry.dwk,
      serving: entry.hasKeys(clock()),
      ...(fault === undefined ? { outcome: 'ok' } : { outcome: fault.kind, reason: fault.reason }),
    })
    this.spaces.reweigh(record)
    this.#refreshNext()
  }

  #refreshNext(): void {
    for (const lane of ['named', 'background'] as const) {
      const waiting = this.#waiting[lane]
      while (!this.#gate.isFull(lane)) {
        const next = waiting.shift()
        if (next === undefined) break
        if (!this.spaces.isKnown(next.issuer)) continue
        const { record, entry } = this.entry(next.issuer, next.dwk)
        if (entry.isDue(this.#ports.clock())) this.begin(record, entry, { forced: false, background: true })
      }
    }
  }

  #laneOf(issuer: string, background: boolean): Lane {
    if (this.#ports.isNamed(issuer)) return 'named'
    if (this.spaces.isKnown(issuer)) return background ? 'background' : 'known'
    return this.spaces.wasAdmitted(issuer) ? 'known' : 'newcomer'
  }

  #newRecord(issuer: string): IssuerRecord {
    const { fetch, limits, clock, tally } = this.#ports
    const ports = { fetch, floor: limits.floor, clock, report: tally.event }
    const metadata = {
      name: 'metadata',
      maxBytes: limits.metadataBytes,
      maxMembers: limits.metadataMembers,
      read: (document: Document) => readMetadata(document, issuer, limits.metadataBytes),
      weigh: (metadata: IssuerMetadata) => weightOf(metadata),
    } as const
    const keys = {
      name: 'jwks',
      maxBytes: limits.jwksBytes,
      maxMembers: limits.jwksMembers,
      read: (document: Document) => KeySet.read(document, limits.keysPerSet, limits.jwksBytes),
      weigh: (set: KeySet) => set.bytes,
    } as const
    const documents = {
      metadata: new FloorFetcher(issuer, metadata, ports),
      keys: new FloorFetcher(issuer, keys, ports),
    }
    return { issuer, entries: new Map(), documents, abort: new AbortController() }
  }
}

/** One of each site, then the next of each, so that no site keeps the others waiting. */
function inTurns(documents: readonly IssuerDocument[]): IssuerDocument[] {
  const ranks = new Map<string, number>()
  const ranked = documents.map((document) => {
    const site = siteOf(document.issuer)
    const rank = ranks.get(site) ?? 0
    ranks.set(site, rank + 1)
    return { document, rank }
  })
  return ranked.sort((a, b) => a.rank - b.rank).map(({ document }) => document)
}
