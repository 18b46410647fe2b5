import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Found } from './campaign.js'
import { FuzzProcess } from './process.js'
import { targets } from './targets.js'

// `npm run fuzz -- [--runs 10000000] [--minutes 60] [--target request] [--seed 1] [--processes 2] [--save] [--blind]`: so many
// inputs, or for so long, of all targets together, which share the time by their weights. What has come to new code is
// kept in test/fuzz/corpus with --save, where the next campaign begins; Ctrl-C ends it as the time does. Ends with 1 where an input
// is wrong, and prints it; `--input BASE64` with --target runs that one again.

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '60' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    processes: { type: 'string', default: String(availableParallelism()) },
    save: { type: 'boolean', default: false },
    blind: { type: 'boolean', default: false },
    input: { type: 'string' },
  },
})
const chosen = [...targets.values()].filter(
  ({ name }) => values.target === undefined || values.target === name,
)
if (chosen.length === 0) throw new TypeError(`--target must be one of ${[...targets.keys()].join(', ')}`)
if (values.input !== undefined) {
  await chosen[0]?.run(Buffer.from(values.input, 'base64'))
  console.log('nothing is wrong')
  process.exit(0)
}

/** Seconds that a process runs one target, before it is told what others have found. */
const slice = 10
const mostFound = 20

const began = performance.now()
const ends = began + Number(values.minutes) * 60_000
const most = Number(values.runs)
const fileOf = (name: string): string =>
  fileURLToPath(new URL(`../../fuzz/corpus/${name}.json`, import.meta.url))
const fields = chosen.map(({ name, weight }) => ({
  name,
  weight,
  corpus: new Set(
    existsSync(fileOf(name)) ? (JSON.parse(readFileSync(fileOf(name), 'utf8')) as string[]) : [],
  ),
  runs: 0,
  seconds: 0,
  branches: 0,
}))
type Field = (typeof fields)[number]
const found = new Map<string, Found & { readonly name: string }>()
let total = 0
let isStopped = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true))

const folder = mkdtempSync(join(tmpdir(), 'countersign-fuzz-'))
const start = (n: number): FuzzProcess =>
  new FuzzProcess(join(folder, `input-${n}`), Number(values.seed) + n, !values.blind)
/** What each process has been told of each target. */
const told = new Map<FuzzProcess, Map<Field, number>>()
function untold(worker: FuzzProcess, field: Field): readonly string[] {
  const known = told.get(worker) ?? new Map<Field, number>()
  told.set(worker, known)
  const news = [...field.corpus].slice(known.get(field) ?? 0)
  known.set(field, field.corpus.size)
  return news
}

function complain(name: string, { input, error }: Found): void {
  const what = `${name}: ${(error.split('\n', 1)[0] ?? '').replace(/\d+/g, 'n')}`
  if (found.has(what)) return
  found.set(what, { name, input, error })
  console.log(`found: --target ${name} --input ${input}\n${error}`)
}

async function work(n: number): Promise<void> {
  let worker = start(n)
  while (!isStopped && total < most && performance.now() < ends && found.size < mostFound) {
    // Whichever has had the least of its share.
    const field = fields.reduce((a, b) => (b.seconds / b.weight < a.seconds / a.weight ? b : a))
    const seconds = Math.min(slice, (ends - performance.now()) / 1000)
    field.seconds += seconds
    const order = { target: field.name, do: 'run', most: most - total, seconds } as const
    const from = performance.now()
    const said = await worker.run({ ...order, corpus: untold(worker, field) })
    field.seconds += (performance.now() - from) / 1000 - seconds
    if ('lost' in said) {
      complain(field.name, { input: said.lost, error: said.why })
      worker = start(n)
      continue
    }
    field.runs += said.runs
    total += said.runs
    field.branches = Math.max(field.branches, said.branches)
    for (const input of said.inputs) field.corpus.add(input)
    if (said.found !== undefined) complain(field.name, said.found)
  }
  if (n === 0 && values.save && !values.blind) await save(worker)
  worker.end()
}

async function save(worker: FuzzProcess): Promise<void> {
  for (const field of fields) {
    const order = { target: field.name, do: 'keep', most: 0, seconds: 600 } as const
    const said = await worker.run({ ...order, corpus: untold(worker, field) })
    if ('lost' in said) throw new Error(said.why)
    writeFileSync(fileOf(field.name), `${JSON.stringify(said.inputs)}\n`)
  }
}

console.log(`seed ${values.seed}, ${values.processes} processes`)
try {
  await Promise.all(Array.from({ length: Number(values.processes) }, (_, n) => work(n)))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const { name, runs, seconds, branches, corpus } of fields)
  console.log(
    `${name}: ${runs} inputs in ${Math.round(seconds)} s of a process, ${branches} branches, corpus of ${corpus.size}`,
  )
console.log(
  `${total} inputs in ${Math.round((performance.now() - began) / 1000)} s, wrong: ${found.size === 0 ? 'none' : [...found.keys()].join('; ')}`,
)
process.exit(found.size === 0 ? 0 : 1)
