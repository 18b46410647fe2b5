import type { IssuerState } from './report.js'
import type { IssuerSpaces } from './spaces.js'

/** The state of the issuers used last, `most` entries of them at most. */
export function stateOf(spaces: IssuerSpaces, most: number, now: number): IssuerState[] {
  const states: IssuerState[] = []
  for (const { record, admitted } of spaces.records()) {
    for (const entry of record.entries.values()) {
      if (states.length >= most) return states
      const { keys, fetchedAt, freshUntil, attemptedAt, failures } = entry.state
      const seconds = (from: number): number => Math.round(Math.max(0, now - from) / 1000)
      const attempted = Number.isFinite(attemptedAt)
      states.push({
        issuer: entry.issuer,
        dwk: entry.dwk,
        admitted,
        keys,
        outcome: entry.fault?.kind ?? (attempted && entry.flight === undefined ? 'ok' : 'pending'),
        ...(entry.fault === undefined ? {} : { reason: entry.fault.reason }),
        ...(fetchedAt === undefined ? {} : { age: seconds(fetchedAt) }),
        ...(freshUntil === undefined ? {} : { stale: now >= freshUntil }),
        ...(attempted ? { sinceAttempt: seconds(attemptedAt) } : {}),
        failures,
        nextAttempt: entry.mayAttempt(now) ? 0 : Math.max(0, Math.ceil((entry.nextAttemptAt - now) / 1000)),
      })
    }
  }
  return states
}
