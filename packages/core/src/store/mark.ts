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
 *
 * An earlier mark can come back where a store does a write late, or a client once more: one that it was given no answer to.
 * Whoever has read another mark in between has forgotten what it knew under the first. For whoever has not, the process that
 * was given no answer changes the mark again as soon as it has a connection, over which its client has then sent it.
 */
export class Mark<K extends object> {
  readonly key: string
  readonly #store: Store
  readonly #seconds: number
  /** The mark that was read last. */
  #current: string | undefined
  // By the object that a remembered token keeps, never by a name: an issuer may give two persons' tokens the same `jti`.
  #absent = new WeakSet<K>()
  /** Changes that have been sent and not been answered yet. */
  #underWay = 0
  /** Whether there was no answer to one. */
  #mayComeLate = false

  /** @param seconds how long a mark stands, which outlives what it is about */
  constructor(store: Store, key: string, seconds: number) {
    this.key = key
    this.#store = store
    this.#seconds = seconds
    // A primary that took over may have an entry, and have lost the mark that came after it.
    store.onConnected?.(() => {
      this.#absent = new WeakSet()
      if (this.#mayComeLate || this.#underWay > 0) void this.#changeAgain()
    })
  }

  read(): Awaitable<string | undefined> {
    return this.#store.get(this.key)
  }

  /** To be awaited after the change. */
  change(): Awaitable<void> {
    const changed = this.#store.put(this.key, randomUUID(), this.#seconds)
    if (!isPromiseLike(changed)) return changed
    return this.#answered(changed)
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

  /** Whether what was looked up under this mark, which was read just now, was not there. */
  isAbsent(what: K, mark: string | undefined): boolean {
    if (mark === this.#current) return mark !== undefined && this.#absent.has(what)
    this.#current = mark
    this.#absent = new WeakSet()
    return false
  }

  /**
   * Begins a look under a mark that was read before it.
   *
   * @returns notes that nothing was there; it counts for nothing where there is another mark by then, or a new connection
   */
  look(mark: string | undefined): (what: K) => void {
    const absent = mark === this.#current ? this.#absent : undefined
    return (what) => {
      if (mark !== undefined) absent?.add(what)
    }
  }

  async #answered(changed: Promise<void>): Promise<void> {
    this.#underWay++
    try {
      await changed
    } catch (cause) {
      this.#mayComeLate = true
      throw cause
    } finally {
      this.#underWay--
    }
  }

  async #changeAgain(): Promise<void> {
    this.#mayComeLate = false
    try {
      await this.change()
    } catch {
      // It is tried again with the next connection.
    }
  }
}
