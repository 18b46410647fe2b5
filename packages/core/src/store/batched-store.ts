import type { Awaitable } from '../awaitable.js'
import { storeCalls, traced } from '../tracing/channels.js'
import type { Store } from './store.js'
import { entryOf, type StoreHealth, type WatchedStore } from './watched-store.js'

/** Limit on the keys of one `getMany`, each of at most 512 bytes. Further keys go in another one, at once. */
const mostKeys = 128

// A round trip costs as much processor time as about twenty requests that share one. For an idle process the second
// turn takes a few microseconds; in a busy one it brings as many reads again.
const turnsToWait = 2

// Node's own, whatever a test puts in its place later: no clock is involved.
const { setImmediate: atEndOfTurn } = globalThis

/**
 * Sends reads that are requested in one turn of the event loop, or in the next, to the store together, each key once.
 * While some are under way, the next ones wait until those are answered. So all requests whose bytes had arrived cost
 * one round trip and one timer, and a busier process shares each among more requests. No read joins one that was sent
 * before it was requested, so it sees everything that was acknowledged anywhere before its request arrived.
 *
 * A store without `getMany` is returned unchanged.
 */
export function batchReads(store: WatchedStore, source: Store): WatchedStore {
  return source.getMany === undefined ? store : new BatchedStore(store)
}

type Value = string | undefined

/** A key to read, for everyone who requested it in this turn. */
interface Read {
  readonly answer: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (cause: unknown) => void
}

class BatchedStore implements WatchedStore {
  readonly onConnected?: (listener: () => void) => void
  readonly #store: WatchedStore
  #waiting = new Map<string, Read>()
  #isUnderWay = false
  #isDue = false
  #turnsLeft = 0

  constructor(store: WatchedStore) {
    this.#store = store
    if (store.onConnected !== undefined) this.onConnected = (listener) => store.onConnected?.(listener)
  }

  get isReadingMany(): boolean {
    return this.#store.isReadingMany
  }

  get(key: string): Awaitable<Value> {
    if (!this.#store.isReadingMany) return this.#store.get(key)
    return storeCalls.hasSubscribers
      ? traced(storeCalls, { operation: 'read', entry: entryOf(key) }, () => this.#read(key))
      : this.#read(key)
  }

  put(key: string, value: string, ttl: number): Awaitable<void> {
    return this.#store.put(key, value, ttl)
  }

  claim(key: string, value: string, ttl: number): Awaitable<boolean> {
    return this.#store.claim(key, value, ttl)
  }

  delete(key: string): Awaitable<void> {
    return this.#store.delete(key)
  }

  health(): StoreHealth {
    return this.#store.health()
  }

  check(): Promise<boolean> {
    return this.#store.check()
  }

  #read(key: string): Promise<Value> {
    const asked = this.#waiting.get(key)
    if (asked !== undefined) return asked.answer
    if (this.#waiting.size === mostKeys) this.#send()
    const read = newRead()
    this.#waiting.set(key, read)
    if (!this.#isUnderWay) this.#sendSoon()
    return read.answer
  }

  #sendSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#turnsLeft = turnsToWait
    atEndOfTurn(this.#sendNow)
  }

  readonly #sendNow = (): void => {
    this.#turnsLeft--
    if (this.#turnsLeft > 0) {
      atEndOfTurn(this.#sendNow)
      return
    }
    this.#isDue = false
    if (this.#waiting.size > 0) this.#send()
  }

  #send(): void {
    const batch = this.#waiting
    this.#waiting = new Map()
    if (this.#store.part !== undefined) {
      // A slow or failed part does not delay the others.
      for (const keys of byPart(batch.keys(), this.#store.part)) this.#readMany(keys, batch, () => {})
      return
    }
    this.#isUnderWay = true
    this.#readMany([...batch.keys()], batch, this.#next)
  }

  readonly #next = (cause: unknown): void => {
    this.#isUnderWay = false
    if (this.#waiting.size === 0) return
    if (cause === undefined) {
      this.#sendSoon()
      return
    }
    // They would wait again for what has just failed, and longer than an operation may take.
    const behind = this.#waiting
    this.#waiting = new Map()
    for (const { reject } of behind.values()) reject(cause)
  }

  /** @param next called with the error if the keys could not be read */
  #readMany(keys: readonly string[], batch: ReadonlyMap<string, Read>, next: (cause: unknown) => void): void {
    const { getMany } = this.#store as Required<WatchedStore>
    getMany.call(this.#store, keys).then(
      (values) => {
        for (let index = 0; index < keys.length; index++)
          batch.get(keys[index] as string)?.resolve(values[index])
        next(undefined)
      },
      (cause: unknown) => {
        for (const key of keys) batch.get(key)?.reject(cause)
        next(cause)
      },
    )
  }
}

function byPart(keys: Iterable<string>, part: (key: string) => number): Iterable<readonly string[]> {
  const parts = new Map<number, string[]>()
  for (const key of keys) {
    const number = part(key)
    const ofPart = parts.get(number)
    if (ofPart === undefined) parts.set(number, [key])
    else ofPart.push(key)
  }
  return parts.values()
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function newRead(): Read {
  let resolve!: (value: Value) => void
  let reject!: (cause: unknown) => void
  const answer = new Promise<Value>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { answer, resolve, reject }
}
