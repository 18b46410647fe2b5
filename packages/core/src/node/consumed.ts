import type { IncomingMessage } from 'node:http'
import { checkContentDigest } from '../http/content-digest.js'

// Content that somebody has read before us: a body parser in front of everything, or a platform that had the whole
// request before there was a stream.

/** What such readers leave on the request. */
interface Left {
  readonly rawBody?: unknown
  readonly body?: unknown
}

/** Whether the stream has been read, or is being read. */
export function isRead(message: IncomingMessage): boolean {
  return message.readableDidRead || message.readableFlowing === true
}

/**
 * The content as it was received, of a request that was read before us. It is, in this order
 *
 * - `rawBody`, bytes or text: what serverless platforms leave, NestJS with `rawBody: true`, and a parser's `verify`;
 * - `body` where that is bytes or text (`express.raw()`, `express.text()`);
 * - with `again`, `body` serialised again, where a parser of JSON or of forms has made it. What was not written as most
 *   write it is not found that way, so this is for endpoints of our own, which would otherwise not work at all.
 *
 * What may be other bytes than those that came (inflated, decoded, parsed) counts only if it is as long as
 * `Content-Length` says, and of a body that was parsed, if it has the digest that the request states. Whether that
 * digest is to be believed is for the signature to say. `undefined`: there is nothing of the kind.
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

/** `undefined` where the request does not say how long its content is. */
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

/** What was parsed, as most senders would have written it. */
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
