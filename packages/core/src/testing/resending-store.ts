import { createMemoryStore } from '../store/memory-store.js'
import type { Store } from '../store/store.js'

/** A store of which each write can be made once more, as clients do that have lost the connection before the answer. */
export function resendingStore(clock: () => number): {
  readonly store: Store
  /** What makes each of them once more, the first first. */
  readonly writes: readonly (() => void)[]
} {
  const memory = createMemoryStore({ clock })
  const writes: (() => void)[] = []
  const noted = <A>(write: () => A): A => {
    writes.push(() => void write())
    return write()
  }
  const store: Store = {
    get: (key) => memory.get(key),
    put: (...entry) => noted(() => memory.put(...entry)),
    claim: (...entry) => noted(() => memory.claim(...entry)),
    delete: (key) => noted(() => memory.delete(key)),
  }
  return { store, writes }
}
