import { randomUUID } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { Store } from './store.js'

/**
 * A key whose value changes with every change of a list in the store. What was looked up and not found need not be looked
 * up again while the mark is the same: it is read with each request, once for all that arrive together, instead of an
 * entry for each.
 *
 * Who changes the list writes the entry first and then the mark, and acknowledges after both; who looks something up reads
 * the mark first and then the entry. So a mark that is read after a change was acknowledged is another one.
 */
export class Mark<K extends object> {
  readonly key: string
  readonly #store: Store
  readonly #seconds: number
  // By the object that a remembered token keeps, never by a name: an issuer may give two persons' tokens the same `jti`.
  #absent = new WeakMap<K, string>()

  /** @param seconds how long a mark stands, which outlives what it is about */
  constructor(store: Store, key: string, seconds: number) {
    this.key = key
    this.#store = store
    this.#seconds = seconds
    // A primary that took over may have an entry, and have lost the mark that came after it.
    store.onConnected?.(() => {
      this.#absent = new WeakMap()
    })
  }

  read(): Awaitable<string | undefined> {
    return this.#store.get(this.key)
  }

  /** To be awaited after the change. */
  change(): Awaitable<void> {
    return this.#store.put(this.key, randomUUID(), this.#seconds)
  }

  /** Sets one where there is none, in the background; where it cannot be set, everything is looked up each time. */
  begin(): void {
    try {
      const claimed = this.#store.claim(this.key, randomUUID(), this.#seconds)
      if (isPromiseLike(claimed)) claimed.then(undefined, () => {})
    } catch {
      // As above.
    }
  }

  /** Whether what was looked up under this mark was not there. */
  isAbsent(what: K, mark: string): boolean {
    return this.#absent.get(what) === mark
  }

  /**
   * Begins a look under a mark that was read before it.
   *
   * @returns notes that nothing was there; it counts for nothing where the store has a new connection by then
   */
  look(mark: string | undefined): (what: K) => void {
    const absent = this.#absent
    return (what) => {
      if (mark !== undefined) absent.set(what, mark)
    }
  }
}
