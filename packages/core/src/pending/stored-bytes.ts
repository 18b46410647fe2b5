import type { IssuerClass } from '../issuer/issuer-keys.js'
import { siteOf } from '../issuer/site.js'
import { StoreError } from '../store/store-error.js'

/**
 * The limit on the bytes of pending requests in the store (option `pending.room`). Calls are stored with their
 * content, anyone can run an agent provider, and pending requests cannot be evicted. Without a limit a stranger could
 * fill the store, so that all other writes would be refused.
 */
export interface StoredBytes {
  /**
   * Counts an entry that is about to be written.
   *
   * @param issuer of the token behind it; issuers that the operator did not name are counted by site (see
   * {@link siteOf})
   * @param seconds that it is kept
   * @param name of the entry, for {@link shrink} and {@link giveBack}; one with the same name is replaced
   * @throws StoreError `full` when the issuer's share is used up; then nothing is counted
   */
  take(issuer: string, bytes: number, seconds: number, name: string): void
  /** Counts an entry that has become smaller, with its new bytes and seconds. */
  shrink(name: string, bytes: number, seconds: number): void
  /** Stops counting an entry. */
  giveBack(name: string): void
}

/** The shares, as fractions of the whole. */
const parts = {
  /** Limit for one issuer that the operator named. */
  named: 1 / 4,
  /** Limit for all other issuers together. */
  unnamed: 7 / 8,
  /** Limit for all newcomers together: issuers whose first token verified only a few minutes ago. */
  newcomers: 3 / 4,
}

/** Bytes counted for a small entry, whose overhead in a store is larger than the entry. */
const least = 1024

/** Expiry is counted in steps of this many seconds, so that few of them must be visited to remove expired entries. */
const stepSeconds = 10

/** A counted entry. */
interface Entry {
  /** The owner of the bytes: an issuer, or its site. */
  readonly share: string
  readonly standing: IssuerClass
  bytes: number
  step: number
}

/**
 * Creates the limit. A site may have at most a third of what then remains for the others, so that no number of sites
 * leaves nothing for the next: the first gets about a fifth of the whole, the second less, and so on.
 *
 * @param most bytes of all entries that this process has written
 * @param clock milliseconds, as `Date.now`
 * @param standingOf says whether the operator named an issuer, and how long it has been known
 */
export function createStoredBytes(
  most: number,
  clock: () => number,
  standingOf: (issuer: string) => IssuerClass,
): StoredBytes {
  const taken = { named: 0, established: 0, newcomer: 0 }
  const entries = new Map<string, Entry>()
  const byShare = new Map<string, number>()
  // The names of the entries that expire with each step.
  const steps = new Map<number, Set<string>>()

  const add = ({ share, standing }: Entry, bytes: number): void => {
    taken[standing] += bytes
    const left = (byShare.get(share) ?? 0) + bytes
    if (left > 0) byShare.set(share, left)
    else byShare.delete(share)
  }
  const drop = (name: string): void => {
    const entry = entries.get(name)
    if (entry === undefined) return
    entries.delete(name)
    add(entry, -entry.bytes)
    const names = steps.get(entry.step)
    names?.delete(name)
    if (names?.size === 0) steps.delete(entry.step)
  }
  const hold = (name: string, entry: Entry): void => {
    entries.set(name, entry)
    add(entry, entry.bytes)
    const names = steps.get(entry.step)
    if (names === undefined) steps.set(entry.step, new Set([name]))
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
      const before = entries.get(name)
      drop(name)
      if (!fits(share, standing, bytes)) {
        if (before !== undefined) hold(name, before)
        throw new StoreError('full', 'pending requests have used up their bytes (option pending.room)')
      }
      hold(name, { share, standing, bytes, step: stepAfter(seconds) })
    },
    shrink(name, length, seconds) {
      const entry = entries.get(name)
      if (entry === undefined) return
      drop(name)
      hold(name, {
        ...entry,
        bytes: Math.min(entry.bytes, Math.max(least, length)),
        step: stepAfter(seconds),
      })
    },
    giveBack: drop,
  }
}
