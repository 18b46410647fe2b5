import { once } from 'node:events'
import { type IncomingMessage, request as openRequest } from 'node:http'
import { Agent, request as openSecureRequest } from 'node:https'
import type { ResourceOptions } from '@countersign/core'
import { WebSocket } from 'ws'
import { type RunningExample, runExample } from './example.js'
import { blocksOf, pageOf, sectionOf } from './page.js'

// The examples of docs/websocket-sse.md, and clients of them.

const page = pageOf('websocket-sse')
const [watch = ''] = blocksOf(page, 'ts')
const [expressSse = '', fastifySse = ''] = blocksOf(sectionOf(page, '## Server-sent events'), 'ts')
const [expressSocket = ''] = blocksOf(sectionOf(page, '## WebSocket in Express'), 'ts')
const [fastifySocket = ''] = blocksOf(sectionOf(page, '## WebSocket in Fastify'), 'ts')

/** A connection of a client: what it has received, and when it has ended. */
export interface Connected {
  readonly status: number
  readonly received: string[]
  readonly ended: Promise<void>
  /** Sends on a WebSocket, and resolves with what comes back. */
  ask?(text: string): Promise<string>
  close(): void
}
/** Connects to `port`, over TLS where a certificate authority is given. */
export type Connect = (port: number, headers: Record<string, string>, ca?: string) => Promise<Connected>

/** A client of `/socket`. */
const overSocket: Connect = (port, headers, ca) =>
  new Promise((resolve, reject) => {
    const socket =
      ca === undefined
        ? new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers })
        : new WebSocket(`wss://127.0.0.1:${port}/socket`, {
            headers,
            agent: new Agent({ ca, servername: 'rs.example' }),
          })
    const received: string[] = []
    const ended = new Promise<void>((end) => socket.once('close', () => end()))
    const connected = { received, ended, close: () => socket.terminate() }
    socket.on('message', (data) => received.push(String(data)))
    socket.on('unexpected-response', (_request, { statusCode = 0 }) =>
      resolve({ ...connected, status: statusCode }),
    )
    socket.on('error', reject)
    const ask = async (text: string): Promise<string> => {
      socket.send(text)
      const [data] = (await once(socket, 'message')) as [unknown]
      return String(data)
    }
    socket.on('open', () => resolve({ ...connected, status: 101, ask }))
  })

/** A client of `/events`. */
const overEvents: Connect = async (port, headers, ca) => {
  const outgoing = (ca === undefined ? openRequest : openSecureRequest)({
    host: '127.0.0.1',
    port,
    path: '/events',
    headers,
    ...(ca === undefined ? {} : { ca, servername: 'rs.example' }),
  }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const received: string[] = []
  // That is how the client's own end looks.
  incoming.on('error', () => {})
  incoming.on('data', (data: Buffer) => received.push(String(data)))
  return {
    status: incoming.statusCode as number,
    received,
    ended: new Promise<void>((end) => incoming.once('end', () => end())),
    close: () => outgoing.destroy(),
  }
}

/** An example of a long connection. */
export interface StreamExample {
  readonly name: string
  readonly path: string
  readonly connect: Connect
  /** Runs it with the function `watch` of the page, which looks every 20 ms here. */
  run(options: ResourceOptions): Promise<RunningExample>
}

const exampleOf = (name: string, code: string, path: string, connect: Connect): StreamExample => ({
  name,
  path,
  connect,
  run: (options) => {
    const declaration = /^declare const watch: .*$/m.exec(code)?.[0] as string
    return runExample(code, options, [declaration, watch.replace('every = 15_000', 'every = 20')])
  },
})

/** All of them. */
export const streamExamples: readonly StreamExample[] = [
  exampleOf('a WebSocket, Express', expressSocket, '/socket', overSocket),
  exampleOf('a WebSocket, Fastify', fastifySocket, '/socket', overSocket),
  exampleOf('an event stream, Express', expressSse, '/events', overEvents),
  exampleOf('an event stream, Fastify', fastifySse, '/events', overEvents),
]
