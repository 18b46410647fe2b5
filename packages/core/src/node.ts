import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, HttpRequest } from './http.js'

// What every adapter over Node's HTTP server shares: the raw request in, the answer out.

/**
 * The request as it came over the wire.
 *
 * @param target the original request target; frameworks rewrite `message.url` when they mount routers
 */
export function fromNode(message: IncomingMessage, target: string): HttpRequest {
  return {
    method: message.method as string,
    target,
    rawHeaders: message.rawHeaders,
    body: (limit) => peekBody(message, limit),
  }
}

/** Writes an answer. */
export function writeAnswer(answer: Answer, response: ServerResponse): void {
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': Buffer.byteLength(answer.body) })
  response.end(response.req.method === 'HEAD' ? undefined : answer.body)
}

/**
 * The content as received, put back so that body parsers read it as if nobody had: `unshift` in the very turn in which
 * the end is seen, before the stream says `end`. `undefined` when it is longer than `limit` bytes.
 */
function peekBody(message: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  if (message.readableEnded || message.destroyed) return Promise.resolve(new Uint8Array(0))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const read = (): void => {
      for (let chunk: Buffer | null = message.read(); chunk !== null; chunk = message.read()) {
        chunks.push(chunk)
        length += chunk.length
      }
      if (length > limit) finish(undefined)
      else if (message.complete) finish(Buffer.concat(chunks))
    }
    const finish = (content: Buffer | undefined): void => {
      release()
      if (content !== undefined && length > 0) message.unshift(content)
      resolve(content)
    }
    const fail = (cause?: Error): void => {
      release()
      reject(cause ?? new Error('the request was cut off'))
    }
    const release = (): void => {
      message.off('readable', read).off('end', read).off('error', fail).off('close', fail)
    }
    message.on('readable', read).on('end', read).on('error', fail).on('close', fail)
    read()
  })
}
