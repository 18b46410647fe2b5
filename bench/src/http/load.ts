import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Cast } from './cast.js'
import type { Contender } from './kinds.js'

/** What came of some seconds of load. Latencies in milliseconds. */
export interface Load {
  readonly requests: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx, and errors. */
  readonly failed: number
}

const run = promisify(execFile)
const has = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined

/** wrk where it is installed, since it costs less CPU than what it measures; otherwise autocannon, from npm. */
export const client: 'wrk' | 'autocannon' = has('wrk') ? 'wrk' : 'autocannon'
/** Whether processes can be bound to a core. */
export const canPin: boolean = process.platform === 'linux' && has('taskset')

/** Files for wrk: requests made beforehand, sent in turn. */
export function writeScripts(folder: string, cast: Cast): void {
  const signed = cast.signed.map(({ method, target, rawHeaders }) => raw(method, target, rawHeaders))
  const bearer = cast.bearers.map((token) =>
    raw('GET', '/data?item=bread', ['Host', 'rs.example', 'Authorization', `Bearer ${token}`]),
  )
  for (const [name, requests] of [
    ['signed', signed],
    ['bearer', bearer],
  ] as const) {
    const table = requests.map((text) => `[==[${text}]==]`).join(',\n')
    // Lua drops a newline right after the opening bracket and keeps all others.
    writeFileSync(
      join(folder, `${name}.lua`),
      `local all = {\n${table}\n}\nlocal i = math.random(#all)\nfunction request() i = i % #all + 1 return (all[i]:gsub("\\n", "\\r\\n")) end\n${report}`,
    )
  }
}

const raw = (method: string, target: string, rawHeaders: readonly string[]): string => {
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []))
  return `${method} ${target} HTTP/1.1\n${lines.join('\n')}\n\n`
}

const report = `function done(s, l)
  local e = s.errors
  io.write("\\nRESULT " .. string.format('{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"failed":%d}',
    s.requests, s.duration / 1e6, l:percentile(50) / 1000, l:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout) .. "\\n")
end
`

/** Loads one server. @param core to bind the client to */
export async function load(
  contender: Contender,
  port: number,
  seconds: number,
  folder: string,
  core: number | undefined,
): Promise<Load> {
  const credentials = contender === 'jwt' ? 'bearer' : 'signed'
  const command =
    client === 'wrk'
      ? [
          'wrk',
          '-t1',
          '-c32',
          `-d${seconds}s`,
          '-s',
          join(folder, `${credentials}.lua`),
          `http://127.0.0.1:${port}`,
        ]
      : [
          process.execPath,
          fileURLToPath(new URL('client.js', import.meta.url)),
          String(port),
          credentials,
          String(seconds),
          '32',
          join(folder, 'cast.json'),
        ]
  const [name, ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command]
  const { stdout } = await run(name as string, args, { maxBuffer: 1 << 26 })
  const text = client === 'wrk' ? stdout.slice(stdout.indexOf('RESULT ') + 7) : stdout
  return JSON.parse(text) as Load
}
