import type { Awaitable } from '../awaitable.js'

/**
 * Where all state that outlives a request is kept: revocations, denials, used signatures, pending requests, sessions. It
 * has four operations, so that any key-value server with expiry can implement it, and no more, so that all behave alike;
 * what else is here is optional.
 *
 * - A write that was acknowledged is seen by every later read of every process that shares the store.
 * - An entry lives for its time and no longer. A store never forgets one before its time: when it is full it rejects
 *   with {@link StoreFullError} and evicts nothing (in Redis: `maxmemory-policy noeviction`).
 * - No operation hangs. One that rejects may have taken effect all the same; whoever calls it again must not be harmed by
 *   that. A claim whose outcome matters to the claimant is made with a value of its own, and `get` tells whose it is.
 * - A write may take effect late, and some clients send one once more after they have lost their connection. Nothing that was
 *   said since is undone by it: what can be said anew is written as claims, each under a key of its own, and no key is deleted
 *   under which somebody else may have written since.
 * - Keys are ASCII without spaces, at most 512 bytes; values are text. Every operation but `getMany` names one key.
 *
 * `@countersign/core/store-contract` tests a store against this.
 */
export interface Store {
  /** The live value of a key. */
  get(key: string): Awaitable<string | undefined>
  /**
   * Sets a key, replacing what was there, its time included.
   * @param ttl seconds until the entry is gone; positive, not always whole
   */
  put(key: string, value: string, ttl: number): Awaitable<void>
  /**
   * Sets a key only if it has no live value; atomic across every process that shares the store.
   * @returns whether this call set it
   */
  claim(key: string, value: string, ttl: number): Awaitable<boolean>
  /** Removes a key, if there. */
  delete(key: string): Awaitable<void>
  /**
   * The live values of many keys, in their order: one round trip for all the requests that arrived in one turn of the event
   * loop, instead of two for each. It is given at most 128 keys, each once, and where there is a `part` all of one part.
   * It reads as `get` does, each key at some moment between the call and its answer, and rejects when one of them cannot
   * be read. Where it is absent each request reads for itself.
   */
  getMany?(keys: readonly string[]): Awaitable<readonly (string | undefined)[]>
  /**
   * Which part of the store holds a key, for a store whose parts fail apart, as the shards of a cluster: a failure of one
   * then says nothing of the others. Any whole number; keys of one number fail together. Where it is absent the store
   * is one part. At most 64 numbers, from 0, are told apart.
   */
  part?(key: string): number
  /**
   * Calls the listener whenever the store has a connection again, and once where it has one already, for a store that knows:
   * what has failed is then tried at once, and not after a second's rest. Where it is absent, the rest is what there is.
   */
  onConnected?(listener: () => void): void
  /**
   * Calls the listener when the store had lost what it held and is used again, with the number of entries that this process
   * has written back, for a store that notices. What only processes knew that have ended is missing.
   */
  onRestored?(listener: (entries: number) => void): void
}

/** Thrown by a store that is full: the entry was not recorded, and nothing was evicted for it. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError'
}

/** Thrown for a store that does not do what {@link Store} says; it is not used. */
export class StoreUnfitError extends Error {
  override readonly name = 'StoreUnfitError'
}
