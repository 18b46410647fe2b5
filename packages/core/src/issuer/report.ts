import type { FaultKind, IssuerEvent, UntimedEvent } from '../events.js'
import type { IssuerEntry } from './entry.js'
import type { IssuerRecords } from './issuer-records.js'

/** Why a key or metadata was refused, by cause; `stale`: a key was used past its lifetime. */
export type IssuerAnswer =
  | 'unknown_key'
  | 'issuer_missing'
  | 'issuer_mismatch'
  | 'issuer_unavailable'
  | 'forbidden_address'
  | 'busy'
  | 'denied'
  | 'stale'

/** Counts since the start. */
export interface IssuerCounts {
  /** Documents fetched from issuers. */
  readonly fetches: Readonly<Record<'metadata' | 'jwks', number>>
  /** Discoveries by outcome. */
  readonly discoveries: Readonly<Record<'ok' | FaultKind, number>>
  /** Refusals by cause; `stale` counts uses of keys past their lifetime. */
  readonly answers: Readonly<Record<IssuerAnswer, number>>
  /** Times that keys which had verified tokens were changed or dropped. */
  readonly withdrawn: number
}

/** The state of one document of one issuer. */
export interface IssuerState {
  readonly issuer: string
  readonly dwk: string
  readonly admitted: boolean
  /** Keys held. */
  readonly keys: number
  /** How the last attempt ended; `pending` before the first has. */
  readonly outcome: 'ok' | 'pending' | FaultKind
  readonly reason?: string
  /** Seconds since the keys held were fetched. */
  readonly age?: number
  /** Whether the keys held are past their lifetime. */
  readonly stale?: boolean
  /** Seconds since the last attempt. */
  readonly sinceAttempt?: number
  /** Failed attempts in a row. */
  readonly failures: number
  /** Seconds until the next attempt is allowed; 0 if it is. */
  readonly nextAttempt: number
}

/** The state of issuers' keys, for a health endpoint. It holds no secret, but it does name callers' issuers. */
export interface IssuerReport {
  readonly admitted: number
  readonly newcomers: number
  /** Bytes of memory that what is held of the documents takes. */
  readonly bytes: number
  /** Issuers pinned by hand. */
  readonly pinned: number
  readonly discoveries: { readonly running: number; readonly waiting: number }
  /** Discoveries of newcomers that may still begin now. */
  readonly newcomerBudget: number
  readonly counts: IssuerCounts
  /** The issuers used last. */
  readonly issuers: readonly IssuerState[]
}

/** Counts events and refusals since the start, and reports the events. */
export class IssuerCounter {
  readonly #fetches = { metadata: 0, jwks: 0 }
  readonly #discoveries: Record<'ok' | FaultKind, number> = {
    ok: 0,
    unavailable: 0,
    unusable: 0,
    forbidden: 0,
    issuer_missing: 0,
    issuer_mismatch: 0,
  }
  readonly #answers: Record<IssuerAnswer, number> = {
    unknown_key: 0,
    issuer_missing: 0,
    issuer_mismatch: 0,
    issuer_unavailable: 0,
    forbidden_address: 0,
    busy: 0,
    denied: 0,
    stale: 0,
  }
  #withdrawn = 0
  readonly #report: (event: UntimedEvent<IssuerEvent>, error?: unknown) => void

  constructor(report: (event: UntimedEvent<IssuerEvent>, error?: unknown) => void) {
    this.#report = report
  }

  /** Reports an event. A listener that throws must not break a discovery. */
  readonly event = (event: UntimedEvent<IssuerEvent>, error?: unknown): void => {
    if (event.name === 'issuer-fetched') this.#fetches[event.document]++
    if (event.name === 'issuer-discovered') this.#discoveries[event.outcome]++
    if (event.name === 'issuer-withdrawn') this.#withdrawn++
    try {
      this.#report(event, error)
    } catch {
      // The operator's listener is not part of the protocol.
    }
  }

  answered(answer: IssuerAnswer): void {
    this.#answers[answer]++
  }

  get counts(): IssuerCounts {
    return {
      fetches: { ...this.#fetches },
      discoveries: { ...this.#discoveries },
      answers: { ...this.#answers },
      withdrawn: this.#withdrawn,
    }
  }
}

/** The state of issuers that the operator named, then of admitted ones, then of newcomers: each used last first. */
export function stateOf(records: IssuerRecords, most: number, now: number): IssuerState[] {
  if (most <= 0) return []
  const held = { named: [] as IssuerEntry[], admitted: [] as IssuerEntry[], newcomers: [] as IssuerEntry[] }
  for (const { record, partition } of records.all()) held[partition].push(...record.entries.values())
  const lastUsed = (entries: IssuerEntry[]): IssuerEntry[] =>
    entries.sort((a, b) => (a.usedAt === b.usedAt ? 0 : b.usedAt - a.usedAt))
  const known = [...lastUsed(held.named), ...lastUsed(held.admitted)]
  return [...known, ...lastUsed(held.newcomers)]
    .slice(0, most)
    .map((entry, index) => stateOfEntry(entry, index < known.length, now))
}

function stateOfEntry(entry: IssuerEntry, admitted: boolean, now: number): IssuerState {
  const { keys, fetchedAt, freshUntil, attemptedAt, failures } = entry.state
  const seconds = (from: number): number => Math.round(Math.max(0, now - from) / 1000)
  const attempted = Number.isFinite(attemptedAt)
  return {
    issuer: entry.issuer,
    dwk: entry.dwk,
    admitted,
    keys,
    outcome: entry.fault?.kind ?? (attempted && entry.flight === undefined ? 'ok' : 'pending'),
    ...(entry.fault === undefined ? {} : { reason: entry.fault.reason }),
    ...(fetchedAt === undefined ? {} : { age: seconds(fetchedAt) }),
    ...(freshUntil === undefined ? {} : { stale: now >= freshUntil }),
    ...(attempted ? { sinceAttempt: seconds(attemptedAt) } : {}),
    failures,
    nextAttempt: entry.mayAttempt(now) ? 0 : Math.max(0, Math.ceil((entry.nextAttemptAt - now) / 1000)),
  }
}
