import type { TokenCaller } from '../caller.js'
import type { IssuerClass } from '../issuer/issuer-keys.js'
import { mayTake, siteOf } from '../issuer/site.js'
import type { PendingSettings } from './options.js'

/**
 * The limits on pending requests opened per minute (options `pending.perKey`, `perIssuer`, `perMinute`). Each request
 * is stored until it expires, and anyone can run an agent provider; so there are limits for one key, for one issuer
 * and for all issuers together that the operator did not name.
 */
export interface OpenRate {
  /**
   * Counts one more request. When a limit is reached, counts nothing and returns the seconds after which to try
   * again.
   */
  enter(caller: TokenCaller): number | undefined
}

/** How many requests were opened in the current minute. */
interface Minute {
  /** Milliseconds. */
  readonly start: number
  readonly keys: Map<string, number>
  readonly issuers: Map<string, number>
  readonly sites: Map<string, number>
  /** Opened by issuers that the operator did not name. */
  total: number
}

const minuteMs = 60_000

/**
 * Creates the limits. Only requests that were opened are counted, minute by minute: a refused caller leaves no entry,
 * no table is larger than the number of requests that may be opened in a minute, and nothing is forgotten before its
 * minute is over.
 *
 * @param clock milliseconds, as `Date.now`
 * @param standingOf says whether the operator named an issuer; those do not count towards `perMinute`
 */
export function createOpenRate(
  settings: PendingSettings,
  clock: () => number,
  standingOf: (issuer: string) => IssuerClass,
): OpenRate {
  const begin = (start: number): Minute => ({
    start,
    keys: new Map(),
    issuers: new Map(),
    sites: new Map(),
    total: 0,
  })
  let minute = begin(Number.NEGATIVE_INFINITY)

  return {
    enter({ jkt, token: { iss } }) {
      const now = clock()
      if (now - minute.start >= minuteMs || now < minute.start) minute = begin(now)
      const { keys, issuers, sites, total } = minute
      const ofKey = keys.get(jkt) ?? 0
      const ofIssuer = issuers.get(iss) ?? 0
      const isNamed = standingOf(iss) === 'named'
      const site = isNamed ? '' : siteOf(iss)
      const ofSite = sites.get(site) ?? 0
      const allowed =
        ofKey < settings.perKey &&
        ofIssuer < settings.perIssuer &&
        (isNamed || mayTake(ofSite, settings.perMinute - total))
      if (!allowed) return Math.ceil((minute.start + minuteMs - now) / 1000)
      keys.set(jkt, ofKey + 1)
      issuers.set(iss, ofIssuer + 1)
      if (isNamed) return undefined
      sites.set(site, ofSite + 1)
      minute.total++
      return undefined
    },
  }
}
