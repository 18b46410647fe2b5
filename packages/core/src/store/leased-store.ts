import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { StoreHealth, WatchedStore } from './watched-store.js'

/** For which keys an answer of the store is used again, and for how long. */
export interface Lease {
  /** These keys; all others are read each time. */
  readonly keys: readonly string[]
  /** Milliseconds since the read was sent. */
  readonly withinMs: number
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** A monotonic clock in milliseconds, as `performance.now`. */
  readonly monotonic: () => number
}

/**
 * Answers from recent reads, for a few keys that every request needs. A change by another process is visible at most
 * `withinMs` after it was acknowledged, because the time counts from before the read was sent. After that the store
 * is read again, and if that fails, so does the read. This process sees its own changes at once.
 */
export function leaseReads(store: WatchedStore, lease: Lease): WatchedStore {
  return new LeasedStore(store, lease)
}

interface Held {
  readonly value: string | undefined
  readonly monotonic: number
  readonly clock: number
}

class LeasedStore implements WatchedStore {
  readonly onConnected?: (listener: () => void) => void
  readonly #store: WatchedStore
  readonly #lease: Lease
  readonly #keys: ReadonlySet<string>
  readonly #held = new Map<string, Held>()
  /** Incremented to invalidate answers that are still under way. */
  #changes = 0

  constructor(store: WatchedStore, lease: Lease) {
    this.#store = store
    this.#lease = lease
    this.#keys = new Set(lease.keys)
    if (store.onConnected === undefined) return
    store.onConnected(() => this.#forget())
    this.onConnected = (listener) => store.onConnected?.(listener)
  }

  get isReadingMany(): boolean {
    return this.#store.isReadingMany
  }

  get(key: string): Awaitable<string | undefined> {
    const held = this.#held.get(key)
    if (held !== undefined && this.#stands(held)) return held.value
    return this.#keys.has(key) ? this.#read(key) : this.#store.get(key)
  }

  put(key: string, value: string, ttl: number): Awaitable<void> {
    return this.#changing(key, () => this.#store.put(key, value, ttl))
  }

  claim(key: string, value: string, ttl: number): Awaitable<boolean> {
    return this.#changing(key, () => this.#store.claim(key, value, ttl))
  }

  delete(key: string): Awaitable<void> {
    return this.#changing(key, () => this.#store.delete(key))
  }

  health(): StoreHealth {
    return this.#store.health()
  }

  check(): Promise<boolean> {
    return this.#store.check()
  }

  /** Judged by both clocks: one stops while a machine is suspended, the other can be set. */
  #stands({ monotonic, clock }: Held): boolean {
    const { withinMs } = this.#lease
    return this.#lease.monotonic() - monotonic < withinMs && Math.abs(this.#lease.clock() - clock) < withinMs
  }

  #read(key: string): Awaitable<string | undefined> {
    const changes = this.#changes
    const [monotonic, clock] = [this.#lease.monotonic(), this.#lease.clock()]
    const answer = this.#store.get(key)
    const hold = (value: string | undefined): void => {
      const before = this.#held.get(key)
      const isLatest = before === undefined || before.monotonic <= monotonic
      if (changes === this.#changes && isLatest) this.#held.set(key, { value, monotonic, clock })
    }
    if (isPromiseLike(answer)) answer.then(hold, () => {})
    else hold(answer)
    return answer
  }

  /** Before and after the change: a read in between may return either value. */
  #changing<T>(key: string, change: () => Awaitable<T>): Awaitable<T> {
    if (!this.#keys.has(key)) return change()
    this.#forget()
    const answer = change()
    const forget = (): void => this.#forget()
    if (isPromiseLike(answer)) answer.then(forget, forget)
    return answer
  }

  #forget(): void {
    this.#changes++
    this.#held.clear()
  }
}
