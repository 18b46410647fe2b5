import type { Awaitable } from '../awaitable.js'

/**
 * Holds all state that outlives a request: revocations, denials, used signatures, pending requests, sessions. It has
 * only four operations, so that any key-value server with expiry can implement it, and all implementations behave
 * alike. The other members are optional.
 *
 * - Every later read, in any process that shares the store, sees an acknowledged write.
 * - An entry lives exactly for its time. A store never drops one early: when it is full, it rejects with
 *   {@link StoreFullError} and evicts nothing (in Redis: `maxmemory-policy noeviction`).
 * - No operation hangs. One that rejects may have taken effect all the same, and repeating it must do no harm. A
 *   claim whose outcome matters has a value of its own, so that `get` tells whose claim won.
 * - A write may take effect late, and some clients repeat one after they have lost their connection. That must undo
 *   no later write. So what can change is written as claims, each under a new key, and no key is deleted that
 *   somebody else may have written since.
 * - Keys are ASCII without spaces, at most 512 bytes; values are text. Every operation except `getMany` names one
 *   key.
 *
 * `@countersign/core/store-contract` tests a store against this.
 */
export interface Store {
  /** The live value of a key. */
  get(key: string): Awaitable<string | undefined>
  /**
   * Sets a key, replacing its value and its time.
   * @param ttl seconds until the entry is gone; positive, not always whole
   */
  put(key: string, value: string, ttl: number): Awaitable<void>
  /**
   * Sets a key only if it has no live value; atomic across every process that shares the store.
   * @returns whether this call set it
   */
  claim(key: string, value: string, ttl: number): Awaitable<boolean>
  /** Removes a key, if it exists. */
  delete(key: string): Awaitable<void>
  /**
   * The live values of many keys, in their order: one round trip for all requests that arrived in one turn of the
   * event loop, instead of two for each. It is given at most 128 keys, each once, and if there is a `part`, all of
   * one part. It reads each key at some moment between the call and its answer, like `get`, and rejects when one of
   * them cannot be read. If it is absent, each request reads for itself.
   */
  getMany?(keys: readonly string[]): Awaitable<readonly (string | undefined)[]>
  /**
   * The part of the store that holds a key, for a store whose parts fail independently, like the shards of a cluster.
   * Any whole number; keys with the same number fail together. If it is absent, the store is one part. At most 64
   * numbers, from 0, are distinguished.
   */
  part?(key: string): number
  /**
   * Calls the listener whenever the store is connected again, and once if it already is. Then failed operations are
   * tried again at once instead of after a second. For stores that know; optional.
   */
  onConnected?(listener: () => void): void
  /**
   * Calls the listener when the store had lost its data and is used again, with the number of entries that this
   * process has written back. What only ended processes knew is missing. For stores that detect a loss; optional.
   */
  onRestored?(listener: (entries: number) => void): void
}

/** Thrown by a full store: the entry was not recorded, and nothing was evicted for it. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError'
}

/** Thrown for a store that does not behave as {@link Store} requires; it is not used. */
export class StoreUnfitError extends Error {
  override readonly name = 'StoreUnfitError'
}
