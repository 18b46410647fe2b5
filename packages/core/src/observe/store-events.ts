import type { StoreFault } from '../store/store-error.js'

/**
 * The store has stopped answering, told once until it recovers; or it is full, told each time. What rests on it is
 * refused meanwhile.
 */
export interface StoreFailedEvent {
  readonly name: 'store-failed'
  readonly fault: StoreFault
  /** For the operator only. */
  readonly reason: string
}

/** The store answers again. */
export interface StoreRecoveredEvent {
  readonly name: 'store-recovered'
  /** How long it had not. */
  readonly milliseconds: number
}

/** What happens to the store. */
export type StoreEvent = StoreFailedEvent | StoreRecoveredEvent
