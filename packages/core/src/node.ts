import type { IncomingMessage, ServerResponse } from 'node:http'
import { announcesContent, captureContent } from './content.js'
import type { Answer, HttpRequest } from './http.js'

// What every adapter over Node's HTTP server shares: the raw request in, the answer out.

/**
 * The request as it came over the wire.
 *
 * @param target the original request target; frameworks rewrite `message.url` when they mount routers
 */
export function fromNode(message: IncomingMessage, target: string): HttpRequest {
  const hasContent = announcesContent(message)
  return {
    method: message.method as string,
    target,
    rawHeaders: message.rawHeaders,
    ...(hasContent === undefined ? {} : { hasContent }),
    body: (limit) => captureContent(message, limit),
  }
}

/** Writes an answer. */
export function writeAnswer(answer: Answer, response: ServerResponse): void {
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) })
  response.end(response.req.method === 'HEAD' ? undefined : answer.body)
}
