import type { Awaitable } from '../awaitable.js'
import { isPending } from '../awaitable.js'
import type { StoreEvent, StoreFault } from '../events.js'
import type { Store } from './store.js'
import { asStoreError, StoreError } from './store-error.js'

/** What is known of the store from its use. */
export interface StoreHealth {
  /** `down` from a failure to the next success. A full store is up: it answers. */
  readonly state: 'up' | 'down'
  /** Failures in a row, up to now. */
  readonly failures: number
  /** The last failure, if there was one; for the operator only. */
  readonly last: { readonly fault: StoreFault; readonly reason: string; readonly at: number } | undefined
  /** Operations that are waiting for an answer. */
  readonly pending: number
}

/** How a store is watched. */
export interface StoreWatch {
  /** Milliseconds an operation may take. */
  readonly timeout: number
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  readonly report: (event: StoreEvent) => void
}

/** A store that never hangs and fails in one way only. */
export interface WatchedStore extends Store {
  health(): StoreHealth
}

// After this many failures in a row a store is asked only once in a while, so that requests do not queue up behind it.
const failuresBeforeRest = 5
const restMilliseconds = 1000

/**
 * Watches a store: every operation ends in time, and every failure, thrown or rejected, is a rejection with
 * {@link StoreError}. After five failures in a row it rests for a second; then one operation tries it again, and the
 * first that succeeds puts it back to use. What a store answers without a promise is passed on without one.
 */
export function watchStore(store: Store, watch: StoreWatch): WatchedStore {
  return new Watcher(store, watch)
}

class Watcher implements WatchedStore {
  readonly #store: Store
  readonly #watch: StoreWatch
  #failures = 0
  #pending = 0
  #last: StoreHealth['last']
  #downSince: number | undefined
  #restUntil = 0
  #probing = false

  constructor(store: Store, watch: StoreWatch) {
    this.#store = store
    this.#watch = watch
  }

  get(key: string): Awaitable<string | undefined> {
    return this.#run(() => this.#store.get(key))
  }

  put(key: string, value: string, ttl: number): Awaitable<void> {
    return this.#run(() => this.#store.put(key, value, ttl))
  }

  claim(key: string, value: string, ttl: number): Awaitable<boolean> {
    return this.#run(() => this.#store.claim(key, value, ttl))
  }

  delete(key: string): Awaitable<void> {
    return this.#run(() => this.#store.delete(key))
  }

  health(): StoreHealth {
    return {
      state: this.#downSince === undefined ? 'up' : 'down',
      failures: this.#failures,
      last: this.#last,
      pending: this.#pending,
    }
  }

  #run<T>(operation: () => Awaitable<T>): Awaitable<T> {
    const probing = this.#failures >= failuresBeforeRest
    if (probing) {
      if (this.#probing || this.#watch.clock() < this.#restUntil) {
        return Promise.reject(new StoreError('resting', `the store is left alone: ${this.#last?.reason}`))
      }
      this.#probing = true
    }
    try {
      const answer = operation()
      if (isPending(answer)) return this.#wait(answer)
      this.#succeed()
      return answer
    } catch (cause) {
      return Promise.reject(this.#fail(cause))
    }
  }

  async #wait<T>(answer: Promise<T>): Promise<T> {
    const { timeout } = this.#watch
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StoreError('timeout', `no answer within ${timeout} ms`)), timeout)
    })
    this.#pending++
    try {
      const value = await Promise.race([answer, late])
      this.#succeed()
      return value
    } catch (cause) {
      throw this.#fail(cause)
    } finally {
      this.#pending--
      clearTimeout(timer)
    }
  }

  #succeed(): void {
    this.#probing = false
    this.#failures = 0
    if (this.#downSince === undefined) return
    const milliseconds = this.#watch.clock() - this.#downSince
    this.#downSince = undefined
    this.#watch.report({ name: 'store-recovered', milliseconds })
  }

  #fail(cause: unknown): StoreError {
    const error = asStoreError(cause)
    const now = this.#watch.clock()
    const { fault, message: reason } = error
    this.#last = { fault, reason, at: now }
    this.#probing = false
    if (fault === 'full') {
      this.#succeed()
      this.#watch.report({ name: 'store-failed', fault, reason })
      return error
    }
    this.#failures++
    this.#restUntil = now + restMilliseconds
    if (this.#downSince === undefined) {
      this.#downSince = now
      this.#watch.report({ name: 'store-failed', fault, reason })
    }
    return error
  }
}
