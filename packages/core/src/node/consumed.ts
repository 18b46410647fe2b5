import type { IncomingMessage } from 'node:http'
import { checkContentDigest } from '../http/content-digest.js'

// Content that was read before the guard: by a body parser, or by a platform that had the whole request before there was
// a stream.

/** The members of a request in which such readers leave the content. */
interface Left {
  readonly rawBody?: unknown
  readonly body?: unknown
}

/** Whether the stream of a request has been read, or is being read. */
export function isRead(message: IncomingMessage): boolean {
  return message.readableDidRead || message.readableFlowing === true
}

/**
 * The content as it was received, of a request that was read before the guard. It is, in this order
 *
 * - `rawBody`, bytes or text: what serverless platforms leave, NestJS with `rawBody: true`, and a parser's `verify`;
 * - `body` where that is bytes or text (`express.raw()`, `express.text()`);
 * - with `again`, `body` serialised again, where a parser of JSON or of forms has made it. That gives the bytes back only
 *   if they were written in the usual way; it is for our own endpoints, which would otherwise not work at all.
 *
 * Because these may be other bytes than those received (inflated, decoded, parsed), they count only if they are as long as
 * `Content-Length` says, and a serialised body only if it has the digest that the request states. The signature, which is
 * checked elsewhere, covers that digest. `undefined`: the bytes are not to be had.
 */
export function contentLeft(message: IncomingMessage, again = false): Uint8Array | undefined {
  const { rawBody, body } = message as Left
  const raw = asBytes(rawBody)
  if (raw !== undefined) return hasLength(message, raw) !== false ? raw : undefined
  if (!isRead(message)) return undefined
  const bytes = asBytes(body)
  if (bytes !== undefined) return hasLength(message, bytes) !== false ? bytes : undefined
  const written = again ? serialise(message, body) : undefined
  return written !== undefined && isProven(message, written) ? written : undefined
}

function asBytes(content: unknown): Uint8Array | undefined {
  if (content instanceof Uint8Array) return content
  return typeof content === 'string' ? Buffer.from(content) : undefined
}

/** Whether content is as long as `Content-Length` says; `undefined` where there is no such field. */
function hasLength({ headers }: IncomingMessage, content: Uint8Array): boolean | undefined {
  const length = headers['content-length']
  return length === undefined ? undefined : Number(length) === content.length
}

function isProven(message: IncomingMessage, content: Uint8Array): boolean {
  const sized = hasLength(message, content)
  const digest = message.headers['content-digest']
  if (sized === false) return false
  return typeof digest === 'string' ? checkContentDigest(digest, content) === undefined : sized === true
}

/** A parsed body as most senders would have written it. */
function serialise({ headers }: IncomingMessage, body: unknown): Uint8Array | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const type = headers['content-type'] ?? ''
  try {
    if (/^application\/(?:[^;]*\+)?json[ \t]*(?:;|$)/i.test(type)) return Buffer.from(JSON.stringify(body))
    if (!/^application\/x-www-form-urlencoded[ \t]*(?:;|$)/i.test(type)) return undefined
    const pairs = Object.entries(body)
    return pairs.every((pair): pair is [string, string] => typeof pair[1] === 'string')
      ? Buffer.from(new URLSearchParams(pairs).toString())
      : undefined
  } catch {
    return undefined
  }
}
