import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Calm, createCalm } from '../calm.js'
import { median } from '../statistics.js'
import { type Busy, type BusyOptions, runBusy } from './busy.js'
import { type Cast, isRefused, readCast, writeCast } from './cast.js'
import { castFile, type Load, load, pinned, writeScripts } from './load.js'
import { Pool } from './pool.js'
import { startRedis } from './redis.js'
import {
  aloneSeries,
  type Contender,
  coreSeries,
  guardSeries,
  mixedSeries,
  observedSeries,
  openSeries,
  refusalSeries,
  type Series,
  type SeriesName,
  serverPlan,
  storeSeries,
} from './series.js'
import { runYoung, type Young, type YoungOptions } from './young.js'

/** Figures to compare: requests a second, milliseconds. */
interface Comparable {
  readonly rps: number
  readonly p50: number
  readonly p99: number
}

/** Medians over the rounds. */
export interface HttpFigures extends Sampled {
  readonly bystander_p99?: number
  /** Relative to another contender: the median of the ratios of each round. */
  readonly of: Readonly<Record<string, Sampled>>
}

interface Sampled extends Comparable {
  /** Microseconds of the server's CPU per request, of all its processes and threads. */
  readonly cpu: number
}

export interface HttpResults {
  readonly series: Readonly<Partial<Record<SeriesName, Readonly<Record<string, HttpFigures>>>>>
  readonly young?: Young
  readonly busy?: Busy
  /** The largest share of the machine that others used in a sample that counts. */
  readonly foreign?: number
}

interface SeriesOptions {
  readonly rounds: number
  /** Seconds for which all contenders are loaded at once before measuring. */
  readonly warmUp: number
  /**
   * Seconds before that with one connection each. Code that runs once for all requests of a turn of the loop then
   * runs for each request: with 32 connections V8 would take minutes to compile it.
   */
  readonly alone?: number
  /** Seconds of a sample, if different from others. */
  readonly seconds?: number
}

/** Durations and rounds. */
export interface HttpOptions {
  readonly series: Readonly<Record<SeriesName, SeriesOptions>>
  readonly seconds: number
  /** Seconds of an open loop, which needs enough requests for a p99 of the rare ones. */
  readonly openSeconds: number
  /** For the first seconds of new processes. */
  readonly young: YoungOptions
  /** For an application that uses the thread pool itself. */
  readonly busy: BusyOptions
  /** Seconds for all samples that are repeated because others used the machine. */
  readonly patience: number
}

/** The share of the rate that `sync` reaches in a closed loop. */
const openLoad = 0.8
/** The same with strangers, each of whom may cost two verifications. */
const mixedLoad = 0.5

/** @param parts `http`, `store`, `pool`, or several of them */
export async function runHttp(options: HttpOptions, parts: ReadonlySet<string>): Promise<HttpResults> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  writeCast(castFile(folder))
  const cast = readCast(castFile(folder))
  writeScripts(folder, cast)
  const jwks = await serveJwks(cast)
  const redis = parts.has('store') ? await startRedis() : undefined
  const jwksUri = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json`
  const pool = new Pool(castFile(folder), jwksUri, redis?.url)
  const aside = new Pool(castFile(folder), jwksUri)
  const calm = createCalm(options.patience)
  const run = (name: SeriesName, series: Series) =>
    runSeries(series, {
      seconds: name === 'open' || name === 'mixed' ? options.openSeconds : options.seconds,
      ...options.series[name],
      folder,
      pool,
      calm,
    })
  try {
    const shared =
      redis === undefined
        ? {}
        : {
            store_fastify: await run('store_fastify', storeSeries('fastify')),
            store_express: await run('store_express', storeSeries('express')),
          }
    const busy = parts.has('pool') ? { busy: await runBusy(options.busy, aside, folder) } : {}
    if (!parts.has('http')) return { series: shared, ...busy, ...foreignIn(calm) }
    const fastify = await run('fastify', guardSeries('fastify'))
    const express = await run('express', guardSeries('express'))
    const observed = await run('observed', observedSeries)
    const young = await runYoung(options.young, { folder, jwksUri })
    const refusals = await run('refusals', refusalSeries)
    const cores = await run('cores', coreSeries)
    const alone = await run('alone', aloneSeries)
    const capacity = (cores['sync'] as HttpFigures).rps
    const open = await run('open', openSeries(Math.round(openLoad * capacity)))
    const mixed = await run('mixed', mixedSeries(Math.round(mixedLoad * capacity)))
    return {
      series: { fastify, express, observed, refusals, cores, alone, open, mixed, ...shared },
      young,
      ...busy,
      ...foreignIn(calm),
    }
  } finally {
    pool.stop()
    aside.stop()
    redis?.stop()
    jwks.close()
    jwks.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  }
}

const foreignIn = ({ worst }: Calm): Pick<HttpResults, 'foreign'> =>
  worst === undefined ? {} : { foreign: worst }

async function serveJwks({ issuer }: Cast): Promise<Server> {
  const body = JSON.stringify({ keys: [{ ...issuer.publicJwk, alg: 'EdDSA' }] })
  const server = createServer((_req, res) => {
    res.setHeader('Content-Type', 'application/json').end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

interface Sample extends Sampled {
  readonly bystanderP99?: number
}

interface Plan extends SeriesOptions {
  readonly seconds: number
  readonly folder: string
  readonly pool: Pool
  readonly calm: Calm
}

/** Loads the contenders in turn, round by round, rotating the order. */
async function runSeries(
  { framework, contenders }: Series,
  plan: Plan,
): Promise<Readonly<Record<string, HttpFigures>>> {
  const loaded = await Promise.all(
    contenders.map(async (contender) => {
      const { port, cpu } = await plan.pool.get(framework, contender.server)
      const loads = (seconds: number, connections?: number) =>
        loadOne(
          connections === undefined ? contender : { ...contender, connections },
          port,
          seconds,
          plan.folder,
        )
      return { contender, cpu, loads, samples: [] as Sample[] }
    }),
  )
  if (plan.alone !== undefined) await Promise.all(loaded.map(({ loads }) => loads(plan.alone as number, 1)))
  if (plan.warmUp > 0) await Promise.all(loaded.map(({ loads }) => loads(plan.warmUp)))
  for (let round = 0; round < plan.rounds; round++) {
    for (let k = 0; k < loaded.length; k++) {
      const { loads, cpu, samples } = loaded[(k + round) % loaded.length] as (typeof loaded)[number]
      const sample = await plan.calm.take(async () => {
        const before = await cpu()
        const { requests, seconds, failed: _, ...latency } = await loads(plan.seconds)
        const used = (await cpu()) - before
        return { sample: { rps: requests / seconds, cpu: used / requests, ...latency }, cpu: used }
      })
      samples.push(sample)
    }
  }
  const samples = new Map(loaded.map((one) => [one.contender.name, one.samples]))
  return Object.fromEntries(contenders.map(({ name, against }) => [name, toFigures(name, against, samples)]))
}

async function loadOne(
  { name, server, requests = 'signed', connections = 32, rate, strangers }: Contender,
  port: number,
  seconds: number,
  folder: string,
): Promise<Load> {
  const core = pinned && serverPlan(server).free !== true ? 0 : undefined
  const result = await load({ port, requests, seconds, connections, rate, strangers }, folder, core)
  const refused = isRefused(requests) && serverPlan(server).guard === 'ours' ? result.requests : 0
  if (result.failed !== refused) {
    throw new Error(`${name}: ${result.failed} of ${result.requests} were refused, instead of ${refused}`)
  }
  return result
}

function toFigures(
  name: string,
  against: readonly string[],
  samples: ReadonlyMap<string, readonly Sample[]>,
): HttpFigures {
  const own = samples.get(name) as readonly Sample[]
  const of = (figure: keyof Sampled): number => median(own.map((sample) => sample[figure]))
  const over = (other: string): Sampled => {
    const others = samples.get(other) as readonly Sample[]
    const ratio = (figure: keyof Sampled): number =>
      median(own.map((sample, i) => sample[figure] / (others[i] as Sample)[figure]))
    return { rps: ratio('rps'), p50: ratio('p50'), p99: ratio('p99'), cpu: ratio('cpu') }
  }
  const bystanders = own.flatMap(({ bystanderP99 }) => bystanderP99 ?? [])
  return {
    rps: of('rps'),
    p50: of('p50'),
    p99: of('p99'),
    cpu: of('cpu'),
    ...(bystanders.length === 0 ? {} : { bystander_p99: median(bystanders) }),
    of: Object.fromEntries(against.filter((other) => other !== name).map((other) => [other, over(other)])),
  }
}
