import type { Store } from '@countersign/core'

/** A store of which is known what a request has changed. */
export class WatchedStore implements Store {
  readonly #entries = new Map<string, { readonly value: string; readonly until: number }>()
  readonly #before = new Map<string, string | undefined>()
  readonly #clock: () => number

  /** @param clock milliseconds */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  get(key: string): string | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined || entry.until <= this.#clock() ? undefined : entry.value
  }

  put(key: string, value: string, ttl: number): void {
    if (!this.#before.has(key)) this.#before.set(key, this.get(key))
    this.#entries.set(key, { value, until: this.#clock() + ttl * 1000 })
  }

  claim(key: string, value: string, ttl: number): boolean {
    if (this.get(key) !== undefined) return false
    this.put(key, value, ttl)
    return true
  }

  delete(key: string): void {
    if (!this.#before.has(key)) this.#before.set(key, this.get(key))
    this.#entries.delete(key)
  }

  /** The keys whose values are others than when this was last asked. */
  changed(): readonly string[] {
    const keys = [...this.#before].flatMap(([key, before]) => (this.get(key) === before ? [] : [key]))
    this.#before.clear()
    return keys
  }
}
