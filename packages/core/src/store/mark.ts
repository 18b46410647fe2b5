import { randomUUID } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { Store } from './store.js'

/**
 * A key whose value changes with every change of a list in the store. A negative lookup stays valid while the mark is
 * the same. So instead of one entry per request, only the mark is read, once for all requests that arrive together.
 *
 * A change writes the entry first and then the mark, and is acknowledged after both. A lookup reads the mark first
 * and then the entry. So a mark that is read after a change was acknowledged is a different one.
 *
 * An earlier mark can return when a store applies a write late, or a client sends a write again that got no answer. A
 * process that has read another mark in between has dropped what it knew under the first. For all others, the process
 * whose write got no answer changes the mark again as soon as it has a connection, by which time its client has sent
 * the write.
 */
export class Mark<K extends object> {
  readonly key: string
  readonly #store: Store
  readonly #seconds: number
  /** The mark that was read last. */
  #current: string | undefined
  // Keyed by the object of a remembered token, never by a name: an issuer may give two persons' tokens the same
  // `jti`.
  #absent = new WeakSet<K>()
  /** Number of changes that were sent and not answered yet. */
  #underWay = 0
  /** Whether some change got no answer. */
  #mayComeLate = false

  /** @param seconds lifetime of a mark, longer than that of the entries it stands for */
  constructor(store: Store, key: string, seconds: number) {
    this.key = key
    this.#store = store
    this.#seconds = seconds
    // A primary that took over may have an entry without the mark that was written after it.
    store.onConnected?.(() => {
      this.#absent = new WeakSet()
      if (this.#mayComeLate || this.#underWay > 0) void this.#changeAgain()
    })
  }

  read(): Awaitable<string | undefined> {
    return this.#store.get(this.key)
  }

  /** Changes the mark. Await it after the change of the list. */
  change(): Awaitable<void> {
    const changed = this.#store.put(this.key, randomUUID(), this.#seconds)
    if (!isPromiseLike(changed)) return changed
    return this.#answered(changed)
  }

  /** Sets a mark in the background if there is none. If that fails, everything is looked up each time. */
  begin(): void {
    try {
      const claimed = this.#store.claim(this.key, randomUUID(), this.#seconds)
      if (isPromiseLike(claimed)) claimed.then(undefined, () => {})
    } catch {
      // As above.
    }
  }

  /** Whether a lookup under this mark, which was read just now, found nothing. */
  isAbsent(what: K, mark: string | undefined): boolean {
    if (mark === this.#current) return mark !== undefined && this.#absent.has(what)
    this.#current = mark
    this.#absent = new WeakSet()
    return false
  }

  /**
   * Begins a lookup under a mark that was read before it.
   *
   * @returns records that nothing was found; ignored if there is another mark by then, or a new connection
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
      // Tried again with the next connection.
    }
  }
}
