import { writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Behaviour, type Crowd, type Extent, type Fairness, live } from './fairness.js'

// `npm run bench -- --only issuers`: a row for each crowd. FAIRNESS_JSON names a file for what the plot is made of.

const behaviours: readonly Behaviour[] = ['absent', 'hangs', 'verifies']
const crowds: readonly Crowd[] = [
  { name: 'nobody', domains: 0, perMinute: 0, behaviours },
  { name: '1 domain', domains: 1, perMinute: 1, behaviours: ['verifies'] },
  { name: '1 wildcard, 10,000 hosts', domains: 1, perMinute: 10_000, behaviours: ['verifies'] },
  { name: '100 domains', domains: 100, perMinute: 1, behaviours },
  { name: '1,000 domains', domains: 1000, perMinute: 1, behaviours },
  { name: '1,000 domains, 10/min each', domains: 1000, perMinute: 10, behaviours },
  { name: '10,000 domains', domains: 10_000, perMinute: 1, behaviours },
  { name: '10,000 domains, 4 clients', domains: 10_000, perMinute: 1, behaviours, clients: 4 },
]
const day: Extent = { honest: 1000, lasts: 86_400 }
const hour: Extent = { honest: 1000, lasts: 3600 }

const percent = (share: number): string => (100 * share).toFixed(2)
const row = (...cells: readonly string[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(14))).join(''))

/** Runs and prints all rows; an hour of each where it has to be quick. */
export async function printFairness(quick: boolean): Promise<void> {
  // Memory is looked at after garbage collection.
  setFlagsFromString('--expose-gc')
  globalThis.gc ??= runInNewContext('gc') as NonNullable<typeof globalThis.gc>
  const extent = quick ? hour : day
  console.log(`${extent.honest} honest issuers, ${extent.lasts / 3600} h`)
  row('hostile', 'first, %', 'or second, %', 'known, %', 'fetches', 'MB, by eighths')
  const all: Fairness[] = []
  for (const crowd of crowds) {
    const found = await live(crowd, extent)
    all.push(found)
    const { name, first, firstOrSecond, known, fetched, heap } = found
    const megabytes = heap.map((mb) => mb.toFixed(0)).join(' ')
    row(name, percent(first), percent(firstOrSecond), percent(known), String(fetched), `  ${megabytes}`)
  }
  const file = process.env['FAIRNESS_JSON']
  if (file !== undefined) writeFileSync(file, JSON.stringify(all))
}
