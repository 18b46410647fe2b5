import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** `@hellocoop/mockin`, somebody else's person server, as a process of its own. */
export interface Mockin {
  readonly issuer: string
  readonly port: number
  /** Sets its switches, by the routes of the whole process: `tenant`, `claims`, `requirement`, `error` and others of its README. */
  configure(switches: object): Promise<void>
  close(): Promise<void>
}

const server = fileURLToPath(new URL('../node_modules/@hellocoop/mockin/src/server.js', import.meta.url))

/** Starts it under this identifier; the hosts in `loopback` are its whole world. */
export async function startMockin(
  issuer: string,
  loopback: Readonly<Record<string, number>>,
): Promise<Mockin> {
  const child = spawn(
    process.execPath,
    ['--no-warnings', '--import', new URL('./loopback.mjs', import.meta.url).href, server],
    {
      env: {
        PATH: process.env['PATH'],
        PORT: '0',
        ISSUER: issuer,
        COUNTERSIGN_LOOPBACK: JSON.stringify(loopback),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const port = await portOf(child)
  const control = async (path: string, method: string, body?: object): Promise<void> => {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
    const response = await fetch(`${issuer}${path}`, { method, ...init })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  }
  return {
    issuer,
    port,
    configure: async (switches) => {
      await control('/mock', 'DELETE')
      await control('/mock/aauth', 'PUT', switches)
    },
    close: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('mockin did not start')
  })
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) return Number(port)
    }
    throw new Error('mockin said no port')
  })()
  ended.catch(() => undefined)
  return Promise.race([listening, ended])
}
