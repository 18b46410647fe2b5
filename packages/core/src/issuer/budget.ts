import { mayTake } from './site.js'

/** What one group has taken, and when that was last reckoned, in milliseconds. */
interface Taken {
  amount: number
  asOf: number
}

/**
 * A token bucket that sites share (see {@link mayTake}): so many a minute, and as many at once.
 */
export class Budget {
  readonly #perMinute: number
  // Only who took something is held, and for a minute at most: no more than can be taken in two.
  readonly #groups = new Map<string, Taken>()
  #left: number
  #asOf: number

  /** @param now milliseconds */
  constructor(perMinute: number, now: number) {
    this.#perMinute = perMinute
    this.#left = perMinute
    this.#asOf = now
  }

  /** Takes one for a group, if there is one. */
  take(now: number, group: string): boolean {
    this.#refill(now)
    const amount = this.#takenBy(group, now)
    if (!mayTake(amount, this.#left)) return false
    this.#left--
    this.#groups.delete(group)
    this.#groups.set(group, { amount: amount + 1, asOf: now })
    this.#forget(now)
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

  // A group is forgiven a quarter of the whole a minute.
  #takenBy(group: string, now: number): number {
    const taken = this.#groups.get(group)
    if (taken === undefined) return 0
    return Math.max(0, taken.amount - (Math.max(0, now - taken.asOf) / 60_000) * (this.#perMinute / 4))
  }

  /** Those who took something longest ago come first. */
  #forget(now: number): void {
    for (const [group, { asOf }] of this.#groups) {
      if (now >= asOf && now - asOf < 60_000) return
      this.#groups.delete(group)
    }
  }
}
