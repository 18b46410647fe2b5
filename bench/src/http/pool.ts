import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bind, pinned } from './load.js'
import { type Framework, type ServerName, serverPlan } from './series.js'
import type { FromServer } from './server.js'
import type { Work } from './work.js'

/** A server under test. */
export interface Running {
  readonly port: number
  /** Microseconds of CPU since its start, of all its processes and threads. */
  cpu(): Promise<number>
  /** The waiting times of the application's own work since the last call, if it has any. */
  work(): Promise<Work>
}

/** Servers, each started when first needed and running until all are stopped. */
export class Pool {
  readonly #children: ChildProcess[] = []
  readonly #running = new Map<string, Promise<Running>>()
  readonly #castFile: string
  readonly #env: Readonly<Record<string, string>>

  /** @param redis the URL of the shared store, if any */
  constructor(castFile: string, jwksUri: string, redis?: string) {
    this.#castFile = castFile
    this.#env = { BENCH_JWKS: jwksUri, ...(redis === undefined ? {} : { BENCH_REDIS: redis }) }
  }

  get(framework: Framework, name: ServerName): Promise<Running> {
    const id = `${framework} ${name}`
    const running = this.#running.get(id) ?? this.#start(framework, name)
    this.#running.set(id, running)
    return running
  }

  stop(): void {
    for (const child of this.#children.splice(0)) child.kill()
    this.#running.clear()
  }

  async #start(framework: Framework, name: ServerName): Promise<Running> {
    const script = fileURLToPath(new URL('server.js', import.meta.url))
    const core = pinned && serverPlan(name).free !== true ? 1 : undefined
    const [command, ...args] = bind(core, [process.execPath, script, framework, name, this.#castFile])
    const child = spawn(command, args, {
      stdio: ['ignore', 2, 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production', ...this.#env },
    })
    this.#children.push(child)
    const hear = async (): Promise<FromServer> => ((await once(child, 'message')) as [FromServer])[0]
    const { port } = await hear()
    return {
      port: port as number,
      cpu: async () => {
        const answer = hear()
        child.send('cpu')
        return (await answer).cpu as number
      },
      work: async () => {
        const answer = hear()
        child.send('work')
        return (await answer).work as Work
      },
    }
  }
}
