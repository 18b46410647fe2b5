/** A token bucket: so many a minute, and as many at once. */
export class Budget {
  readonly #perMinute: number
  #left: number
  #asOf: number

  /** @param now milliseconds */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute
    this.#left = perMinute
    this.#asOf = now
  }

  /** Takes one, if there is one. */
  take(now: number): boolean {
    this.#refill(now)
    if (this.#left < 1) return false
    this.#left--
    return true
  }

  /** What is left now, rounded down. */
  left(now: number): number {
    this.#refill(now)
    return Math.floor(this.#left)
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - this.#asOf)
    this.#asOf = now
    this.#left = Math.min(this.#perMinute, this.#left + (elapsed / 60_000) * this.#perMinute)
  }
}
