import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'

/** What stands between a process and its store: bytes pass, stand still, or their connections break. */
export class FaultProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #target: number
  #isStalled = false

  private constructor(server: Server, target: number) {
    this.#server = server
    this.#target = target
    server.on('connection', (near) => this.#join(near))
  }

  /** @param target the port of the store, on 127.0.0.1 */
  static async open(target: number): Promise<FaultProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, target)
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Nothing passes, in neither direction, and no connection breaks. What was sent meanwhile passes later. */
  stall(): void {
    this.#isStalled = true
    for (const socket of this.#sockets()) socket.pause()
  }

  flow(): void {
    this.#isStalled = false
    for (const socket of this.#sockets()) socket.resume()
  }

  /** All connections break; what was under way is lost. */
  cut(): void {
    for (const socket of this.#sockets()) socket.destroy()
  }

  /** New connections lead to another store, and those to the old one break. */
  lead(target: number): void {
    this.#target = target
    this.cut()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #sockets(): readonly Socket[] {
    return [...this.#pairs].flat()
  }

  #join(near: Socket): void {
    const far = new Socket().connect(this.#target, '127.0.0.1')
    const pair = [near, far] as const
    this.#pairs.add(pair)
    const end = (): void => {
      this.#pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('error', () => {}).on('close', end)
      from.on('data', (chunk: Buffer) => void to.write(chunk))
      if (this.#isStalled) from.pause()
    }
  }
}
