import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type RequestListener,
  type Server,
} from 'node:http'
import type { Dispatch, HeldCall } from '../http/endpoint.js'
import type { RawAnswer } from '../http/message.js'
import { carryOn } from './held-connection.js'
import { InnerSocket } from './inner-socket.js'

const servers = new WeakMap<RequestListener, Server>()

/**
 * Carries held calls through an application over a connection within the process: both ends of it are Node's own HTTP,
 * so that the handler sees an ordinary request and writes an ordinary response, whatever the framework. The server
 * behind it never listens.
 *
 * @param listener the whole application
 */
export function dispatchThrough(listener: RequestListener): Dispatch {
  return (call, carried, limits) => {
    const [near, far] = InnerSocket.pair()
    // As the call came, not as the poll did that sets it going: its forwarded fields are believed by its own peer address.
    Object.assign(far, call.peer)
    carryOn(far, carried)
    innerServer(listener).emit('connection', far)
    return send(near, call, limits)
  }
}

function innerServer(listener: RequestListener): Server {
  const known = servers.get(listener)
  if (known !== undefined) return known
  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 1 }, listener)
  servers.set(listener, server)
  return server
}

function send(
  connection: InnerSocket,
  call: HeldCall,
  limits: { readonly answer: number; readonly ms: number },
): Promise<RawAnswer | undefined> {
  const content = Buffer.from(call.content, 'base64')
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(limits.ms)
    const outgoing = openRequest({
      createConnection: () => connection,
      method: call.method,
      path: call.target,
      // As a flat array they go out as they came, order and repetition kept.
      headers: [
        ...call.rawHeaders,
        'Connection',
        'close',
        'Content-Length',
        String(content.length),
      ] as unknown as Record<string, string>,
      signal,
    })
    outgoing.on('error', reject)
    // Neither is told to `response`, nor to `error` in every case: without them nobody would hear of it.
    outgoing.on('upgrade', (_message, socket) => {
      socket.destroy()
      reject(new Error('the handler switched to another protocol'))
    })
    let answered = false
    outgoing.on('close', () => {
      if (!answered) reject(new Error('the connection was closed without an answer'))
    })
    outgoing.on('response', (incoming) => {
      answered = true
      collect(incoming, limits.answer).then(
        (body) => resolve(body === undefined ? undefined : rawAnswer(incoming, body)),
        reject,
      )
    })
    outgoing.end(content)
  })
}

/** All of a body, or `undefined` when it is too long; read to its end all the same, so that its handler gets there. */
async function collect(incoming: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= limit) chunks.push(chunk)
  }
  return length > limit ? undefined : Buffer.concat(chunks)
}

const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
  'content-length',
  'date',
])

function rawAnswer(incoming: IncomingMessage, content: Uint8Array): RawAnswer {
  const rawHeaders: string[] = []
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    const name = incoming.rawHeaders[i] as string
    if (!ofConnection.has(name.toLowerCase())) rawHeaders.push(name, incoming.rawHeaders[i + 1] as string)
  }
  return { status: incoming.statusCode as number, rawHeaders, content }
}
