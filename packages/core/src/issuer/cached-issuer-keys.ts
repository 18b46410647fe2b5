import type { Awaitable } from '../awaitable.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { KeyFault, type VerificationKey } from '../crypto/keys.js'
import type { Refusal } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import { after } from '../time/clock.js'
import { IssuerAnswers, unknownKeys } from './answers.js'
import { clientOf } from './client-address.js'
import { Discoverer } from './discoverer.js'
import type { IssuerEntry } from './entry.js'
import { guardFor } from './guard-for.js'
import { createGuardedFetch } from './guarded-fetch.js'
import type { IssuerClass, IssuerKeys, IssuerKeysContext, KeyQuery } from './issuer-keys.js'
import type { IssuerRecord } from './issuer-records.js'
import type { KnownIssuers } from './known-issuers.js'
import type { IssuerLimits } from './limits.js'
import type { IssuerMetadata } from './metadata.js'
import { type IssuerOptions, issuerOptionsSchema, withDefaults } from './options.js'
import { PinnedIssuers } from './pinned.js'
import { IssuerPolicy } from './policy.js'
import { IssuerCounter, type IssuerReport, stateOf } from './report.js'
import { Sweep } from './sweep.js'

/** Milliseconds from an issuer's first verified token until the issuer counts as established. */
const establishedAfter = 600_000
/** Milliseconds between two notes of an established issuer. The list counts in days. */
const notedEvery = 3_600_000

/** The keys of all issuers, fetched on demand and kept in memory. See {@link IssuerKeys}. */
class CachedIssuerKeys implements IssuerKeys {
  readonly #limits: IssuerLimits
  readonly #clock: () => number
  readonly #counter: IssuerCounter
  readonly #answers: IssuerAnswers
  readonly #pinned: PinnedIssuers
  readonly #discoverer: Discoverer
  readonly #sweep: Sweep
  readonly #clientAddress: IssuerOptions['clientAddress']
  readonly #isNamed: (issuer: string) => boolean
  readonly #known: KnownIssuers | undefined
  readonly #listeners: ((issuer: string, dwk: string) => void)[] = []

  constructor(options: IssuerOptions, context: IssuerKeysContext, known: KnownIssuers | undefined) {
    this.#known = known
    this.#limits = withDefaults(options.limits)
    this.#clock = () => context.clock()
    this.#counter = new IssuerCounter((event, error) => context.report(event, undefined, error))
    const policy = new IssuerPolicy(options, this.#counter.event)
    this.#answers = new IssuerAnswers(policy, this.#counter, options.unavailable ?? 'retry', this.#clock)
    this.#clientAddress = options.clientAddress?.bind(options)
    this.#pinned = new PinnedIssuers(options.pinned ?? [])
    const prewarm = options.prewarm ?? []
    const { named = [] } = context
    const others = new Set([...prewarm.map(({ issuer }) => issuer), ...named])
    this.#isNamed = (issuer) => policy.isListed(issuer) || others.has(issuer) || this.#pinned.has(issuer)
    this.#discoverer = new Discoverer({
      limits: this.#limits,
      fetch: context.fetch ?? createGuardedFetch({ ...guardFor(options, named), limits: this.#limits }),
      keyHosts: new Map(Object.entries(options.keyHosts ?? {})),
      clock: this.#clock,
      random: () => context.random(),
      counter: this.#counter,
      isNamed: this.#isNamed,
      known,
      withdrawn: (issuer, dwk) => this.#withdrawn(issuer, dwk),
    })
    const wanted = prewarm.filter(({ issuer, dwk }) => policy.refused(issuer, dwk) === undefined)
    this.#sweep = new Sweep(this.#discoverer, this.#limits, wanted, this.#clock, context.every)
  }

  knows(issuer: string): boolean {
    return this.#discoverer.records.isKnown(issuer)
  }

  classOf(issuer: string): IssuerClass {
    if (this.#isNamed(issuer)) return 'named'
    const since = this.#discoverer.records.admittedAt(issuer)
    return since !== undefined && this.#clock() - since >= establishedAfter ? 'established' : 'newcomer'
  }

  peek({ issuer, dwk, kid }: KeyQuery): VerificationKey | KeyFault | undefined {
    const pinned = this.#pinned.get(issuer, dwk)
    if (pinned !== undefined) return pinned.keys.get(kid)
    const record = this.#discoverer.records.get(issuer)
    const entry = record?.entries.get(dwk)
    if (record === undefined || entry === undefined) return undefined
    const now = this.#clock()
    entry.usedAt = now
    return entry.hasReadyKeys(now) ? this.#serve(record, entry, kid, now) : undefined
  }

  find(
    { issuer, dwk, kid }: KeyQuery,
    request?: HttpRequest,
  ): Awaitable<VerificationKey | KeyFault | Refusal> {
    // What is held has a URL.
    const isHeld = this.#discoverer.records.get(issuer)?.entries.has(dwk) === true
    const refused = isHeld ? this.#answers.denied(issuer, dwk) : this.#answers.refused(issuer, dwk)
    if (refused !== undefined) return refused
    const pinned = this.#pinned.get(issuer, dwk)
    if (pinned !== undefined) return pinned.keys.get(kid) ?? this.#answers.unknownKey(unknownKeys.pinned)
    const { record, entry } = this.#discoverer.entry(issuer, dwk)
    const now = this.#clock()
    entry.usedAt = now
    const isReady = entry.hasReadyKeys(now)
    const ready = isReady ? this.#serve(record, entry, kid, now) : undefined
    if (ready !== undefined) return ready
    // A question that is repeated before another fetch is allowed is answered at once.
    if (entry.flight === undefined && !entry.mayAttempt(now))
      return this.#found(record, entry, kid, undefined)
    const older = entry.key(kid, now)
    const busy = this.#begin(record, entry, { forced: isReady, request })
    const { flight } = entry
    // So is the refusal of an issuer that is not admitted.
    if (flight === undefined) return this.#found(record, entry, kid, busy)
    const wait = this.#limits[patienceFor(older)]
    return within(wait, flight).then(() => this.#found(record, entry, kid, busy))
  }

  /** The result of this attempt, or of the last one. */
  #found(
    record: IssuerRecord,
    entry: IssuerEntry,
    kid: string,
    busy: Refusal | undefined,
  ): VerificationKey | KeyFault | Refusal {
    if (record.work?.abort.signal.aborted)
      return this.#answers.unavailable(entry, 'the issuer was dropped meanwhile')
    return this.#held(entry, kid, this.#clock()) ?? busy ?? this.#answers.conclude(entry)
  }

  async refind(
    { issuer, dwk, kid }: KeyQuery,
    failed: VerificationKey,
    request?: HttpRequest,
  ): Promise<VerificationKey | KeyFault | Refusal | undefined> {
    const record = this.#discoverer.records.get(issuer)
    const entry = record?.entries.get(dwk)
    if (record === undefined || entry === undefined) return undefined
    const held = entry.key(kid, this.#clock())
    if (isSame(held, failed)) await this.#attempt(record, entry, { forced: true, request }, 'wait')
    const key = entry.key(kid, this.#clock())
    if (key !== undefined) return isSame(key, failed) ? undefined : key
    return entry.fault === undefined ? this.#answers.unknownKey(unknownKeys.gone) : undefined
  }

  mayFetch({ issuer, dwk }: KeyQuery): boolean {
    if (this.#pinned.get(issuer, dwk) !== undefined) return false
    const entry = this.#discoverer.records.get(issuer)?.entries.get(dwk)
    return entry === undefined || entry.flight !== undefined || entry.mayAttempt(this.#clock())
  }

  refused(issuer: string, dwk: string): Refusal | undefined {
    return this.#answers.denied(issuer, dwk)
  }

  admit(issuer: string, dwk: string): void {
    const now = this.#clock()
    const record = this.#discoverer.records.admit(issuer, now)
    const entry = record?.entries.get(dwk)
    if (record === undefined || entry === undefined) return
    entry.usedAt = now
    this.#note(record, now)
    this.#sweep.start()
  }

  async metadata(issuer: string, dwk: string): Promise<IssuerMetadata | Refusal> {
    const refused = this.#answers.refused(issuer, dwk)
    if (refused !== undefined) return refused
    const pinned = this.#pinned.get(issuer, dwk)
    if (pinned !== undefined) return pinned.metadata
    const { record, entry } = this.#discoverer.entry(issuer, dwk)
    const now = this.#clock()
    const ready = entry.metadata(now, 'ready')
    if (ready !== undefined) {
      if (entry.isDue(now)) this.#discoverer.begin(record, entry, { forced: false, background: true })
      return ready
    }
    const older = entry.metadata(now, 'usable')
    const busy = await this.#attempt(record, entry, { forced: false }, patienceFor(older))
    if (record.work?.abort.signal.aborted)
      return this.#answers.unavailable(entry, 'the issuer was dropped meanwhile')
    return entry.metadata(this.#clock(), 'usable') ?? busy ?? this.#answers.conclude(entry)
  }

  forget(issuer: string): void {
    const record = this.#discoverer.records.remove(issuer)
    record?.work?.abort.abort(new Error('forgotten'))
    for (const entry of record?.entries.values() ?? []) entry.withdraw('forgotten')
    for (const dwk of this.#pinned.documentsOf(issuer)) this.#withdrawn(issuer, dwk)
    this.#known?.strike(issuer, this.#clock())
  }

  onWithdrawn(listener: (issuer: string, dwk: string) => void): void {
    this.#listeners.push(listener)
  }

  inspect(most = 100): IssuerReport {
    const { sizes } = this.#discoverer.records
    const { running, waiting, budget } = this.#discoverer.load
    return {
      admitted: sizes.admitted,
      newcomers: sizes.newcomers,
      bytes: sizes.bytes,
      pinned: this.#pinned.size,
      discoveries: { running, waiting },
      newcomerBudget: budget,
      counts: this.#counter.counts,
      issuers: stateOf(this.#discoverer.records, most, this.#clock()),
    }
  }

  warm(): Promise<void> {
    return this.#sweep.warm()
  }

  close(): void {
    this.#sweep.close()
    this.#discoverer.close()
  }

  /**
   * Lists an issuer that has been known for a while, for other instances and for the next start. At most once an
   * hour.
   */
  #note(record: IssuerRecord, now: number): void {
    const { issuer, admittedAt, notedAt } = record
    if (this.#known === undefined || admittedAt === undefined || now - admittedAt < establishedAfter) return
    if (notedAt !== undefined && Math.abs(now - notedAt) < notedEvery) return
    record.notedAt = now
    this.#known.note(issuer, now, admittedAt)
  }

  /** Returns the cached key, and begins a background refresh if one is due. */
  #serve(
    record: IssuerRecord,
    entry: IssuerEntry,
    kid: string,
    now: number,
  ): VerificationKey | KeyFault | undefined {
    const key = this.#held(entry, kid, now)
    if (key !== undefined && entry.isDue(now)) {
      this.#discoverer.begin(record, entry, { forced: false, background: true })
    }
    return key
  }

  #held(entry: IssuerEntry, kid: string, now: number): VerificationKey | KeyFault | undefined {
    const key = entry.key(kid, now)
    if (key !== undefined && entry.isStale(now)) this.#counter.answered('stale')
    return key
  }

  /** Begins a discovery if one is allowed; `issuer_unavailable` when a limit is reached. */
  #begin(
    record: IssuerRecord,
    entry: IssuerEntry,
    { forced, request }: { readonly forced: boolean; readonly request?: HttpRequest | undefined },
  ): Refusal | undefined {
    if (!entry.mayAttempt(this.#clock())) return undefined
    const client = (): string | undefined => this.#client(request, entry)
    const bound = this.#discoverer.begin(record, entry, { forced, background: false, client })
    return bound === undefined ? undefined : this.#answers.busy(entry, bound)
  }

  /** As {@link #begin}, and waits for the discovery that is running. */
  async #attempt(
    record: IssuerRecord,
    entry: IssuerEntry,
    how: { readonly forced: boolean; readonly request?: HttpRequest | undefined },
    wait: 'wait' | 'patience',
  ): Promise<Refusal | undefined> {
    const busy = this.#begin(record, entry, how)
    if (entry.flight !== undefined) await within(this.#limits[wait], entry.flight)
    return busy
  }

  /** The client of a request, as the operator's function identifies it. */
  #client(request: HttpRequest | undefined, { issuer, dwk }: IssuerEntry): string | undefined {
    if (this.#clientAddress === undefined || request === undefined) return undefined
    return clientOf(this.#clientAddress, request, (reason, thrown) =>
      this.#counter.event({ name: 'issuer-policy-failed', issuer, dwk, reason }, thrown),
    )
  }

  #withdrawn(issuer: string, dwk: string): void {
    for (const listener of this.#listeners) {
      try {
        listener(issuer, dwk)
      } catch {
        // A listener that throws must not fail the discovery.
      }
    }
  }
}

const patienceFor = (older: object | undefined): 'wait' | 'patience' =>
  older === undefined ? 'wait' : 'patience'

function isSame(key: VerificationKey | KeyFault | undefined, failed: VerificationKey): boolean {
  return key !== undefined && !(key instanceof KeyFault) && key.jkt === failed.jkt
}

/** Waits for a promise that never rejects, for at most `ms` milliseconds. */
function within(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const stop = after(ms, resolve)
    void work.then(() => {
      stop()
      resolve()
    })
  })
}

/**
 * Creates the {@link IssuerKeys} of a server. The options have passed `issuerOptionsSchema`.
 *
 * @param known the list of issuers known before this process and by other instances; this one adds its own
 */
export function createIssuerKeys(
  options: IssuerOptions,
  context: IssuerKeysContext,
  known?: KnownIssuers,
): IssuerKeys {
  return new CachedIssuerKeys(options, context, known)
}

/**
 * The keys of issuers, fetched on demand and cached within bounds (AAuth 11.4), for a party other than a resource
 * server, such as an agent. Anybody can claim to be an issuer, so documents are fetched with the guarded fetch unless
 * the context has another.
 *
 * @throws TypeError naming the invalid option
 *
 * @example
 * ```ts
 * import { createIssuerCache } from '@countersign/core/issuer'
 *
 * const issuers = createIssuerCache({}, { clock: Date.now, random: Math.random, report: () => {} })
 * const metadata = await issuers.metadata('https://ps.example', 'aauth-person.json')
 * issuers.close()
 * ```
 */
export function createIssuerCache(options: IssuerOptions, context: IssuerKeysContext): IssuerKeys {
  return createIssuerKeys(
    checkConfiguration(issuerOptionsSchema, options, { prefix: 'option issuers.' }),
    context,
  )
}
