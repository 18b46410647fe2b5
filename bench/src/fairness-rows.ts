import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Behaviour, Crowd, Extent, Fairness } from './fairness.js'

// `npm run bench -- --only issuers`: one row for each crowd. FAIRNESS_JSON names a file for the data of the plot.

const behaviours: readonly Behaviour[] = ['absent', 'hangs', 'verifies']
const all: readonly Behaviour[] = ['verifies']
const hour = 3600
const honest = 1000
/** The cost of a minute besides the hostile requests, in units of such requests. */
const lookingAfter = 5000
// Crowds whose result is clear within minutes, or that need too many requests, are simulated for an hour.
const crowds: readonly Crowd[] = [
  { name: 'nobody', domains: 0, perMinute: 0, behaviours },
  { name: '1 domain', domains: 1, perMinute: 1, behaviours: all },
  { name: '1 wildcard, 10,000/min, 1 h', domains: 1, perMinute: 10_000, behaviours: all, longest: hour },
  { name: '100 domains', domains: 100, perMinute: 1, behaviours },
  { name: '1,000 domains', domains: 1000, perMinute: 1, behaviours },
  { name: '1,000 domains, 10/min each', domains: 1000, perMinute: 10, behaviours },
  { name: '10,000 domains', domains: 10_000, perMinute: 1, behaviours },
  { name: '10,000 that verify, 1 h', domains: 10_000, perMinute: 1, behaviours: all, longest: hour },
  {
    name: '1,200 that stay, 9 each, 2 h',
    domains: 1200,
    perMinute: 2,
    behaviours: all,
    issuers: 9,
    longest: 2 * hour,
  },
  { name: '10,000, 4 clients, 1 h', domains: 10_000, perMinute: 1, behaviours, clients: 4, longest: hour },
  { name: '10,000, 10/min each, 1 h', domains: 10_000, perMinute: 10, behaviours, longest: hour },
]

const percent = (share: number): string => (100 * share).toFixed(2)
const row = (...cells: readonly string[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(14))).join(''))

/** Runs and prints all rows; with `quick` an hour of each. */
export async function printFairness(quick: boolean): Promise<void> {
  const lasts = quick ? hour : 24 * hour
  console.log(`${honest} honest issuers, ${lasts / hour} h`)
  row('hostile', 'first, %', 'or second, %', 'known, %', 'at once, %', 'fetches', '  MB, by eighths')
  const found: Fairness[] = []
  for (const promise of runAll(lasts)) {
    const one = await promise
    found.push(one)
    const megabytes = one.heap.map((mb) => mb.toFixed(0)).join(' ')
    const shares = [one.first, one.firstOrSecond, one.known, one.atOnce].map(percent)
    row(one.name, ...shares, String(one.fetched), `  ${megabytes}`)
  }
  const file = process.env['FAIRNESS_JSON']
  if (file !== undefined) writeFileSync(file, JSON.stringify(found))
}

/** Runs the rows, one on each core; the longest start first. */
function runAll(lasts: number): readonly Promise<Fairness>[] {
  const starts: (() => Promise<unknown>)[] = []
  const rows = crowds.map((crowd, i) => {
    const extent = { honest, lasts: Math.min(lasts, crowd.longest ?? lasts) }
    return new Promise<Fairness>((resolve) => {
      starts[i] = () => {
        const run = apart(crowd, extent)
        resolve(run)
        return run
      }
    })
  })
  const cost = ({ domains, perMinute, longest = lasts }: Crowd): number =>
    Math.min(longest, lasts) * (lookingAfter + domains * perMinute)
  const order = crowds.map((_, i) => i).sort((a, b) => cost(crowds[b] as Crowd) - cost(crowds[a] as Crowd))
  const work = async (): Promise<void> => {
    for (let i = order.shift(); i !== undefined; i = order.shift()) await starts[i]?.()
  }
  // A failure is reported where the row is awaited.
  for (let i = 0; i < availableParallelism(); i++) work().catch(() => {})
  return rows
}

/** Runs the simulation in a separate process, so that its memory can be measured. */
async function apart(crowd: Crowd, extent: Extent): Promise<Fairness> {
  const child = fork(fileURLToPath(new URL('fairness-row.js', import.meta.url)), {
    // A young generation large enough that new objects are not copied over and over; memory is measured after
    // collection.
    execArgv: ['--expose-gc', '--max-semi-space-size=64'],
  })
  child.send({ crowd, extent })
  const answered = once(child, 'message')
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process of "${crowd.name}" ended with ${code} and told nothing`)
  })
  const [found] = (await Promise.race([answered, ended])) as [Fairness]
  ended.catch(() => {})
  return found
}
