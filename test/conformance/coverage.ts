import { cases } from './cases.js'
import type { FileRecord } from './records.js'
import type { Requirement } from './requirement.js'
import { parts } from './requirements.js'
import { readTitle } from './title.js'

/** A requirement and what a run says of it. */
export interface CoverageRow {
  readonly id: string
  readonly level: string
  readonly part: string
  readonly status: 'proved' | 'not-ours' | 'pending'
  /** Passing tests that name it. */
  readonly tests: number
  readonly reason?: string
}

/** Counts of a part, or of everything. */
export interface Totals {
  readonly rows: number
  readonly proved: number
  readonly notOurs: number
  readonly pending: number
  /** Passing tests that name a row, each counted once a row. */
  readonly tests: number
}

/** What a run proves. */
export interface Coverage {
  readonly rows: readonly CoverageRow[]
  readonly totals: Totals & { readonly parts: Readonly<Record<string, Totals>> }
  /** The adapters that tests over sockets went through. */
  readonly adapters: readonly string[]
  /** What contradicts the manifest: unknown ids, failing tests, marks that tests belie. */
  readonly problems: readonly string[]
  /** Rows and hostile cases that claim a test and have none that passed. */
  readonly unproved: readonly string[]
}

interface Named {
  passed: number
  failed: number
  readonly adapters: Set<string>
}

/**
 * Holds the manifest against a run.
 *
 * @param adapters the adapters that every test over sockets has to go through
 */
export function measure(records: readonly FileRecord[], adapters: readonly string[]): Coverage {
  const named = count(records)
  const rows = parts.flatMap((part) => part.rows.map((requirement) => judge(requirement, part.letter, named)))
  const problems = [
    ...problemsOfRows(rows, named),
    ...problemsOfNames(named),
    ...problemsOfAdapters(named, adapters),
  ]
  const byPart = Object.fromEntries(
    parts.map(({ letter }) => [letter, sum(rows.filter((row) => row.part === letter))]),
  )
  const through = new Set([...named.values()].flatMap((name) => [...name.adapters]))
  return {
    rows,
    totals: { ...sum(rows), parts: byPart },
    adapters: [...through].sort(),
    problems,
    unproved: [...unprovedRows(rows), ...unprovedCases(named)],
  }
}

function count(records: readonly FileRecord[]): ReadonlyMap<string, Named> {
  const named = new Map<string, Named>()
  for (const { title, passed } of records.flatMap((record) => record.tests)) {
    const { ids, adapter } = readTitle(title)
    for (const id of ids) {
      const entry = named.get(id) ?? { passed: 0, failed: 0, adapters: new Set() }
      named.set(id, entry)
      if (passed) entry.passed++
      else entry.failed++
      if (passed && adapter !== undefined) entry.adapters.add(adapter)
    }
  }
  return named
}

const unproved = 'unproved: no passing test names it'

function judge(requirement: Requirement, part: string, named: ReadonlyMap<string, Named>): CoverageRow {
  const { id, level } = requirement
  const tests = named.get(id)?.passed ?? 0
  const common = { id, level, part }
  if (requirement.notOurs !== undefined)
    return { ...common, status: 'not-ours', tests, reason: requirement.notOurs }
  if (requirement.pending !== undefined)
    return { ...common, status: 'pending', tests, reason: `comes with part ${requirement.pending}` }
  return tests > 0
    ? { ...common, status: 'proved', tests }
    : { ...common, status: 'pending', tests, reason: unproved }
}

function problemsOfRows(rows: readonly CoverageRow[], named: ReadonlyMap<string, Named>): string[] {
  const failing = (id: string): boolean => (named.get(id)?.failed ?? 0) > 0
  return rows.flatMap(({ id, status, tests }) => {
    if (failing(id)) return [`${id}: a test that names it fails`]
    return status !== 'proved' && tests > 0
      ? [`${id} is marked ${status}, and ${tests} passing tests name it`]
      : []
  })
}

const unprovedRows = (rows: readonly CoverageRow[]): string[] =>
  rows.filter(({ reason }) => reason === unproved).map(({ id, level }) => `${id} (${level}): ${unproved}`)

const unprovedCases = (named: ReadonlyMap<string, Named>): string[] =>
  cases
    .filter(
      ({ id, notOurs, pending }) => notOurs === undefined && pending === undefined && !named.get(id)?.passed,
    )
    .map(({ id }) => `${id}: ${unproved}`)

function problemsOfNames(named: ReadonlyMap<string, Named>): string[] {
  const known = new Set([
    ...parts.flatMap((part) => part.rows.map((row) => row.id)),
    ...cases.map((entry) => entry.id),
  ])
  return [...named.keys()]
    .filter((id) => !known.has(id))
    .map((id) => `${id}: a test names it, and no such id exists`)
}

// A row proved through one adapter only is a difference between the adapters that nobody has looked at.
function problemsOfAdapters(named: ReadonlyMap<string, Named>, adapters: readonly string[]): string[] {
  return [...named].flatMap(([id, name]) =>
    name.adapters.size === 0
      ? []
      : adapters
          .filter((adapter) => !name.adapters.has(adapter))
          .map((adapter) => `${id}: not shown through ${adapter}`),
  )
}

function sum(rows: readonly CoverageRow[]): Totals {
  const of = (status: CoverageRow['status']): number => rows.filter((row) => row.status === status).length
  return {
    rows: rows.length,
    proved: of('proved'),
    notOurs: of('not-ours'),
    pending: of('pending'),
    tests: rows.reduce((total, row) => total + row.tests, 0),
  }
}
