import { randomUUID } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { after } from '../time/clock.js'
import { MemoryStore } from './memory-store.js'
import { type Store, StoreUnfitError } from './store.js'
import { isConnecting } from './store-error.js'

/** Options of {@link provenStore}. */
export interface ProvenStoreOptions {
  /** Milliseconds, as `Date.now` (the default). */
  readonly clock?: () => number
  /** A monotonic clock in milliseconds, as `performance.now` (the default). */
  readonly monotonic?: () => number
}

// Milliseconds before an inconclusive or failed test is repeated.
const again = 1000
// Milliseconds for a store that hangs; callers have their own timeouts.
const patience = 2000
// Seconds; as short as a store can count. Stores that count whole seconds have three of them to remove the entry.
const brief = 0.001
const fading = 3000
// Seconds. A store that took them for milliseconds would have removed the entry when it is read again.
const lasting = 60
const lookAgain = 100

/**
 * Tests a store before it is used: a second claim must lose, an acknowledged write must be readable, and an entry
 * must last exactly for its time. Some clients and stores ignore the condition or the time of a write without an
 * error.
 *
 * The first use runs the test, with seven short commands, and one more if there is a `getMany`. Until the first test
 * has ended, every operation waits for it. If the store fails, every operation rejects with {@link StoreUnfitError},
 * and the test is repeated each second, in case a failover came between. If the test cannot be made, as on a server
 * that refuses writes, writes reject and reads go through. Whether entries expire is checked for up to three seconds
 * in the background, so that a store that counts whole seconds delays no request.
 *
 * Resource servers test the stores in their options in this way, and so does `@countersign/redis`.
 *
 * @example
 * ```ts
 * import { provenStore, type Store } from '@countersign/core'
 *
 * declare const mine: Store
 *
 * const store = provenStore(mine)
 * const isFirst = await store.claim('used:1', 'by sam', 60)
 * ```
 */
export function provenStore(store: Store, options: ProvenStoreOptions = {}): Store {
  const known = store instanceof ProvenStore || Object.getPrototypeOf(store) === MemoryStore.prototype
  return known ? store : new ProvenStore(store, options)
}

type State = 'untried' | 'fit' | { readonly cause: unknown; readonly unfit: boolean }

class ProvenStore implements Store {
  readonly part?: (key: string) => number
  readonly onConnected?: (listener: () => void) => void
  readonly onRestored?: (listener: (entries: number) => void) => void
  readonly getMany?: (keys: readonly string[]) => Awaitable<readonly (string | undefined)[]>
  readonly #store: Store
  readonly #clock: () => number
  readonly #monotonic: () => number
  #state: State = 'untried'
  #trial: Promise<void> | undefined
  #triedAt = Number.NEGATIVE_INFINITY

  constructor(
    store: Store,
    { clock = () => Date.now(), monotonic = () => performance.now() }: ProvenStoreOptions,
  ) {
    this.#store = store
    this.#clock = clock
    this.#monotonic = monotonic
    if (store.part !== undefined) this.part = (key) => store.part?.(key) ?? 0
    if (store.getMany !== undefined) this.getMany = (keys) => this.#getMany(keys)
    // Repeated before the next caller that learns of it calls.
    const tryAgain = (): void => {
      this.#triedAt = Number.NEGATIVE_INFINITY
    }
    store.onRestored?.(tryAgain)
    if (store.onRestored !== undefined) this.onRestored = (listener) => store.onRestored?.(listener)
    store.onConnected?.(tryAgain)
    if (store.onConnected !== undefined) this.onConnected = (listener) => store.onConnected?.(listener)
  }

  get(key: string): Awaitable<string | undefined> {
    return this.#state === 'fit' ? this.#store.get(key) : this.#tried('read', () => this.#store.get(key))
  }

  put(key: string, value: string, ttl: number): Awaitable<void> {
    const put = () => this.#store.put(key, value, ttl)
    return this.#state === 'fit' ? put() : this.#tried('write', put)
  }

  claim(key: string, value: string, ttl: number): Awaitable<boolean> {
    const claim = () => this.#store.claim(key, value, ttl)
    return this.#state === 'fit' ? claim() : this.#tried('write', claim)
  }

  delete(key: string): Awaitable<void> {
    return this.#state === 'fit'
      ? this.#store.delete(key)
      : this.#tried('write', () => this.#store.delete(key))
  }

  #getMany(keys: readonly string[]): Awaitable<readonly (string | undefined)[]> {
    const get = () => getMany(this.#store, keys)
    return this.#state === 'fit' ? get() : this.#tried('read', get)
  }

  async #tried<T>(kind: 'read' | 'write', operation: () => Awaitable<T>): Promise<T> {
    if (this.#trial === undefined && this.#monotonic() >= this.#triedAt + again) this.#trial = this.#try()
    await this.#trial
    const state = this.#state
    if (typeof state === 'object' && (state.unfit || kind === 'write')) throw state.cause
    return operation()
  }

  async #try(): Promise<void> {
    const trial = new Trial(this.#store, this.#clock, this.#monotonic)
    try {
      // A store that has failed once is not trusted before the whole test has passed.
      if (typeof this.#state === 'object' && this.#state.unfit) await trial.all()
      else if (!(await inTime(trial.claims()))) void this.#watch(trial.fades())
      this.#state = 'fit'
      this.#triedAt = this.#monotonic()
      void this.#watch(trial.lasts())
    } catch (cause) {
      this.#conclude(cause)
    } finally {
      this.#trial = undefined
    }
  }

  async #watch(observation: Promise<void>): Promise<void> {
    try {
      await observation
    } catch (cause) {
      if (cause instanceof StoreUnfitError) this.#conclude(cause)
      else this.#state = 'untried'
    }
  }

  #conclude(cause: unknown): void {
    // While it is only connecting, nothing has been tested.
    this.#triedAt = isConnecting(cause) ? Number.NEGATIVE_INFINITY : this.#monotonic()
    this.#state = { cause, unfit: cause instanceof StoreUnfitError }
  }
}

/** One test with keys of its own, none of which it leaves behind. Throws what it finds wrong. */
class Trial {
  readonly #store: Store
  readonly #clock: () => number
  readonly #monotonic: () => number
  readonly #began: { readonly clock: number; readonly monotonic: number }
  readonly #id = randomUUID()

  constructor(store: Store, clock: () => number, monotonic: () => number) {
    this.#store = store
    this.#clock = clock
    this.#monotonic = monotonic
    this.#began = { clock: clock(), monotonic: monotonic() }
  }

  async all(): Promise<void> {
    if (!(await inTime(this.claims()))) await this.fades()
    await this.lasts()
  }

  /** Whether short-lived entries have expired already. */
  async claims(): Promise<boolean> {
    const store = this.#store
    await store.put(this.#key('put'), '1', brief)
    await store.claim(this.#key('claimed'), '1', brief)
    const once = this.#key('once')
    const first = await store.claim(once, 'first', lasting)
    const second = await store.claim(once, 'second', lasting)
    if (second !== false) throw unfit('a second claim won: the client drops the condition of a write')
    if ((await store.get(once)) !== 'first' || first !== true) {
      throw unfit('what a claim had acknowledged was not read')
    }
    if (store.getMany !== undefined) {
      const [found, nothing, ...more] = await getMany(store, [once, this.#key('never')])
      if (found !== 'first' || nothing !== undefined || more.length > 0)
        throw unfit('getMany does not read what get reads')
    }
    return this.#haveEnded()
  }

  async #haveEnded(): Promise<boolean> {
    const put = await this.#store.get(this.#key('put'))
    return put === undefined && (await this.#store.claim(this.#key('claimed'), '2', brief)) === true
  }

  async fades(): Promise<void> {
    for (let pause = 10; !(await this.#haveEnded()); pause = Math.min(2 * pause, 500)) {
      const { clock, monotonic } = this.#elapsed()
      // The store's time may be that of an injected clock, by which the time must have passed as well.
      if (monotonic >= fading && clock >= fading)
        throw unfit('an entry did not end: the client drops its time')
      if (monotonic >= fading) return
      await sleep(pause)
    }
  }

  async lasts(): Promise<void> {
    await sleep(lookAgain)
    const value = await this.#store.get(this.#key('once'))
    const { clock, monotonic } = this.#elapsed()
    if (value !== 'first' && Math.max(clock, monotonic) < (lasting * 1000) / 2) {
      throw unfit('an entry ended before its time, which is given in seconds')
    }
    await this.#store.delete(this.#key('once'))
  }

  #elapsed(): { readonly clock: number; readonly monotonic: number } {
    const { clock, monotonic } = this.#began
    return { clock: this.#clock() - clock, monotonic: this.#monotonic() - monotonic }
  }

  #key(name: string): string {
    return `trial:${this.#id}:${name}`
  }
}

const getMany = (store: Store, keys: readonly string[]): Awaitable<readonly (string | undefined)[]> =>
  (store as Required<Store>).getMany(keys)

const unfit = (what: string): StoreUnfitError => new StoreUnfitError(`the store cannot be relied on: ${what}`)

/** The answer, or a rejection when it takes too long. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  let stop = (): void => {}
  const late = new Promise<never>((_, reject) => {
    const message = `the trial of the store had no answer within ${patience} ms`
    stop = after(patience, () => reject(new Error(message)))
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    stop()
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void after(ms, resolve))
