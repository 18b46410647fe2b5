import { type Store, StoreFullError } from './store.js'

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /**
   * Limit on the entries. Default 100 000, about 25 MB. Revocations, denials, ended sessions and ended links have a
   * limit of their own of the same size, so that nothing else can take their room. A full store refuses with
   * {@link StoreFullError}; it never evicts entries that must not be forgotten.
   */
  readonly maxEntries?: number
  /** Milliseconds, as `Date.now` (the default). */
  readonly clock?: () => number
}

/**
 * The prefixes of entries that stop somebody: revocations, denials, ended sessions and links, and the rate limit on
 * revocations.
 */
const stopPrefixes = ['revoked:', 'revoking:', 'deny:', 'session-ended:', 'unlinked:'] as const
const isStop = (key: string): boolean => stopPrefixes.some((prefix) => key.startsWith(prefix))

interface Entry {
  readonly value: string
  /** Milliseconds. */
  readonly expires: number
}

/**
 * A bounded store for one process. Its entries are lost with the process, and invisible to others. It answers at
 * once, never with a promise.
 *
 * @throws TypeError when `maxEntries` is no positive whole number
 *
 * @example
 * ```ts
 * import { createMemoryStore, createResourceServer } from '@countersign/core'
 *
 * const server = createResourceServer({
 *   resource: 'https://notes.example',
 *   store: createMemoryStore({ maxEntries: 50_000 }),
 * })
 * ```
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new MemoryStore(options)
}

/** See {@link createMemoryStore}. */
export class MemoryStore implements Store {
  readonly #maxEntries: number
  readonly #clock: () => number
  readonly #entries = new Map<string, Entry>()
  // Keys by the second in which they expire, so that a full store can make room without visiting all entries.
  readonly #seconds = new Map<number, Set<string>>()
  #swept = Number.NEGATIVE_INFINITY
  #stops = 0

  constructor({ maxEntries = 100_000, clock = () => Date.now() }: MemoryStoreOptions) {
    if (!Number.isInteger(maxEntries) || maxEntries < 1) {
      throw new TypeError('option maxEntries: must be a positive whole number')
    }
    this.#maxEntries = maxEntries
    this.#clock = clock
  }

  /** Number of entries; may include those that expired within the last second. */
  get size(): number {
    return this.#entries.size
  }

  /** Entries that stop somebody are one part, all others another; each has its own limit. */
  part(key: string): number {
    return isStop(key) ? 1 : 0
  }

  get(key: string): string | undefined {
    return this.#live(key)?.value
  }

  put(key: string, value: string, ttl: number): void {
    const now = this.#clock()
    this.#sweep(now)
    const held = this.#entries.get(key)
    if (held !== undefined) this.#drop(key, held)
    else if (this.#isFullFor(key)) throw new StoreFullError('the memory store is full')
    if (isStop(key)) this.#stops++
    const entry = { value, expires: now + ttl * 1000 }
    this.#entries.set(key, entry)
    const second = secondOf(entry)
    const keys = this.#seconds.get(second)
    if (keys === undefined) this.#seconds.set(second, new Set([key]))
    else keys.add(key)
  }

  claim(key: string, value: string, ttl: number): boolean {
    if (this.#live(key) !== undefined) return false
    this.put(key, value, ttl)
    return true
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.#drop(key, entry)
  }

  #live(key: string): Entry | undefined {
    // Keys are new strings for each request, and looking them up hashes them.
    if (this.#entries.size === 0) return undefined
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.expires > this.#clock()) return entry
    this.#drop(key, entry)
    return undefined
  }

  #isFullFor(key: string): boolean {
    const held = isStop(key) ? this.#stops : this.#entries.size - this.#stops
    return held >= this.#maxEntries
  }

  #forget(key: string): void {
    if (this.#entries.delete(key) && isStop(key)) this.#stops--
  }

  #drop(key: string, entry: Entry): void {
    this.#forget(key)
    const second = secondOf(entry)
    const keys = this.#seconds.get(second)
    keys?.delete(key)
    if (keys?.size === 0) this.#seconds.delete(second)
  }

  /** At most once a second; removes entries of the seconds that have passed entirely. */
  #sweep(now: number): void {
    const second = Math.floor(now / 1000)
    if (second === this.#swept) return
    this.#swept = second
    for (const [expiring, keys] of this.#seconds) {
      if (expiring > second) continue
      for (const key of keys) this.#forget(key)
      this.#seconds.delete(expiring)
    }
  }
}

// The first whole second in which the entry is gone.
const secondOf = ({ expires }: Entry): number => Math.ceil(expires / 1000)
