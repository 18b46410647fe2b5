import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import {
  type AgentSignOptions,
  createKey,
  createTown,
  sendToLoopback,
  type Town,
  type TownRequest,
  type WireRequest,
} from '@countersign/devkit'
import { resource } from '../target/start.js'
import type { Call, InstanceOptions, Said } from './messages.js'

// As built, so that it runs as a process of its own.
const script = fileURLToPath(new URL('../dist/processes/instance.js', import.meta.url))

/** One process. */
export class Instance {
  readonly port: number
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (cause: Error) => void }>()
  readonly #events: string[] = []
  readonly #listeners = new Set<() => void>()
  #serial = 0

  private constructor(child: ChildProcess, port: number) {
    this.port = port
    this.#child = child
    child.on('message', (said: Said) => this.#hear(said))
  }

  static async start(options: InstanceOptions): Promise<Instance> {
    const child = fork(script, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`an instance ended before it listened: ${code ?? signal}`)
    })
    const [said] = (await Promise.race([once(child, 'message'), ended])) as [Extract<Said, { port: number }>]
    return new Instance(child, said.port)
  }

  /** How often it said so. */
  count(event: string): number {
    return this.#events.filter((name) => name === event).length
  }

  /** Resolves when it says so, or has said so. */
  async until(event: string): Promise<void> {
    while (this.count(event) === 0) await new Promise<void>((resolve) => this.#listeners.add(resolve))
  }

  call<T>(name: Call['name'], given?: unknown): Promise<T> {
    const id = ++this.#serial
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#child.send({ id, name, given } satisfies Call)
    })
  }

  /** It hangs, with its connections open. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** As a machine that fails. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #hear(said: Said): void {
    if ('event' in said) {
      this.#events.push(said.event)
      for (const listener of this.#listeners) listener()
      this.#listeners.clear()
      return
    }
    const waiting = this.#waiting.get(said.id)
    this.#waiting.delete(said.id)
    if (said.error === undefined) waiting?.resolve(said.value)
    else waiting?.reject(new Error(said.error))
  }
}

/** Four instances of one resource behind no balancer: a test says which of them gets a request. */
export interface Fleet {
  readonly town: Town
  readonly instances: readonly Instance[]
  /** Signs a request as sam. */
  sign(request: Partial<TownRequest>, options?: AgentSignOptions): Promise<WireRequest>
  /** Sends it to the instance of that number, modulo their number. */
  send(number: number, request: WireRequest): Promise<Response>
  /** A grant for sam. */
  grant(jti: string, scope?: string): Promise<string>
  personToken(jti: string): Promise<string>
  /** Whoever comes to the resource by its name comes to the instance of that number. */
  comeTo(number: number): void
  /** Tells the instance of that number that the person server takes a token back. */
  revoke(number: number, jti: string): Promise<string>
  readonly jkt: string
  /** Ends a process and starts another in its place. */
  replace(number: number): Promise<void>
  close(): Promise<void>
}

/**
 * Starts two processes for each adapter over one Redis.
 *
 * @param redis its URL, or one for each process
 * @param ahead seconds by which the clocks of the second and fourth are ahead
 * @param replicas that confirm writes
 * @param emptied what they do when Redis has lost what it held; default the store's
 */
export async function openFleet(
  redis: string | readonly string[],
  slow: readonly number[] = [],
  ahead = 0,
  replicas = 0,
  emptied?: 'restore' | 'refuse',
): Promise<Fleet> {
  const town = await createTown()
  const signingKey = createKey('Ed25519', 'rs-1').privateJwk
  const { loopback } = town
  const start = (number: number): Promise<Instance> =>
    Instance.start({
      adapter: number % 2 === 0 ? 'express' : 'fastify',
      redis: typeof redis === 'string' ? redis : (redis[number] as string),
      replicas,
      ...(emptied === undefined ? {} : { emptied }),
      signingKey,
      loopback,
      slow: slow.includes(number),
      ahead: number % 2 === 1 ? ahead : 0,
    })
  const instances = await Promise.all([0, 1, 2, 3].map(start))
  const mom = town.person('mom')
  const sam = town.agent('sam', { person: mom })
  const { cnf } = sam.key
  const of = (number: number): Instance => instances[number % instances.length] as Instance
  return {
    town,
    instances,
    sign: (request, options) => sam.sign({ url: `${resource}/data`, ...request }, options),
    send: (number, request) => sendToLoopback(of(number).port, request),
    grant: (jti, scope = 'data.read data.write') =>
      town.ps.mintAuthToken({ person: mom, resource, cnf, scope }, { claims: { jti } }),
    personToken: (jti) => town.ps.mintPersonToken({ person: mom, resource, cnf }, { claims: { jti } }),
    comeTo: (number) => town.route('rs.example', of(number).port),
    async revoke(number, jti) {
      town.route('rs.example', of(number).port)
      const { outcome } = await town.ps.revoke(jti, Math.floor(Date.now() / 1000) + 3600, resource)
      return outcome
    },
    jkt: sam.key.jkt,
    async replace(number) {
      await of(number).kill()
      instances[number] = await start(number)
    },
    async close() {
      await Promise.all(instances.map((instance) => instance.kill()))
      await town.close()
    },
  }
}
