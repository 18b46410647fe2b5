import { type Store, StoreFullError } from './store.js'

/** Options of {@link createMemoryStore}. */
export interface MemoryStoreOptions {
  /** Live entries held at most. Default 100 000. A full store refuses; it never evicts what must not be forgotten. */
  readonly maxEntries?: number
  /** Milliseconds, as `Date.now`. */
  readonly clock?: () => number
}

interface Entry {
  readonly value: string
  readonly expires: number
}

/** A store for one process. What it holds is lost with the process and unknown to every other. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  const { maxEntries = 100_000, clock = Date.now } = options
  const entries = new Map<string, Entry>()

  const live = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (entry !== undefined && entry.expires <= clock()) {
      entries.delete(key)
      return undefined
    }
    return entry
  }

  const sweep = (): void => {
    const now = clock()
    for (const [key, entry] of entries) if (entry.expires <= now) entries.delete(key)
  }

  const set = (key: string, value: string, ttl: number): void => {
    if (entries.size >= maxEntries && !entries.has(key)) sweep()
    if (entries.size >= maxEntries && !entries.has(key)) throw new StoreFullError('the memory store is full')
    entries.set(key, { value, expires: clock() + ttl * 1000 })
  }

  return {
    get: (key) => live(key)?.value,
    put: set,
    claim(key, value, ttl) {
      if (live(key) !== undefined) return false
      set(key, value, ttl)
      return true
    },
    delete(key) {
      entries.delete(key)
    },
  }
}
