import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { announcesContent, captureContent, readOn } from './content.js'
import { dispatchThrough } from './dispatch.js'
import { carriedBy } from './held-connection.js'
import { peerFacts } from './peer.js'

// What every adapter over Node's HTTP server shares: the raw request in, the answer out.

/**
 * The request as it came over the wire. A framework that changes the prototype of its requests gives each a hidden class
 * of its own, and reading a property then costs as much as a hundred elsewhere: so as few as possible are read.
 *
 * @param target the original request target; frameworks rewrite `message.url` when they mount routers
 */
export function fromNode(message: IncomingMessage, target: string): HttpRequest {
  const { rawHeaders } = message
  return {
    method: message.method as string,
    target,
    rawHeaders,
    hasContent: isHttp2(rawHeaders) ? announcesContent(message) : undefined,
    body: (limit) => captureContent(message, limit),
    peer: () => peerFacts(message.socket),
    carried: carriedBy(message),
  }
}

/** Only HTTP/2 has fields whose names begin with a colon, and has them first (RFC 9113, 8.3). */
const isHttp2 = (rawHeaders: readonly string[]): boolean => rawHeaders[0]?.startsWith(':') === true

/**
 * What our endpoints may use of the process around them.
 *
 * @param listener the whole application, through which held calls are sent
 * @param native the framework's own request
 */
export function nodeHost(
  listener: RequestListener,
  message: IncomingMessage,
  native: unknown = message,
): Host {
  return {
    dispatch: dispatchThrough(listener),
    onGone(callback) {
      message.socket.on('close', callback)
      return () => message.socket.off('close', callback)
    },
    native,
  }
}

/**
 * Writes an answer, unless somebody has answered meanwhile: what a guard waits for can take longer than the application
 * gives a request, and an error thrown that late would end the process.
 */
export function writeAnswer(answer: Answer, response: ServerResponse): void {
  if (response.headersSent) {
    // One that has only begun can no longer be told apart from a good one, but it can be broken off.
    if (!response.writableEnded) response.destroy()
    return
  }
  readOn(response.req, response)
  if (answer.raw !== undefined) {
    writeRaw(answer.status, answer.raw, response)
    return
  }
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) })
  response.end(response.req.method === 'HEAD' ? undefined : answer.body)
}

function writeRaw(status: number, raw: NonNullable<Answer['raw']>, response: ServerResponse): void {
  const { rawHeaders, content } = raw
  const fields = new Map<string, string[]>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    fields.set(name, [...(fields.get(name) ?? []), rawHeaders[i + 1] as string])
  }
  // What middleware has set on this response is not said twice.
  for (const [name, lines] of fields)
    response.setHeader(name, lines.length === 1 ? (lines[0] as string) : lines)
  response.writeHead(status, { 'Content-Length': content.length })
  response.end(content)
}
