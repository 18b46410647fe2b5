import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, problem } from './answers.js'

/** A request a town's server received. */
export interface Incoming {
  readonly method: string
  readonly target: string
  readonly path: string
  readonly query: URLSearchParams
  readonly rawHeaders: readonly string[]
  /** The first value of a field; the name in lower case. */
  header(name: string): string | undefined
  readonly body: Uint8Array
  /** Aborts when the caller hangs up. */
  readonly gone: AbortSignal
}

/** Answers a request; `undefined` means "not mine". */
export type Handler = (request: Incoming) => Promise<Answer | undefined> | Answer | undefined

/** Bytes a town's server reads of a request body. */
const bodyLimit = 1024 * 1024

/** A plain HTTP server on 127.0.0.1, at a port of the system's choosing. */
export class LoopbackServer {
  readonly port: number
  readonly #server: Server
  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async open(handler: Handler): Promise<LoopbackServer> {
    const server = createServer({ keepAliveTimeout: 1 }, (incoming, outgoing) => {
      void answer(handler, incoming, outgoing)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, '127.0.0.1', resolve)
    })
    // A forgotten `close()` must not keep a test process alive.
    server.unref()
    return new LoopbackServer(server)
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }
}

async function answer(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let result: Answer
  try {
    const request = await read(incoming, outgoing)
    result =
      request === undefined
        ? problem(413, 'invalid_request', 'the content is too long')
        : ((await handler(request)) ?? problem(404, 'not_found'))
  } catch (error) {
    result = problem(500, 'server_error', error instanceof Error ? error.message : String(error))
  }
  if (outgoing.destroyed) return
  // The Date header is what an agent judges `clock_skew` by; Node adds it.
  outgoing.writeHead(result.status, { ...result.headers, 'Content-Length': Buffer.byteLength(result.body) })
  outgoing.end(result.body)
}

async function read(incoming: IncomingMessage, outgoing: ServerResponse): Promise<Incoming | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyLimit) return undefined
    chunks.push(chunk)
  }
  const target = incoming.url as string
  const question = target.indexOf('?')
  const hangUp = new AbortController()
  outgoing.once('close', () => hangUp.abort())
  return {
    method: incoming.method as string,
    target,
    path: question === -1 ? target : target.slice(0, question),
    query: new URLSearchParams(question === -1 ? '' : target.slice(question)),
    rawHeaders: incoming.rawHeaders,
    header: (name) => incoming.headersDistinct[name]?.[0],
    body: Buffer.concat(chunks),
    gone: hangUp.signal,
  }
}
