/** A Map that drops its oldest entry when it is full, so that nothing in the town grows without bound. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #limit: number
  /** @param limit entries; default 1000 */
  constructor(limit = 1000) {
    super()
    this.#limit = limit
  }
  override set(key: K, value: V): this {
    this.delete(key)
    super.set(key, value)
    if (this.size > this.#limit) this.delete(this.keys().next().value as K)
    return this
  }
}

/** Appends to a list and drops its oldest entry beyond `limit`. */
export function pushBounded<T>(list: T[], entry: T, limit: number): void {
  list.push(entry)
  if (list.length > limit) list.shift()
}
