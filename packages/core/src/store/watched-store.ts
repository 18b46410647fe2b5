import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { StoreEvent, StoreFault, StoreOperation, UntimedEvent } from '../events.js'
import { after } from '../time/clock.js'
import { storeCalls, traced } from '../tracing/channels.js'
import type { Store } from './store.js'
import { asStoreError, StoreError } from './store-error.js'

/** The health of reads from the store, or of writes to it. */
export interface StoreSideHealth {
  /** `down` from a failure until what failed succeeds, and while the first connection is being made. */
  readonly state: 'up' | 'down'
  /** The last failure, if there was one; for the operator only. `at`: milliseconds, as `Date.now`. */
  readonly last: { readonly fault: StoreFault; readonly reason: string; readonly at: number } | undefined
}

/** The health of the store, as observed in use. */
export interface StoreHealth extends StoreSideHealth {
  /** Reads; every request needs them. */
  readonly reads: StoreSideHealth
  /** Writes; a store that is full, or has become a replica, refuses them but answers reads. */
  readonly writes: StoreSideHealth
  /** The largest number of consecutive failures of one part of the store, up to now. */
  readonly failures: number
  /** Operations waiting for an answer. */
  readonly pending: number
}

/** The options of {@link watchStore}. */
export interface StoreWatch {
  /** Milliseconds an operation may take. */
  readonly timeout: number
  /** Milliseconds, as `Date.now`; for what the operator sees. */
  readonly clock: () => number
  /** A monotonic clock in milliseconds, as `performance.now`; for durations. */
  readonly monotonic: () => number
  /** Keys that every request reads; absent if requests need none. */
  readonly needs?: readonly string[]
  readonly report: (event: UntimedEvent<StoreEvent>) => void
}

/** A store whose operations end in time and reject only with {@link StoreError}. */
export interface WatchedStore extends Store {
  /**
   * Whether many keys may be read together: there is a `getMany`, and nothing has failed. Keys that failed are read
   * one by one, to see when each has recovered.
   */
  readonly isReadingMany: boolean
  getMany?(keys: readonly string[]): Promise<readonly (string | undefined)[]>
  /** The current health; does not access the store. */
  health(): StoreHealth
  /**
   * Checks the store: reads the keys that requests need, and reads and writes a key in each of its parts. Never
   * rejects, ends in time, and runs once for all simultaneous callers.
   *
   * @returns whether everything succeeded
   */
  check(): Promise<boolean>
}

/** The failure of reads, or of writes, in one part of the store. */
interface Trouble {
  readonly kind: StoreOperation
  /** The key that failed last. A store that does not name its parts may still have some, so this key must succeed. */
  key: string
  fault: StoreFault
  reason: string
  failures: number
  restUntil: number
  trying: boolean
}

interface Side {
  downSince: number | undefined
  last: StoreSideHealth['last']
}

// After this many consecutive failures a part is only tried once in a while, so that requests do not queue up.
const failuresBeforeRest = 5
const restMilliseconds = 1000
const checkEvery = 1000
const mostParts = 64
const checkSeconds = 0.001

/**
 * Watches a store: every operation ends in time, and every failure, thrown or rejected, becomes a rejection with
 * {@link StoreError}. Reads and writes of each part are watched separately. After five consecutive failures one
 * pauses for a second; then one operation tries it again, and the first success resumes it. Reads, or writes, have
 * recovered when everything that failed has succeeded. While something is down and something else succeeds, it is
 * tried again once a second. Answers without a promise are passed on without one.
 */
export function watchStore(store: Store, watch: StoreWatch): WatchedStore {
  return new Watcher(store, watch)
}

class Watcher implements WatchedStore {
  readonly part?: (key: string) => number
  readonly onConnected?: (listener: () => void) => void
  readonly #store: Store
  readonly #watch: StoreWatch
  readonly #sides: Readonly<Record<StoreOperation, Side>> = {
    read: { downSince: undefined, last: undefined },
    write: { downSince: undefined, last: undefined },
  }
  // Empty, and not consulted, while everything works.
  readonly #troubles = new Map<string, Trouble>()
  #pending = 0
  #checkedAt = Number.NEGATIVE_INFINITY
  #check: Promise<boolean> | undefined
  #checkKeys: readonly string[] | undefined
  #connecting: StoreSideHealth['last'] | undefined

  constructor(store: Store, watch: StoreWatch) {
    this.#store = store
    this.#watch = watch
    const { part } = store
    if (part !== undefined) this.part = (key) => part.call(store, key) % mostParts
    store.onRestored?.((entries) => {
      watch.report({ name: 'store-restored', entries })
      this.#askAgain()
    })
    if (store.onConnected === undefined) return
    store.onConnected(() => this.#askAgain())
    this.onConnected = (listener) => store.onConnected?.(listener)
  }

  get isReadingMany(): boolean {
    return this.#store.getMany !== undefined && this.#troubles.size === 0
  }

  async getMany(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
    try {
      const values = await this.#inTime(() => (this.#store as Required<Store>).getMany(keys), keys.length)
      // A missing value would read as no revocation.
      if (!Array.isArray(values) || values.length !== keys.length)
        throw new Error('getMany did not give one value for each key')
      if (this.#connecting !== undefined) this.#connecting = undefined
      return values
    } catch (cause) {
      const error = asStoreError(cause)
      const names = new Map(keys.map((key) => [this.#nameOf('read', key), key]))
      for (const key of names.values()) this.#fail('read', key, error)
      throw error
    }
  }

  get(key: string): Awaitable<string | undefined> {
    return this.#run('read', key, () => this.#store.get(key))
  }

  put(key: string, value: string, ttl: number): Awaitable<void> {
    return this.#run('write', key, () => this.#store.put(key, value, ttl))
  }

  claim(key: string, value: string, ttl: number): Awaitable<boolean> {
    return this.#run('write', key, () => this.#store.claim(key, value, ttl))
  }

  delete(key: string): Awaitable<void> {
    return this.#run('write', key, () => this.#store.delete(key))
  }

  health(): StoreHealth {
    const reads = sideHealth(this.#sides.read, this.#connecting)
    const writes = sideHealth(this.#sides.write, this.#connecting)
    const later = (writes.last?.at ?? 0) >= (reads.last?.at ?? 0) ? writes.last : reads.last
    return {
      state: reads.state === 'down' || writes.state === 'down' ? 'down' : 'up',
      last: later ?? reads.last,
      reads,
      writes,
      failures: Math.max(0, ...[...this.#troubles.values()].map(({ failures }) => failures)),
      pending: this.#pending,
    }
  }

  check(): Promise<boolean> {
    this.#check ??= this.#ask().finally(() => {
      this.#check = undefined
    })
    return this.#check
  }

  async #ask(): Promise<boolean> {
    this.#checkedAt = this.#watch.monotonic()
    const ours = this.#keysOfParts()
    const failed = [...this.#troubles.values()].filter(({ kind }) => kind === 'read').map(({ key }) => key)
    const outcomes = await Promise.all([
      ...[...new Set([...(this.#watch.needs ?? []), ...ours, ...failed])].map((key) =>
        this.#probe('read', key),
      ),
      ...ours.map((key) => this.#probe('write', key)),
    ])
    return outcomes.every(Boolean)
  }

  async #probe(kind: StoreOperation, key: string): Promise<boolean> {
    try {
      await this.#inTime(async () => (kind === 'read' ? this.#store.get(key) : this.#tryRoom(key)))
      this.#succeed(kind, key, true)
      return true
    } catch (cause) {
      this.#fail(kind, key, cause)
      return false
    }
  }

  /** Deletes the key afterwards, so that the next attempt again shows whether there is room for another entry. */
  async #tryRoom(key: string): Promise<void> {
    await this.#store.put(key, '1', checkSeconds)
    await this.#store.delete(key)
  }

  #run<T>(kind: StoreOperation, key: string, operation: () => Awaitable<T>): Awaitable<T> {
    const trouble = this.#troubles.size === 0 ? undefined : this.#troubles.get(this.#nameOf(kind, key))
    if (trouble !== undefined && trouble.failures >= failuresBeforeRest) {
      if (trouble.trying || this.#watch.monotonic() < trouble.restUntil) {
        return Promise.reject(
          new StoreError(
            'resting',
            `the store is not asked for up to a second after ${trouble.failures} failures in a row; the last: ${trouble.reason}`,
          ),
        )
      }
      trouble.trying = true
    }
    try {
      const answer = operation()
      if (isPromiseLike(answer))
        return storeCalls.hasSubscribers
          ? traced(storeCalls, { operation: kind, entry: entryOf(key) }, () => this.#wait(kind, key, answer))
          : this.#wait(kind, key, answer)
      this.#succeed(kind, key, answer === true)
      return answer
    } catch (cause) {
      return Promise.reject(this.#fail(kind, key, cause))
    }
  }

  async #wait<T>(kind: StoreOperation, key: string, answer: Promise<T>): Promise<T> {
    try {
      const value = await this.#inTime(() => answer)
      this.#succeed(kind, key, value === true)
      return value
    } catch (cause) {
      throw this.#fail(kind, key, cause)
    }
  }

  /** @param count operations that wait for it */
  #inTime<T>(ask: () => Awaitable<T>, count = 1): Promise<T> {
    const { timeout } = this.#watch
    return new Promise((resolve, reject) => {
      this.#pending += count
      let isOver = false
      const end = (): void => {
        if (isOver) return
        isOver = true
        this.#pending -= count
        stop()
      }
      const fail = (cause: unknown): void => {
        end()
        reject(cause)
      }
      const stop = after(timeout, () => fail(new StoreError('timeout', `no answer within ${timeout} ms`)))
      try {
        const answer = ask()
        const succeed = (value: T): void => {
          end()
          resolve(value)
        }
        if (isPromiseLike(answer)) answer.then(succeed, fail)
        else succeed(answer)
      } catch (cause) {
        fail(cause)
      }
    })
  }

  /** @param room whether it shows that there is room for another entry, which replacing or deleting one does not */
  #succeed(kind: StoreOperation, key: string, room: boolean): void {
    if (this.#connecting !== undefined) this.#connecting = undefined
    if (this.#troubles.size === 0) return
    const name = this.#nameOf(kind, key)
    const trouble = this.#troubles.get(name)
    if (trouble !== undefined) {
      trouble.failures = 0
      trouble.trying = false
      const read = this.#store.part !== undefined || trouble.key === key
      if (kind === 'read' ? read : trouble.fault !== 'full' || room) this.#end(name)
    }
    if (this.#troubles.size > 0 && this.#watch.monotonic() >= this.#checkedAt + checkEvery) void this.check()
  }

  #end(name: string): void {
    const kind = this.#troubles.get(name)?.kind
    this.#troubles.delete(name)
    if (kind === undefined || [...this.#troubles.values()].some((other) => other.kind === kind)) return
    const side = this.#sides[kind]
    const milliseconds = this.#watch.monotonic() - (side.downSince ?? 0)
    side.downSince = undefined
    this.#watch.report({ name: 'store-recovered', operation: kind, milliseconds })
  }

  #fail(kind: StoreOperation, key: string, cause: unknown): StoreError {
    const error = asStoreError(cause)
    const { fault, message: reason } = error
    if (fault === 'connecting') return this.#note(error)
    this.#connecting = undefined
    const now = this.#watch.monotonic()
    const side = this.#sides[kind]
    side.last = { fault, reason, at: this.#watch.clock() }
    const name = this.#nameOf(kind, key)
    // A full store answers at once, so it needs no pause.
    const failures = fault === 'full' ? 0 : (this.#troubles.get(name)?.failures ?? 0) + 1
    const restUntil = now + restMilliseconds
    this.#troubles.set(name, { kind, key, fault, reason, failures, restUntil, trying: false })
    if (side.downSince === undefined) {
      side.downSince = now
      this.#watch.report({ name: 'store-failed', operation: kind, fault, reason })
    }
    return error
  }

  /** Connecting for the first time is no failure, and causes no pause. */
  #note(error: StoreError): StoreError {
    const { fault, message: reason } = error
    const isFirst = this.#connecting === undefined
    this.#connecting = { fault, reason, at: this.#watch.clock() }
    if (isFirst) this.#watch.report({ name: 'store-connecting', reason })
    return error
  }

  /** Connected again: paused operations are tried at once. */
  #askAgain(): void {
    for (const trouble of this.#troubles.values()) {
      trouble.failures = 0
      trouble.trying = false
    }
    if (this.#troubles.size > 0 || this.#connecting !== undefined) void this.check()
  }

  /**
   * If parts have no names, reads are distinguished by kind of entry (`deny`, `revoked`, `replay`), and writes are
   * not.
   */
  #nameOf(kind: StoreOperation, key: string): string {
    if (this.#store.part !== undefined) return `${kind} ${this.#store.part(key) % mostParts}`
    return kind === 'write' ? kind : `${kind} ${entryOf(key)}`
  }

  /** One key of ours in each part. */
  #keysOfParts(): readonly string[] {
    if (this.#store.part === undefined) return ['health']
    if (this.#checkKeys !== undefined) return this.#checkKeys
    const keys = new Map<number, string>()
    for (let number = 0; number < 16 * mostParts; number++) {
      const key = `health:${number}`
      const part = this.#store.part(key) % mostParts
      if (!keys.has(part)) keys.set(part, key)
    }
    this.#checkKeys = [...keys.values()]
    return this.#checkKeys
  }
}

const sideHealth = ({ downSince, last }: Side, connecting: StoreSideHealth['last']): StoreSideHealth => ({
  state: downSince === undefined && connecting === undefined ? 'up' : 'down',
  last: connecting ?? last,
})

/** The kind of entry that a key names: `deny`, `revoked`, `replay`. */
export const entryOf = (key: string): string => key.split(':', 1)[0] as string
