import { LRUCache } from 'lru-cache'
import type { TokenCaller } from '../caller.js'
import type { PendingSettings } from './options.js'

/**
 * How often pending requests may be opened. Each takes room in the store until it expires, and anyone may have an agent
 * provider of one's own; so there is a bound for one key, for one issuer and for everybody together.
 */
export interface Admission {
  /** Whether one more may be opened now; if not, the seconds after which to try again. */
  enter(caller: TokenCaller): number | undefined
}

interface Window {
  readonly start: number
  count: number
}

const windowMs = 60_000

/** @param clock milliseconds, as `Date.now` */
export function createAdmission(settings: PendingSettings, clock: () => number): Admission {
  const windows = new LRUCache<string, Window>({ max: 10_000 })
  const everybody = 'everybody'
  const enter = (name: string, limit: number): number | undefined => {
    const now = clock()
    const window = windows.get(name)
    if (window === undefined || now - window.start >= windowMs || now < window.start) {
      windows.set(name, { start: now, count: 1 })
      return undefined
    }
    if (window.count >= limit) return Math.ceil((window.start + windowMs - now) / 1000)
    window.count++
    return undefined
  }
  return {
    enter: (caller) =>
      enter(`key ${caller.jkt}`, settings.perKey) ??
      enter(`issuer ${caller.token.iss}`, settings.perIssuer) ??
      enter(everybody, settings.perMinute),
  }
}
