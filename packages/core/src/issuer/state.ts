import type { IssuerEntry } from './entry.js'
import type { IssuerState } from './report.js'
import type { IssuerSpaces } from './spaces.js'

/** The state of those the operator named, then of the known, then of newcomers: of each those used last first. */
export function stateOf(spaces: IssuerSpaces, most: number, now: number): IssuerState[] {
  if (most <= 0) return []
  const held = { named: [] as IssuerEntry[], admitted: [] as IssuerEntry[], newcomers: [] as IssuerEntry[] }
  for (const { record, space } of spaces.records()) held[space].push(...record.entries.values())
  const lastUsed = (entries: IssuerEntry[]): IssuerEntry[] =>
    entries.sort((a, b) => (a.usedAt === b.usedAt ? 0 : b.usedAt - a.usedAt))
  const known = [...lastUsed(held.named), ...lastUsed(held.admitted)]
  return [...known, ...lastUsed(held.newcomers)]
    .slice(0, most)
    .map((entry, index) => stateOfEntry(entry, index < known.length, now))
}

function stateOfEntry(entry: IssuerEntry, admitted: boolean, now: number): IssuerState {
  const { keys, fetchedAt, freshUntil, attemptedAt, failures } = entry.state
  const seconds = (from: number): number => Math.round(Math.max(0, now - from) / 1000)
  const attempted = Number.isFinite(attemptedAt)
  return {
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
  }
}
