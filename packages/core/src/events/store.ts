import type { EventBase } from './base.js'

/**
 * Reads from the store, or writes to it, have begun to fail; reported once until they recover. Requests that need them are
 * refused meanwhile.
 */
export interface StoreFailedEvent extends EventBase {
  readonly name: 'store-failed'
  readonly operation: StoreOperation
  readonly fault: StoreFault
  /** For the operator only. */
  readonly reason: string
}

/** Reads from the store, or writes to it, succeed again in every part of it where they had failed. */
export interface StoreRecoveredEvent extends EventBase {
  readonly name: 'store-recovered'
  readonly operation: StoreOperation
  /** For how long they had failed. */
  readonly milliseconds: number
}

/**
 * The store that `AAUTH_REDIS_URL` opens has no connection yet, within two seconds of the start and before an attempt has
 * failed; reported once. Requests that need it are refused meanwhile.
 */
export interface StoreConnectingEvent extends EventBase {
  readonly name: 'store-connecting'
  /** For the operator only. */
  readonly reason: string
}

/**
 * The store had lost what it held, as a Redis that restarts without persistence, and is used again: the processes that run
 * have written back what they knew of revocations, denials, ended sessions and used signatures. What only processes knew
 * that have ended is lost.
 */
export interface StoreRestoredEvent extends EventBase {
  readonly name: 'store-restored'
  /** Entries that this process has written back. */
  readonly entries: number
}

/** The events of the store's health. */
export type StoreEvent = StoreFailedEvent | StoreRecoveredEvent | StoreConnectingEvent | StoreRestoredEvent

/** A check that asks the store about each request and refuses when the store cannot be asked. */
export type StoreUse = 'revocation' | 'denial' | 'replay'

/** The kind of a store operation: `read` is `get`; `write` is `put`, `claim` and `delete`. */
export type StoreOperation = 'read' | 'write'

/**
 * Why a store operation failed. `full`: the store holds all it can. `timeout`: no answer in time. `failed`: it answered
 * with an error. `resting`: it was not asked, since it had failed several times in a row. `unfit`: in the test at its first
 * use it let a second claim win or did not keep an entry for its time, so that it cannot be relied on. `connecting`: its first
 * connection is still being made.
 */
export type StoreFault = 'full' | 'timeout' | 'failed' | 'resting' | 'unfit' | 'connecting'
