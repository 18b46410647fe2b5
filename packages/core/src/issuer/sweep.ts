import type { Discoverer } from './discoverer.js'
import type { IssuerEntry } from './entry.js'
import type { IssuerRecord } from './issuer-records.js'
import type { IssuerLimits } from './limits.js'
import type { IssuerDocument } from './options.js'

/**
 * Refreshes the keys of issuers in use at intervals, so that no request waits for them, and drops keys past the
 * maximum age.
 */
export class Sweep {
  readonly #discoverer: Discoverer
  readonly #limits: IssuerLimits
  readonly #prewarm: readonly IssuerDocument[]
  readonly #clock: () => number
  readonly #every: (ms: number, run: () => void) => () => void
  #stop: (() => void) | undefined
  #closed = false

  constructor(
    discoverer: Discoverer,
    limits: IssuerLimits,
    prewarm: readonly IssuerDocument[],
    clock: () => number,
    every: ((ms: number, run: () => void) => () => void) | undefined,
  ) {
    this.#discoverer = discoverer
    this.#limits = limits
    this.#prewarm = prewarm
    this.#clock = clock
    this.#every = every ?? unreferencedInterval
  }

  /** Starts the interval, if it has not been started. */
  start(): void {
    if (this.#closed) return
    this.#stop ??= this.#every(this.#limits.sweep, () => this.#run())
  }

  /** Runs one discovery for each issuer of `prewarm`. */
  async warm(): Promise<void> {
    this.start()
    const left = [...this.#prewarm]
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { record, entry } = this.#discoverer.entry(next.issuer, next.dwk)
        if (entry.isDue(this.#clock()))
          this.#discoverer.begin(record, entry, { forced: false, background: false })
        await entry.flight
      }
    }
    await Promise.all(Array.from({ length: this.#limits.concurrency }, work))
  }

  close(): void {
    this.#closed = true
    this.#stop?.()
  }

  #run(): void {
    const now = this.#clock()
    const due: IssuerEntry[] = []
    for (const { issuer, dwk } of this.#prewarm) this.#discoverer.entry(issuer, dwk).entry.usedAt = now
    const lighter = new Set<IssuerRecord>()
    const idle: string[] = []
    for (const { record, partition } of this.#discoverer.records.all()) {
      record.work?.documents.metadata.prune(now)
      record.work?.documents.keys.prune(now)
      for (const entry of record.entries.values()) {
        if (entry.expire(now)) lighter.add(record)
        if (partition !== 'newcomers' && now - entry.usedAt < this.#limits.keepWarm && entry.isDue(now))
          due.push(entry)
      }
      if (partition === 'admitted' && this.#isIdle(record, now)) idle.push(record.issuer)
    }
    // A record without documents would take the room of another issuer.
    for (const issuer of idle) this.#discoverer.records.retire(issuer)
    for (const record of lighter) this.#discoverer.records.reweigh(record)
    // The longest overdue first, so that slow or failing issuers, however many, do not delay others for ever.
    due.sort((a, b) => a.attemptedAt - b.attemptedAt)
    this.#discoverer.refreshInTurn([...this.#prewarm, ...due])
  }

  #isIdle({ entries }: IssuerRecord, now: number): boolean {
    const ceiling = this.#limits.ceiling
    return [...entries.values()].every(({ usedAt, isEmpty }) => isEmpty && now - usedAt >= ceiling)
  }
}

function unreferencedInterval(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms)
  // Fake timers of a test may return any type.
  ;(timer as Partial<NodeJS.Timeout>).unref?.()
  return () => clearInterval(timer)
}
