import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Cast, type RequestKind, requestKinds } from './cast.js'
import { wireText } from './wire-text.js'

/** The result of some seconds of load. Latencies in milliseconds. */
export interface Load {
  readonly requests: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** p99 of requests for an unguarded route, if they are mixed in. */
  readonly bystanderP99?: number
  /** Answers other than 2xx and 3xx, and errors. */
  readonly failed: number
}

/** The task of a client. */
export interface Order {
  readonly port: number
  readonly requests: RequestKind
  readonly seconds: number
  readonly connections: number
  /** Requests a second, if they do not wait for answers. */
  readonly rate?: number | undefined
  /** The share of strangers among requests that do not wait for answers; they do not count for latencies. */
  readonly strangers?: number | undefined
}

const run = promisify(execFile)
const has = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined

/** wrk if it is installed, because it uses less CPU than what it measures; otherwise autocannon, from npm. */
export const client: 'wrk' | 'autocannon' = has('wrk') ? 'wrk' : 'autocannon'

/** Whether server and client have a core each, so that figures are for one core. */
export const pinned: boolean = process.platform === 'linux' && availableParallelism() >= 2 && has('taskset')

/** @param core to bind the process to; default none */
export function bind(core: number | undefined, command: readonly string[]): [string, ...string[]] {
  const all = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  return all as [string, ...string[]]
}

/** The file with the requests, in the folder of a run. */
export const castFile = (folder: string): string => join(folder, 'cast.json')

/** Files for wrk: prepared requests, sent in turn. */
export function writeScripts(folder: string, { requests }: Cast): void {
  for (const kind of requestKinds) {
    const table = requests[kind].map((request) => JSON.stringify(wireText(request))).join(',\n')
    writeFileSync(
      join(folder, `${kind}.lua`),
      `local all = {\n${table}\n}\nlocal i = math.random(#all)\nfunction request() i = i % #all + 1 return all[i] end\n${report}`,
    )
  }
}

const report = `function done(s, l)
  local e = s.errors
  io.write("\\nRESULT " .. string.format('{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}',
    s.requests, s.duration / 1e6, l:percentile(50) / 1000, l:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout) .. "\\n")
end
`

/** Loads one server. @param core to bind the client to */
export async function load(order: Order, folder: string, core: number | undefined): Promise<Load> {
  const usesWrk = client === 'wrk' && order.rate === undefined
  const [name, ...args] = bind(core, usesWrk ? wrk(order, folder) : node(order, folder))
  const { stdout } = await run(name, args, { maxBuffer: 1 << 26 })
  return JSON.parse(usesWrk ? stdout.slice(stdout.indexOf('RESULT ') + 7) : stdout) as Load
}

function wrk({ port, requests, seconds, connections }: Order, folder: string): string[] {
  const script = join(folder, `${requests}.lua`)
  const options = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script]
  return ['wrk', ...options, `http://127.0.0.1:${port}`]
}

function node(order: Order, folder: string): string[] {
  const script = order.rate === undefined ? 'client.js' : 'open-client.js'
  const file = fileURLToPath(new URL(script, import.meta.url))
  return [process.execPath, file, JSON.stringify(order), castFile(folder)]
}
