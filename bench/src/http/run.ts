import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from '../in-process/rounds.js'
import { readCast, writeCast } from './cast.js'
import { type Contender, contenders, type Framework, type FromServer, frameworks, isPinned } from './kinds.js'
import { canPin, load, writeScripts } from './load.js'

/** Medians over the rounds. */
export interface HttpFigures {
  /** Requests a second. */
  readonly rps: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of the server's CPU a request, all its processes and threads. */
  readonly cpu: number
}

export type HttpResults = Readonly<Record<Framework, Readonly<Record<Contender, HttpFigures>>>>

interface Running {
  readonly contender: Contender
  readonly child: ChildProcess
  readonly port: number
  readonly samples: HttpFigures[]
}

/** Server on one core and client on the other, so that a figure is one of a core; ours_two has both. */
export const pinned: boolean = canPin && availableParallelism() >= 2

/** All servers of a framework stay up; they are loaded in turn, round by round, the order rotated. */
export async function runHttp(options: { rounds: number; seconds: number }): Promise<HttpResults> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  const file = join(folder, 'cast.json')
  writeCast(file)
  const cast = readCast(file)
  writeScripts(folder, cast)
  const jwks = createServer((_req, res) => {
    const { alg: _, ...jwk } = cast.issuer.publicJwk
    res
      .setHeader('Content-Type', 'application/json')
      .end(JSON.stringify({ keys: [{ ...jwk, alg: 'EdDSA' }] }))
  }).listen(0, '127.0.0.1')
  await once(jwks, 'listening')
  const jwksUri = `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json`
  try {
    const results: Partial<Record<Framework, Record<Contender, HttpFigures>>> = {}
    for (const framework of frameworks) {
      results[framework] = await runFramework(framework, { ...options, folder, file, jwksUri })
    }
    return results as HttpResults
  } finally {
    jwks.close()
    jwks.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Plan {
  readonly rounds: number
  readonly seconds: number
  readonly folder: string
  readonly file: string
  readonly jwksUri: string
}

async function runFramework(framework: Framework, plan: Plan): Promise<Record<Contender, HttpFigures>> {
  const servers = await Promise.all(contenders.map((contender) => start(framework, contender, plan)))
  try {
    for (const server of servers) await measure(server, 1, plan)
    for (let round = 0; round < plan.rounds; round++) {
      for (let k = 0; k < servers.length; k++) {
        const server = servers[(k + round) % servers.length] as Running
        server.samples.push(await measure(server, plan.seconds, plan))
      }
    }
  } finally {
    for (const { child } of servers) child.kill()
  }
  const figures = servers.map(({ contender, samples }) => {
    const of = (name: keyof HttpFigures): number => median(samples.map((sample) => sample[name]))
    return [contender, { rps: of('rps'), p50: of('p50'), p99: of('p99'), cpu: of('cpu') }] as const
  })
  return Object.fromEntries(figures) as Record<Contender, HttpFigures>
}

async function start(framework: Framework, contender: Contender, plan: Plan): Promise<Running> {
  const script = fileURLToPath(new URL('server.js', import.meta.url))
  const command = [process.execPath, script, framework, contender, plan.file]
  const [name, ...args] = pinned && isPinned(contender) ? ['taskset', '-c', '1', ...command] : command
  const child = spawn(name as string, args, {
    stdio: ['ignore', 2, 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', BENCH_JWKS: plan.jwksUri },
  })
  const [message] = (await once(child, 'message')) as [FromServer]
  return { contender, child, port: message.port as number, samples: [] }
}

async function measure(server: Running, seconds: number, plan: Plan): Promise<HttpFigures> {
  const before = await cpuOf(server.child)
  const { requests, failed, p50, p99, ...took } = await load(
    server.contender,
    server.port,
    seconds,
    plan.folder,
    pinned && isPinned(server.contender) ? 0 : undefined,
  )
  const used = (await cpuOf(server.child)) - before
  if (failed > 0) throw new Error(`${server.contender}: ${failed} of ${requests} requests were not served`)
  return { rps: requests / took.seconds, p50, p99, cpu: used / requests }
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message')
  child.send('cpu')
  const [message] = (await answer) as [FromServer]
  return message.cpu as number
}
