import { parseArgs } from 'node:util'
import { watched } from './calm.js'
import { printFairness } from './fairness-rows.js'
import { type HttpOptions, runHttp } from './http/run.js'
import { createCases, createObservedCases } from './in-process/cases.js'
import { runGrowth } from './in-process/growth.js'
import { type PairOptions, runCases } from './in-process/pairs.js'
import { machine } from './machine.js'
import { runMemory } from './memory/run.js'
import { print, printHttp } from './print.js'
import { type Results, toHttp, toInProcess } from './results.js'
import { judge } from './targets.js'

/** Durations and rounds of all parts. */
interface Effort {
  readonly inProcess: PairOptions
  readonly growth: PairOptions & { readonly agents: number }
  readonly memory: number
  readonly http: HttpOptions
}

const thorough: Effort = {
  inProcess: { warmUp: 8000, rounds: 30, pairs: 3 },
  growth: { warmUp: 2000, rounds: 15, pairs: 3, agents: 100_000 },
  memory: 24_000,
  http: {
    series: {
      fastify: { warmUp: 10, rounds: 7 },
      express: { warmUp: 10, rounds: 7 },
      // They differ by less than the noise of a sample, so there are more samples of half the length.
      store_fastify: { warmUp: 10, alone: 20, rounds: 18, seconds: 1 },
      store_express: { warmUp: 10, alone: 20, rounds: 18, seconds: 1 },
      observed: { warmUp: 10, rounds: 7 },
      refusals: { warmUp: 3, rounds: 3 },
      cores: { warmUp: 5, rounds: 5 },
      // For the same servers as the series before.
      alone: { warmUp: 0, rounds: 3 },
      open: { warmUp: 0, rounds: 3 },
      mixed: { warmUp: 0, rounds: 3 },
    },
    seconds: 2,
    openSeconds: 5,
    young: { seconds: 5, rounds: 3 },
    busy: { seconds: 3, rounds: 5 },
    patience: 60,
  },
}
/** Takes less than two minutes. */
const hasty: Effort = {
  inProcess: { warmUp: 3000, rounds: 5, pairs: 2 },
  growth: { warmUp: 300, rounds: 3, pairs: 2, agents: 5000 },
  memory: 6000,
  http: {
    series: {
      fastify: { warmUp: 5, rounds: 2 },
      express: { warmUp: 4, rounds: 1 },
      store_fastify: { warmUp: 4, alone: 4, rounds: 2 },
      store_express: { warmUp: 4, alone: 4, rounds: 2 },
      observed: { warmUp: 4, rounds: 1 },
      refusals: { warmUp: 1, rounds: 1 },
      cores: { warmUp: 2, rounds: 1 },
      alone: { warmUp: 0, rounds: 1 },
      open: { warmUp: 0, rounds: 1 },
      mixed: { warmUp: 0, rounds: 1 },
    },
    seconds: 1,
    openSeconds: 2,
    young: { seconds: 3, rounds: 1 },
    busy: { seconds: 2, rounds: 1 },
    patience: 3,
  },
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    /**
     * Parts to run, with commas: `none`, or any of these; in-process figures always are, but for `store` or
     * `pool` alone. Or
     * `issuers`: a day of honest issuers among hostile domains, in a time of its own, or with `--quick` an hour.
     */
    only: { type: 'string', default: 'growth,memory,http,store,pool' },
  },
})
const effort = values.quick ? hasty : thorough
const parts = new Set(values.only.split(','))

if (values.only === 'issuers') {
  await printFairness(values.quick)
  process.exit(0)
}
const say = (text: string): void =>
  void process.stderr.write(`bench: ${text}, after ${Math.round(performance.now() / 1000)} s\n`)

if (values.only === 'store' || values.only === 'pool') {
  printHttp({ http_detail: await runHttp(effort.http, parts) })
  process.exit(0)
}

say('in process')
const line = machine()
const cases = await createCases()
const { sample: figures, foreign } = await watched(async () => ({
  sample: new Map([
    ...(await runCases(cases, effort.inProcess)),
    ...(await runCases(createObservedCases(), effort.inProcess)),
  ]),
  cpu: 0,
}))
let results: Results = { machine: line, foreign, ...toInProcess(figures) }

if (parts.has('growth')) {
  say('growth')
  results = { ...results, growth: await runGrowth(effort.growth) }
}
if (parts.has('memory')) {
  say('memory')
  results = { ...results, memory: await runMemory(effort.memory) }
}
if (['http', 'store', 'pool'].some((part) => parts.has(part))) {
  say('HTTP')
  const detail = await runHttp(effort.http, parts)
  results = { ...results, http: toHttp(detail), http_detail: detail }
}

if (values.json) process.stdout.write(`${JSON.stringify({ ...results, targets: judge(results) })}\n`)
else print(results)
// Servers of the in-process benches still have timers.
process.exit(0)
