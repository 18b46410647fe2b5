import type { EventBase } from './base.js'

/**
 * Reads from the store, or writes to it, have begun to fail. Reported once until they recover; requests that need
 * them are refused meanwhile.
 */
export interface StoreFailedEvent extends EventBase {
  readonly name: 'store-failed'
  readonly operation: StoreOperation
  readonly fault: StoreFault
  /** For the operator only. */
  readonly reason: string
}

/** Reads from the store, or writes to it, succeed again in every part where they had failed. */
export interface StoreRecoveredEvent extends EventBase {
  readonly name: 'store-recovered'
  readonly operation: StoreOperation
  /** Duration of the failure. */
  readonly milliseconds: number
}

/**
 * The store that `AAUTH_REDIS_URL` opens is not connected yet: no attempt has failed, and fewer than two seconds have
 * passed since the start. Reported once; requests that need it are refused meanwhile.
 */
export interface StoreConnectingEvent extends EventBase {
  readonly name: 'store-connecting'
  /** For the operator only. */
  readonly reason: string
}

/**
 * The store had lost its data, like a Redis that restarts without persistence, and is used again. The running
 * processes have written back their revocations, denials, ended sessions and used signatures. What only ended
 * processes knew is lost.
 */
export interface StoreRestoredEvent extends EventBase {
  readonly name: 'store-restored'
  /** Entries that this process has written back. */
  readonly entries: number
}

/** The events of the store's health. */
export type StoreEvent = StoreFailedEvent | StoreRecoveredEvent | StoreConnectingEvent | StoreRestoredEvent

/** A check that reads the store for each request, and refuses if it cannot. */
export type StoreUse = 'revocation' | 'denial' | 'replay'

/** The kind of a store operation: `read` is `get`; `write` is `put`, `claim` and `delete`. */
export type StoreOperation = 'read' | 'write'

/**
 * Why a store operation failed. `full`: the store has no more room. `timeout`: no answer in time. `failed`: it
 * answered with an error. `resting`: it was not called, because it had failed several times in a row. `unfit`: in the
 * test at its first use it let a second claim win or did not keep an entry for its time, so it cannot be used.
 * `connecting`: its first connection is still being made.
 */
export type StoreFault = 'full' | 'timeout' | 'failed' | 'resting' | 'unfit' | 'connecting'
