/** A value now or later. Stores in memory answer at once, so that the path of a request need not wait for a promise. */
export type Awaitable<T> = T | Promise<T>

/**
 * The one door to state that outlives a request: revocations, single use, held results. Four verbs, so that any
 * key-value server with expiry can stand behind it. Keys are ASCII without spaces, at most 512 bytes; values are text.
 *
 * A store must not forget an entry before its time: one that is full refuses (rejects) instead of evicting.
 */
export interface Store {
  /** The live value of a key. */
  get(key: string): Awaitable<string | undefined>
  /**
   * Sets a key, replacing what was there.
   * @param ttl seconds until the entry is gone; positive
   */
  put(key: string, value: string, ttl: number): Awaitable<void>
  /**
   * Sets a key only if it has no live value; atomic across every process that shares the store.
   * @returns whether this call set it
   */
  claim(key: string, value: string, ttl: number): Awaitable<boolean>
  /** Removes a key, if there. */
  delete(key: string): Awaitable<void>
}

/** A full store: the entry was not recorded, and nothing was evicted for it. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError'
}
