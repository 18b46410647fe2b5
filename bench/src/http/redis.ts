import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import getPort from 'get-port'
import { bind, pinned } from './load.js'

/** The shared store of the servers: a Redis or Valkey without persistence, on the client's core. */
export interface SharedRedis {
  readonly url: string
  stop(): void
}

/** Starts one; `undefined` if none is installed. */
export async function startRedis(): Promise<SharedRedis | undefined> {
  const binary = ['redis-server', 'valkey-server'].find(
    (name) => spawnSync(name, ['--version']).error === undefined,
  )
  if (binary === undefined) return undefined
  const port = await getPort({ host: '127.0.0.1' })
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const [command, ...args] = bind(pinned ? 0 : undefined, [binary, ...settings])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await ready(child)
  return { url: `redis://127.0.0.1:${port}`, stop: () => void child.kill() }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`Redis ended with ${code}`)))
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Ready to accept')) resolve()
    })
  })
}
