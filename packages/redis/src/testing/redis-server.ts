import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'

const named = process.env['COUNTERSIGN_REDIS_SERVER']

/**
 * The name of the installed `redis-server` or `valkey-server`, if any. `COUNTERSIGN_REDIS_SERVER` names another
 * program, which must then exist.
 */
export const redisBinary: string | undefined =
  named ??
  ['redis-server', 'valkey-server'].find(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  )

/** A Redis for one test. */
export interface TestRedis {
  readonly port: number
  readonly url: string
  /** `SIGKILL`, like a machine that fails. */
  kill(): Promise<void>
  /** Makes it hang, with its connections open. */
  pause(): void
  /** Lets it continue. */
  resume(): void
  /** Starts it again on the same port with the data that it had written to disk. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** Starts a Redis on a free port of 127.0.0.1, which writes every change to disk before it acknowledges it. */
export async function startRedis(...more: readonly string[]): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-redis-'))
  let port = await freePort()
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '']
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
    child = spawn(redisBinary as string, [...settings, ...durable, ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await said(child, 'Ready to accept connections')
  }
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null) return
    const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()))
    running.kill(signal)
    await ended
  }
  // Another process may have taken the port in the meantime.
  for (let tries = 1; ; tries++) {
    try {
      await start()
      break
    } catch (cause) {
      if (tries === 5 || !/in use/i.test(String(cause))) throw cause
      port = await freePort()
    }
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    stop: async () => {
      child?.kill('SIGCONT')
      await end('SIGTERM')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export function said(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(text)) resolve()
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`redis ended with ${code}: ${output}`)))
  })
}
