import type { LedgerEntry } from './ledger.js'
import type { WireRequest } from './wire/request.js'

/** One exchange and its line in the ledger. */
export interface Exchange {
  readonly response: Response
  readonly entry: LedgerEntry
}

/** What every party of a town shares. */
export interface Env {
  /** Milliseconds, as `Date.now()`. */
  clock(): number
  /** Whole seconds: the time in tokens and signatures. */
  now(): number
  /** Sends a request over loopback and records it. Rejects with `TypeError` when the host cannot be reached. */
  exchange(from: string, request: WireRequest, signal?: AbortSignal): Promise<Exchange>
  /** What an agent does between two polls; `seconds` is the time it was asked to wait. */
  wait(seconds: number): Promise<void>
  /** Whether the parties enforce recommendations of the draft (a resource token of at most 300 s). */
  readonly strict: boolean
}
