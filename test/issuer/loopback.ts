import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from 'node:net'
import type { GuardOptions } from '@countersign/core'
import { generate } from 'selfsigned'

/** A certificate authority that only its own tests trust. */
export interface Authority {
  readonly certificate: string
  issue(host: string, options?: { readonly expired?: boolean }): Promise<{ cert: string; key: string }>
}

export async function createAuthority(): Promise<Authority> {
  const kind = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const
  const extensions = [{ name: 'basicConstraints', cA: true, critical: true }] as const
  const ca = await generate([{ name: 'commonName', value: 'Loopback CA' }], {
    ...kind,
    extensions: [...extensions],
  })
  const day = 86_400_000
  return {
    certificate: ca.cert,
    async issue(host, { expired = false } = {}) {
      const pem = await generate([{ name: 'commonName', value: host }], {
        ...kind,
        ca: { key: ca.private, cert: ca.cert },
        notBeforeDate: new Date(Date.now() - 3 * day),
        notAfterDate: new Date(Date.now() + (expired ? -1 : 1) * day),
        extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: host }] }],
      })
      return { cert: pem.cert, key: pem.private }
    },
  }
}

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void

/** One HTTPS origin on loopback, with a count of what reached it. */
export class Origin {
  connections = 0
  readonly requests: string[] = []
  behave: Behaviour
  readonly #server: Server | TcpServer
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server | TcpServer, behave: Behaviour) {
    this.#server = server
    this.behave = behave
    server.on('connection', (socket: Socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.requests.push(request.url as string)
      this.behave(request, response)
    })
  }

  static async open(tls: ServerOptions, behave: Behaviour): Promise<Origin> {
    return Origin.#listen(createServer({ ...tls, keepAlive: true }), behave)
  }

  /** A port that speaks plain TCP, and whatever the function says. */
  static async openRaw(onSocket: (socket: Socket) => void): Promise<Origin> {
    return Origin.#listen(createTcpServer(onSocket), () => {})
  }

  static async #listen(server: Server | TcpServer, behave: Behaviour): Promise<Origin> {
    const origin = new Origin(server, behave)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return origin
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Sockets that clients still hold open. */
  get open(): number {
    return this.#sockets.size
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }
}

type Answer = { readonly address: string; readonly family: 4 | 6; readonly port?: number }

/** A name server that says what it is told, and counts the questions. */
export class Names {
  readonly asked: string[] = []
  readonly #answers = new Map<string, readonly Answer[]>()

  set(host: string, ...answers: readonly Answer[]): void {
    this.#answers.set(host, answers)
  }

  /** Sends a host to an origin. */
  lead(host: string, origin: Origin, address = '127.0.0.1'): void {
    this.set(host, { address, family: address.includes(':') ? 6 : 4, port: origin.port })
  }

  readonly resolve: NonNullable<GuardOptions['resolve']> = async (host) => {
    this.asked.push(host)
    const answers = this.#answers.get(host)
    if (answers === undefined) throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' })
    return answers
  }
}

/** Answers with JSON. */
export function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}
