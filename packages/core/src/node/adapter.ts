import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Host } from '../http/endpoint.js'
import type { Answer, ContentFault, HttpRequest, PeerFacts } from '../http/message.js'
import { announcesContent, captureContent, isConsumed, readOn } from './content.js'
import { dispatchThrough } from './dispatch.js'
import { foreignFields, hasForeignContent } from './foreign.js'
import { carriedBy } from './held-connection.js'
import { peerFacts } from './peer.js'
import { wholeApplication } from './whole-application.js'

// Shared by all adapters for Node's HTTP server: from the raw request to an {@link HttpRequest}, and from an answer
// to the response.

/**
 * Makes an {@link HttpRequest} from a Node request. A framework that changes the prototype of its requests gives each
 * its own hidden class, and reading a property then costs as much as a hundred reads elsewhere, so as few as possible
 * are read.
 *
 * If Node's parser did not make the message (serverless platforms, `inject`) and it has no `rawHeaders`, the fields
 * are taken from `headers`. Never throws.
 *
 * @param target the original request target, because frameworks change `message.url` when they mount routers.
 * Default: `message.url`
 * @param again whether content that a body parser has parsed is serialised again; for our own endpoints. Default
 * `false`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { fromNode } from '@countersign/core/adapter'
 *
 * createServer((message, response) => {
 *   const { method, target } = fromNode(message)
 *   response.end(`${method} ${target}`)
 * })
 * ```
 */
export function fromNode(
  message: IncomingMessage,
  target: string = message.url ?? '',
  again = false,
): HttpRequest {
  const rawHeaders = read(message, 'rawHeaders')
  const complete = read(message, 'complete')
  // If the list does not hold texts, its first member is none either.
  if (!Array.isArray(rawHeaders) || typeof rawHeaders[0] !== 'string' || complete === undefined) {
    const fields = foreignFields(message)
    // A message of Node's parser may have no fields at all, with HTTP/1.0.
    const isBare = typeof complete === 'boolean' && rawHeaders?.length === 0 && fields.length === 0
    const hasContent = hasForeignContent(message, fields)
    return new NodeRequest(message, String(target), fields, hasContent, isBare ? undefined : true, again)
  }
  return new NodeRequest(
    message,
    target,
    rawHeaders,
    isHttp2(rawHeaders) ? announcesContent(message) : undefined,
    undefined,
    again,
  )
}

/**
 * Reads a property of a message. With a name that is not constant, in one place for all of them: if each message has
 * its own hidden class, that takes a fifth of the time.
 */
function read<Name extends 'rawHeaders' | 'complete' | 'method'>(
  message: Partial<Pick<IncomingMessage, Name>>,
  name: Name,
): Partial<Pick<IncomingMessage, Name>>[Name] {
  return message[name]
}

class NodeRequest implements HttpRequest {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly hasContent: boolean | undefined
  readonly carried: HttpRequest['carried']
  readonly foreign: true | undefined
  readonly #message: IncomingMessage
  readonly #again: boolean

  constructor(
    message: IncomingMessage,
    target: string,
    rawHeaders: readonly string[],
    hasContent: boolean | undefined,
    foreign: true | undefined,
    again: boolean,
  ) {
    this.#again = again
    this.#message = message
    this.method = read(message, 'method') ?? ''
    this.target = target
    this.rawHeaders = rawHeaders
    this.hasContent = hasContent
    this.carried = carriedBy(message)
    this.foreign = foreign
  }

  get identity(): IncomingMessage {
    return this.#message
  }

  body(limit: number): Promise<Uint8Array | ContentFault> {
    return captureContent(this.#message, limit, this.#again)
  }

  peer(): PeerFacts {
    return peerFacts(this.#message.socket)
  }

  onGone(listener: () => void): () => void {
    return onGone(this.#message, listener)
  }

  isConsumed(): boolean {
    return isConsumed(this.#message)
  }
}

function onGone(message: IncomingMessage, listener: () => void): () => void {
  // Messages of other platforms may have no complete socket.
  const { socket } = message as { readonly socket?: Partial<IncomingMessage['socket']> }
  socket?.on?.('close', listener)
  return () => socket?.off?.('close', listener)
}

/** Whether a request is HTTP/2. Only there do field names begin with a colon, and those come first (RFC 9113, 8.3). */
const isHttp2 = (rawHeaders: readonly string[]): boolean => rawHeaders[0]?.startsWith(':') === true

/**
 * The {@link Host} of a Node request. Never throws.
 *
 * @param listener the whole application, through which held calls are sent. Default: the listeners of the server that
 * received the request; if that is unknown too, held calls cannot be carried out
 * @param raw the framework's own request
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createResourceServer } from '@countersign/core'
 * import { fromNode, nodeHost, writeAnswer } from '@countersign/core/adapter'
 *
 * const server = createResourceServer({ resource: 'https://notes.example' })
 *
 * createServer(async (message, response) => {
 *   const answer = await server.handle(fromNode(message), nodeHost(undefined, message))
 *   writeAnswer(answer ?? { status: 404, headers: {}, body: '' }, response)
 * })
 * ```
 */
export function nodeHost(
  listener: RequestListener | undefined,
  message: IncomingMessage,
  raw: unknown = message,
): Host {
  const whole = listener ?? wholeApplication(message)
  return {
    ...(whole === undefined ? {} : { dispatch: dispatchThrough(whole) }),
    onGone: (listener) => onGone(message, listener),
    raw,
  }
}

/**
 * Writes an answer, unless the application has answered already. That can happen, because a guard may take longer
 * than the application allows a request; an error thrown that late would end the process.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { writeAnswer } from '@countersign/core/adapter'
 *
 * createServer((_, response) => {
 *   writeAnswer({ status: 404, headers: { 'Cache-Control': 'no-store' }, body: '' }, response)
 * })
 * ```
 */
export function writeAnswer(answer: Answer, response: ServerResponse): void {
  if (response.headersSent) {
    // A response that was interrupted looks complete to the client, unless the connection is closed.
    if (!response.writableEnded) response.destroy()
    return
  }
  readOn(response.req, response)
  if (answer.raw !== undefined) {
    writeRaw(answer.status, answer.raw, response)
    return
  }
  response.writeHead(answer.status, headOf(answer))
  // Responses of other platforms may not have their request.
  const { req } = response as Partial<Pick<ServerResponse, 'req'>>
  response.end(req?.method === 'HEAD' ? undefined : answer.body)
}

/** One member at a time: Node reads objects made by spreading at a quarter of the speed. */
function headOf({ headers, body }: Answer): Record<string, string | number> {
  const head: Record<string, string | number> = {}
  for (const name in headers) head[name] = headers[name] as string
  head['Content-Length'] = Buffer.byteLength(body)
  return head
}

function writeRaw(status: number, raw: NonNullable<Answer['raw']>, response: ServerResponse): void {
  const { rawHeaders, content } = raw
  const fields = new Map<string, string[]>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    fields.set(name, [...(fields.get(name) ?? []), rawHeaders[i + 1] as string])
  }
  // `setHeader` replaces fields that middleware has set on this response.
  for (const [name, lines] of fields)
    response.setHeader(name, lines.length === 1 ? (lines[0] as string) : lines)
  response.writeHead(status, { 'Content-Length': content.length })
  response.end(content)
}
