import type { TokenCaller } from '../caller.js'
import type { Standing } from '../issuer/issuer-keys.js'
import { mayTake, siteOf } from '../issuer/site.js'
import type { PendingSettings } from './options.js'

/**
 * How often pending requests may be opened. Each takes room in the store until it expires, and anyone may have an agent
 * provider of one's own; so there is a bound for one key, for one issuer and for all that the operator did not name.
 */
export interface Admission {
  /** Whether one more may be opened now; if not, the seconds after which to try again. */
  enter(caller: TokenCaller): number | undefined
}

/** What was opened in a minute. */
interface Minute {
  /** Milliseconds. */
  readonly start: number
  readonly keys: Map<string, number>
  readonly issuers: Map<string, number>
  readonly sites: Map<string, number>
  /** By issuers that the operator did not name. */
  total: number
}

const minuteMs = 60_000

/**
 * Counts by the minute, and only what was opened: so whoever is refused leaves nothing behind, no table is larger than
 * what may be opened in a minute, and nothing is forgotten before its minute is over.
 *
 * @param clock milliseconds, as `Date.now`
 * @param standing of an issuer; the operator's word on one takes it out of what all others share
 */
export function createAdmission(
  settings: PendingSettings,
  clock: () => number,
  standingOf: (issuer: string) => Standing,
): Admission {
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
