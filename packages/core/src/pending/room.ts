import { StoreError } from '../store/store-error.js'

/**
 * Bounds what pending requests take in the store. Calls wait with their content, anyone may have an agent provider of
 * one's own, and what has to be remembered cannot be evicted: without a bound a stranger fills the store, and whatever
 * else has to be written is refused.
 */
export interface Room {
  /**
   * Takes room for one entry.
   *
   * @param issuer of the token behind it; one issuer has a quarter of the room
   * @param seconds how long it is kept
   * @throws StoreError `full`
   */
  take(issuer: string, bytes: number, seconds: number): void
}

/** Whatever is small takes this much, with all that a store keeps beside it. */
const least = 1024

/** Time is counted in steps, so that giving room back walks over few entries. */
const stepSeconds = 10

/**
 * @param most bytes that this process may have in the store
 * @param clock milliseconds, as `Date.now`
 */
export function createRoom(most: number, clock: () => number): Room {
  let total = 0
  const byIssuer = new Map<string, number>()
  // What is given back at the end of each step.
  const steps = new Map<number, Map<string, number>>()

  const giveBack = (now: number): void => {
    for (const [step, issuers] of steps) {
      if (step > now) continue
      steps.delete(step)
      for (const [issuer, bytes] of issuers) {
        total -= bytes
        const left = (byIssuer.get(issuer) ?? 0) - bytes
        if (left > 0) byIssuer.set(issuer, left)
        else byIssuer.delete(issuer)
      }
    }
  }

  return {
    take(issuer, length, seconds) {
      const now = clock() / 1000 / stepSeconds
      giveBack(now)
      const bytes = Math.max(least, length)
      const own = (byIssuer.get(issuer) ?? 0) + bytes
      if (own > most / 4 || total + bytes > most) {
        throw new StoreError('full', 'pending requests take all the room they may (option pending.room)')
      }
      total += bytes
      byIssuer.set(issuer, own)
      const step = Math.ceil(now + seconds / stepSeconds)
      const ending = steps.get(step) ?? new Map<string, number>()
      steps.set(step, ending.set(issuer, (ending.get(issuer) ?? 0) + bytes))
    },
  }
}
