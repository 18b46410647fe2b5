import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../free-port.js'

/** A Redis of our own on 127.0.0.1, which writes every change to disk before it acknowledges it. */
export class OwnRedis {
  readonly port: number
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(port: number, folder: string) {
    this.port = port
    this.#folder = folder
  }

  /** @throws Error where neither `redis-server` nor `valkey-server` is installed */
  static async start(folder: string): Promise<OwnRedis> {
    const port = await freePort()
    const redis = new OwnRedis(port, folder)
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** With what it had written. */
  async start(): Promise<void> {
    const binary = ['redis-server', 'valkey-server'].find(
      (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
    )
    if (binary === undefined) throw new Error('needs redis-server or valkey-server')
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder]
    const child = spawn(binary, [...where, ...durable], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4096)
        if (output.includes('Ready to accept connections')) resolve()
      })
      child.once('exit', (code) => reject(new Error(`redis ended with ${code}: ${output}`)))
    })
  }

  /** As a machine that fails. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}
