import { weightOf } from '../json.js'
import { after } from '../time/clock.js'
import { type DiscoveryKind, DiscoveryQueue, type Whose } from './discovery-queue.js'
import { IssuerEntry } from './entry.js'
import { FloorFetcher } from './floor.js'
import { type IssuerRecord, IssuerRecords, type IssuerWork } from './issuer-records.js'
import { KeySet } from './key-set.js'
import type { KnownIssuers } from './known-issuers.js'
import type { IssuerLimits } from './limits.js'
import { type IssuerMetadata, readMetadata } from './metadata.js'
import { NewcomerBudget } from './newcomer-budget.js'
import type { IssuerDocument, IssuerFetch } from './options.js'
import type { IssuerCounter } from './report.js'
import { siteOf } from './site.js'

/** The dependencies of {@link Discoverer}. */
export interface DiscovererContext {
  readonly limits: IssuerLimits
  readonly fetch: IssuerFetch
  readonly keyHosts: ReadonlyMap<string, readonly string[]>
  readonly clock: () => number
  readonly random: () => number
  readonly counter: IssuerCounter
  /** Whether the operator named an issuer. */
  readonly isNamed: (issuer: string) => boolean
  /** Issuers known before this process and by other instances. */
  readonly known: KnownIssuers | undefined
  /** Called when keys that verified tokens are no longer held. */
  readonly withdrawn: (issuer: string, dwk: string) => void
}

type Document = Readonly<Record<string, unknown>>

/** The bound that prevented a discovery: `queue`, or `newcomers` for the rate limit on new issuers. */
export type DiscoveryBound = 'queue' | 'newcomers'

/** Runs discoveries: fetches of an issuer's metadata and keys, within bounds on what strangers can cause. */
export class Discoverer {
  readonly records: IssuerRecords
  readonly #context: DiscovererContext
  readonly #queue: DiscoveryQueue
  readonly #budget: NewcomerBudget
  // Documents due for a refresh. Those of named issuers never wait for strangers' issuers.
  readonly #waiting = { named: [] as IssuerDocument[], background: [] as IssuerDocument[] }
  #closed = false

  constructor(context: DiscovererContext) {
    this.#context = context
    this.records = new IssuerRecords(context.limits, context.isNamed, context.known)
    this.#queue = new DiscoveryQueue(context.limits)
    this.#budget = new NewcomerBudget(context.limits.newcomersPerMinute, context.clock())
  }

  /** Discoveries running and waiting, and how many of new issuers may begin now. */
  get load(): { running: number; waiting: number; budget: number } {
    return { ...this.#queue.load, budget: this.#budget.left(this.#context.clock()) }
  }

  /** The entry of a document, created if missing. A new entry is kept only once its discovery begins. */
  entry(issuer: string, dwk: string): { readonly record: IssuerRecord; readonly entry: IssuerEntry } {
    const record = this.records.get(issuer) ?? { issuer, entries: new Map() }
    const known = record.entries.get(dwk)
    if (known !== undefined) return { record, entry: known }
    const { limits, clock, random, keyHosts, counter, withdrawn } = this.#context
    const context = {
      limits,
      clock,
      random,
      keyHosts: keyHosts.get(issuer) ?? [],
      withdrawn: (cause: 'rotated' | 'forgotten' | 'evicted' | 'ceiling'): void => {
        counter.event({ name: 'issuer-withdrawn', issuer, dwk, cause })
        withdrawn(issuer, dwk)
      },
    }
    return { record, entry: new IssuerEntry(issuer, dwk, context, this.records.notBefore(issuer, dwk)) }
  }

  /**
   * Begins the discovery of an entry that {@link entry} has just returned and whose {@link IssuerEntry.mayAttempt} is
   * true.
   *
   * @returns the bound that was reached, if nothing was begun
   */
  begin(
    record: IssuerRecord,
    entry: IssuerEntry,
    how: { forced: boolean; background: boolean; client?: (() => string | undefined) | undefined },
  ): DiscoveryBound | undefined {
    const { issuer } = record
    const kind = this.#kindOf(issuer, how.background)
    const now = this.#context.clock()
    const whose = kind === 'newcomer' ? this.#budget.meet(now, siteOf(issuer), how.client?.()) : undefined
    if (this.#closed || !this.#queue.accepts(issuer, kind, whose)) {
      if (whose !== undefined) this.#budget.turnedAway(now, whose)
      return 'queue'
    }
    if (!record.entries.has(entry.dwk) && record.entries.size >= this.#context.limits.documentsPerIssuer)
      return 'queue'
    if (whose !== undefined && !this.#budget.take(now, whose)) return 'newcomers'
    record.entries.set(entry.dwk, entry)
    record.work ??= this.#newWork(issuer)
    if (this.records.get(issuer) !== record) this.records.add(record)
    entry.flightBegan = now
    entry.flight = this.#run(record, record.work, entry, { kind, whose, forced: how.forced })
    return undefined
  }

  /** Refreshes documents of known issuers that are due, as many at once as the queue accepts. */
  refreshInTurn(due: readonly IssuerDocument[]): void {
    const { isNamed } = this.#context
    this.#waiting.named = due.filter(({ issuer }) => isNamed(issuer))
    this.#waiting.background = inTurns(due.filter(({ issuer }) => !isNamed(issuer)))
    this.#refreshNext()
  }

  close(): void {
    this.#closed = true
    this.#waiting.named = []
    this.#waiting.background = []
    for (const { record } of this.records.all()) record.work?.abort.abort(new Error('closed'))
  }

  async #run(
    record: IssuerRecord,
    work: IssuerWork,
    entry: IssuerEntry,
    how: { readonly kind: DiscoveryKind; readonly whose: Whose | undefined; readonly forced: boolean },
  ): Promise<void> {
    const { kind, whose, forced } = how
    const { limits, counter, clock } = this.#context
    const leave = await this.#queue.enter(record.issuer, kind, whose)
    const dropped = work.abort.signal
    const abort = new AbortController()
    const stop = (): void => abort.abort(dropped.reason)
    if (dropped.aborted) stop()
    dropped.addEventListener('abort', stop)
    const end = after(limits.timeout, () => abort.abort(new Error(`not done within ${limits.timeout} ms`)))
    try {
      await entry.discover(work.documents, forced, abort.signal)
    } finally {
      end()
      dropped.removeEventListener('abort', stop)
      entry.flight = undefined
      leave()
    }
    const { fault } = entry
    counter.event({
      name: 'issuer-discovered',
      issuer: entry.issuer,
      dwk: entry.dwk,
      serving: entry.hasKeys(clock()),
      ...(fault === undefined ? { outcome: 'ok' } : { outcome: fault.kind, reason: fault.reason }),
    })
    this.records.reweigh(record)
    this.#refreshNext()
  }

  #refreshNext(): void {
    for (const kind of ['named', 'background'] as const) {
      const waiting = this.#waiting[kind]
      while (!this.#queue.isFull(kind)) {
        const next = waiting.shift()
        if (next === undefined) break
        if (!this.records.isKnown(next.issuer)) continue
        const { record, entry } = this.entry(next.issuer, next.dwk)
        if (entry.isDue(this.#context.clock())) this.begin(record, entry, { forced: false, background: true })
      }
    }
  }

  #kindOf(issuer: string, background: boolean): DiscoveryKind {
    if (this.#context.isNamed(issuer)) return 'named'
    if (this.records.isKnown(issuer)) return background ? 'background' : 'known'
    return this.records.wasAdmitted(issuer) ? 'former' : 'newcomer'
  }

  #newWork(issuer: string): IssuerWork {
    const { fetch, limits, clock, counter } = this.#context
    const context = { fetch, floor: limits.floor, clock, report: counter.event }
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
      metadata: new FloorFetcher(issuer, metadata, context),
      keys: new FloorFetcher(issuer, keys, context),
    }
    return { documents, abort: new AbortController() }
  }
}

/** Orders the documents in turns: one of each site, then the next of each, so that no site delays the others. */
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
