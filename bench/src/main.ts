import { parseArgs } from 'node:util'
import { runHttp } from './http/run.js'
import { createCases } from './in-process/cases.js'
import { runGrowth } from './in-process/growth.js'
import { runRounds } from './in-process/rounds.js'
import { machine } from './machine.js'
import { runMemory } from './memory/run.js'
import { print } from './print.js'
import { type Results, toHttp, toMemory, toRatios } from './results.js'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    /** Parts to run, with commas; in-process figures always are. */
    only: { type: 'string', default: 'growth,memory,http' },
  },
})
const { quick } = values
const parts = new Set(values.only.split(','))
const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`)

say('in process')
const line = machine()
const figures = await runRounds(
  await createCases(),
  'floor',
  quick ? { rounds: 7, slice: 30 } : { rounds: 15, slice: 100 },
)
let results: Results = { machine: line, ...toRatios(figures) }

if (parts.has('growth')) {
  say('growth')
  const growth = await runGrowth(
    quick ? { rounds: 5, slice: 20, agents: 2000 } : { rounds: 9, slice: 100, agents: 20_000 },
  )
  results = { ...results, growth }
}
if (parts.has('memory')) {
  const agents = quick ? 15_000 : 100_000
  say(`memory of ${agents} agents`)
  const ed25519 = await runMemory(agents, 'Ed25519')
  const es256 = quick ? undefined : await runMemory(agents, 'ES256')
  results = { ...results, memory: toMemory(agents, ed25519, es256) }
}
if (parts.has('http')) {
  say('HTTP')
  const detail = await runHttp(quick ? { rounds: 2, seconds: 1 } : { rounds: 5, seconds: 5 })
  results = { ...results, http: toHttp(detail), http_detail: detail }
}

if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`)
else print(results)
// Servers of the in-process benches keep sweeping their issuers.
process.exit(0)
