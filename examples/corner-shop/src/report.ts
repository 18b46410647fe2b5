import { styleText } from 'node:util'
import type { LedgerEntry } from '@countersign/devkit'
import type { Check } from './scene.js'
import type { Story } from './stories.js'

/** An exchange of a story, as one line of `--json`. */
export interface Line
  extends Pick<LedgerEntry, 'from' | 'to' | 'method' | 'url' | 'status' | 'requirement' | 'outcome'> {
  readonly adapter: string
  /** From 1. */
  readonly story: number
  /** From 1, in each story. */
  readonly step: number
}

/** How the demo came out. */
export interface Summary {
  readonly stories: number
  readonly passed: number
  readonly adapters: readonly string[]
}

/** Somebody the demo tells its stories to. */
export interface Reporter {
  open(number: number, story: Story): void
  stage(adapter: string): void
  exchange(line: Line): void
  close(checks: readonly Check[], failure: unknown): void
  end(summary: Summary): void
}

const print = (text = '') => void process.stdout.write(`${text}\n`)

/** For programs: one JSON object an exchange, the summary last. What went wrong is said on stderr. */
export const jsonReporter: Reporter = {
  open: () => undefined,
  stage: () => undefined,
  exchange: ({ adapter, story, step, from, to, method, url, status, requirement, outcome }) =>
    print(JSON.stringify({ adapter, story, step, from, to, method, url, status, requirement, outcome })),
  close: (checks, failure) => {
    for (const check of checks) if (!check.holds) process.stderr.write(`${disappointment(check)}\n`)
    if (failure !== undefined) process.stderr.write(`${String(failure)}\n`)
  },
  end: (summary) => print(JSON.stringify(summary)),
}

type Style = Parameters<typeof styleText>[0]
const coloured = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
const paint = (style: Style, text: string) => (coloured ? styleText(style, text) : text)

/** For people: the ledger of each story, with what was required and what came back. */
export function proseReporter(): Reporter {
  let lookups: Line[] = []
  const flush = () => {
    if (lookups.length > 0) print(paint('dim', row(lookups)))
    lookups = []
  }
  return {
    open: (number, story) => {
      print(paint('bold', `${number}. ${story.title}`))
      print(`   ${story.tells}`)
      print()
    },
    stage: (adapter) => {
      print(paint('dim', `   on ${adapter}`))
    },
    exchange: (line) => {
      const last = lookups.at(-1)
      if (last !== undefined && (last.from !== line.from || last.to !== line.to || !isLookup(line))) flush()
      if (isLookup(line)) lookups.push(line)
      else print(row([line]))
    },
    close: (checks, failure) => {
      flush()
      for (const check of checks) {
        if (check.holds) print(`   ${paint('green', '✓')} ${check.says}`)
        else print(`   ${paint('red', '✗')} ${disappointment(check)}`)
      }
      if (failure !== undefined) print(`   ${paint('red', '✗')} ${String(failure)}`)
      print()
    },
    end: ({ stories, passed, adapters }) => {
      const result = `${passed} of ${stories} stories ended as told, on ${adapters.join(' and ')}.`
      print(paint(passed === stories ? 'green' : 'red', result))
    },
  }
}

// Looking up who somebody is takes two fetches and is not the story: they share a row.
function isLookup(line: Line): boolean {
  return line.outcome === 'metadata' || line.outcome === 'keys'
}

function row(lines: readonly Line[]): string {
  const [first, ...others] = lines as [Line, ...Line[]]
  const who = `${first.from.padEnd(16)} → ${first.to.padEnd(16)}`
  const url = `${first.url}${others.map((line) => ` + ${line.outcome}`).join('')}`
  return `   ${who} ${first.method.padEnd(4)} ${url.padEnd(60)} ${first.status}  ${reply(first)}`
}

function reply(line: Line): string {
  return line.requirement === null ? (line.outcome ?? '') : `requires ${line.requirement}`
}

function disappointment({ says, expected, actual }: Check): string {
  return `${says}: expected ${String(expected)}, but it was ${String(actual)}`
}
