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
 * A {@link Dispatch} that sends held calls through an application, over a connection within the process. Both ends
 * use Node's own HTTP, so the handler gets an ordinary request and response with any framework. The server never
 * listens.
 *
 * @param listener the whole application
 */
export function dispatchThrough(listener: RequestListener): Dispatch {
  return (call, carried, limits) => {
    const [near, far] = InnerSocket.pair()
    // The addresses of the call, not of the poll: whether its forwarding fields are trusted depends on where it came
    // from.
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
      // A flat array preserves order and repetitions.
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
    // These do not emit `response`, nor always `error`; without a listener the exchange would never end.
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

/** The whole body, or `undefined` if it is too long. It is always read to its end, so that the handler can finish. */
async function collect(incoming: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= limit) chunks.push(chunk)
  }
  return length > limit ? undefined : Buffer.concat(chunks)
}

/** Fields about the inner connection, and fields that are set anew. */
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
