import { setTimeout as wait } from 'node:timers/promises'
import { median } from '../statistics.js'
import { load } from './load.js'
import type { Pool } from './pool.js'
import type { ServerName } from './series.js'
import { type Work, workKinds } from './work.js'

// Requests, and the application's own work in the thread pool, at once, with separate figures.

const contenders = ['busy_auto', 'busy_sync', 'busy_threads'] as const satisfies readonly ServerName[]

/** Requests a second, 0 if there were none, and milliseconds. */
export interface BusyFigures {
  readonly rps: number
  readonly p50: number
  readonly p99: number
  readonly work: Work
}

/** By contender; `idle`: the application alone. */
export type Busy = Readonly<Record<'idle' | (typeof contenders)[number], BusyFigures>>

/** Durations and rounds. */
export interface BusyOptions {
  readonly seconds: number
  readonly rounds: number
}

/** On all cores, shared with the client. Contenders take turns. */
export async function runBusy({ seconds, rounds }: BusyOptions, pool: Pool, folder: string): Promise<Busy> {
  const samples = { idle: [], busy_auto: [], busy_sync: [], busy_threads: [] } as Record<
    keyof Busy,
    BusyFigures[]
  >
  for (let round = 0; round < rounds; round++) {
    for (const name of contenders) samples[name].push(await sample(name, seconds, pool, folder))
    samples.idle.push(await idle(seconds, pool))
    pool.stop()
  }
  return {
    idle: middle(samples.idle),
    busy_auto: middle(samples.busy_auto),
    busy_sync: middle(samples.busy_sync),
    busy_threads: middle(samples.busy_threads),
  }
}

// Each has a separate process: even without load, others would use the processors.
async function sample(
  name: (typeof contenders)[number],
  seconds: number,
  pool: Pool,
  folder: string,
): Promise<BusyFigures> {
  pool.stop()
  const server = await pool.get('fastify', name)
  const loads = (time: number) =>
    load({ port: server.port, requests: 'signed', seconds: time, connections: 32 }, folder, undefined)
  await loads(1)
  await server.work()
  const { requests, seconds: took, p50, p99, failed } = await loads(seconds)
  if (failed > 0) throw new Error(`${name}: ${failed} were refused`)
  return { rps: requests / took, p50, p99, work: await server.work() }
}

async function idle(seconds: number, pool: Pool): Promise<BusyFigures> {
  pool.stop()
  const server = await pool.get('fastify', 'busy_auto')
  await server.work()
  await wait(seconds * 1000)
  return { rps: 0, p50: 0, p99: 0, work: await server.work() }
}

function middle(samples: readonly BusyFigures[]): BusyFigures {
  const of = (pick: (one: BusyFigures) => number): number => median(samples.map(pick))
  const work = workKinds.map((kind) => [
    kind,
    {
      p50: of((one) => one.work[kind].p50),
      p99: of((one) => one.work[kind].p99),
      count: of((one) => one.work[kind].count),
    },
  ])
  return {
    rps: of((one) => one.rps),
    p50: of((one) => one.p50),
    p99: of((one) => one.p99),
    work: Object.fromEntries(work) as Work,
  }
}
