import type { IssuerClass } from '../issuer/issuer-keys.js'
import { siteOf } from '../issuer/site.js'
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
   * @param issuer of the token behind it, which shares by its site (see {@link siteOf})
   * @param seconds how long it is kept
   * @param name under which {@link shrink} finds it; what was taken under it before is given back
   * @throws StoreError `full`
   */
  take(issuer: string, bytes: number, seconds: number, name: string): void
  /** Gives back what an entry does not take any more: what is left of it has so many bytes, for so many seconds. */
  shrink(name: string, bytes: number, seconds: number): void
  /** Gives back all that an entry took. */
  giveBack(name: string): void
}

/** How the room is shared, as parts of the whole. */
const parts = {
  /** An issuer that the operator named may take so much, while there is any. */
  named: 1 / 4,
  /** All others together. */
  unnamed: 7 / 8,
  /** All of whom a token verified for the first time only a few minutes ago, together. */
  newcomers: 3 / 4,
}

/** Whatever is small takes this much, with all that a store keeps beside it. */
const least = 1024

/** Time is counted in steps, so that giving room back walks over few entries. */
const stepSeconds = 10

interface Place {
  readonly share: string
  readonly standing: IssuerClass
  bytes: number
  step: number
}

/**
 * A site may have a third of what is then left for others, so that no number of them leaves nothing for the next: alone it
 * gets about a fifth, the second less, and so on.
 *
 * @param most bytes that this process may have in the store
 * @param clock milliseconds, as `Date.now`
 * @param standing of an issuer
 */
export function createRoom(
  most: number,
  clock: () => number,
  standingOf: (issuer: string) => IssuerClass,
): Room {
  const taken = { named: 0, established: 0, newcomer: 0 }
  const places = new Map<string, Place>()
  const byShare = new Map<string, number>()
  // What is given back at the end of each step.
  const steps = new Map<number, Set<string>>()

  const add = ({ share, standing }: Place, bytes: number): void => {
    taken[standing] += bytes
    const left = (byShare.get(share) ?? 0) + bytes
    if (left > 0) byShare.set(share, left)
    else byShare.delete(share)
  }
  const drop = (name: string): void => {
    const place = places.get(name)
    if (place === undefined) return
    places.delete(name)
    add(place, -place.bytes)
    const names = steps.get(place.step)
    names?.delete(name)
    if (names?.size === 0) steps.delete(place.step)
  }
  const hold = (name: string, place: Place): void => {
    places.set(name, place)
    add(place, place.bytes)
    const names = steps.get(place.step)
    if (names === undefined) steps.set(place.step, new Set([name]))
    else names.add(name)
  }
  const expire = (): void => {
    const now = clock() / 1000 / stepSeconds
    for (const [step, names] of steps) {
      if (step > now) continue
      for (const name of names) drop(name)
    }
  }
  const stepAfter = (seconds: number): number => Math.ceil((clock() / 1000 + seconds) / stepSeconds)

  const fits = (share: string, standing: IssuerClass, bytes: number): boolean => {
    const unnamed = taken.established + taken.newcomer
    const free = most - unnamed - taken.named
    if (bytes > free) return false
    const own = byShare.get(share) ?? 0
    if (standing === 'named') return own + bytes <= most * parts.named
    const part = Math.min(free, most * parts.unnamed - unnamed)
    const left = standing === 'newcomer' ? Math.min(part, most * parts.newcomers - taken.newcomer) : part
    if (bytes > left) return false
    return own === 0 ? bytes <= most * parts.named : own + bytes <= (left - bytes) / 3
  }

  return {
    take(issuer, length, seconds, name) {
      expire()
      const standing = standingOf(issuer)
      const share = standing === 'named' ? issuer : siteOf(issuer)
      const bytes = Math.max(least, length)
      const before = places.get(name)
      drop(name)
      if (!fits(share, standing, bytes)) {
        if (before !== undefined) hold(name, before)
        throw new StoreError('full', 'pending requests take all the room they may (option pending.room)')
      }
      hold(name, { share, standing, bytes, step: stepAfter(seconds) })
    },
    shrink(name, length, seconds) {
      const place = places.get(name)
      if (place === undefined) return
      drop(name)
      hold(name, {
        ...place,
        bytes: Math.min(place.bytes, Math.max(least, length)),
        step: stepAfter(seconds),
      })
    },
    giveBack: drop,
  }
}
