import type { IncomingMessage } from 'node:http'
import { checkContentDigest } from '../http/content-digest.js'

// Content that was read before the guard: by a body parser, or by a platform that had the whole request before there
// was a stream.

/** The members of a request where such readers leave the content. */
interface Left {
  readonly rawBody?: unknown
  readonly body?: unknown
}

/** Whether the stream of a request has been read or is being read; or there is none, as on some platforms. */
export function isRead(message: IncomingMessage): boolean {
  return message.readableDidRead || message.readableFlowing === true || typeof message.read !== 'function'
}

/**
 * The received content of a request that was read before the guard. It is, in this order:
 *
 * - `rawBody`, bytes or text: set by serverless platforms, NestJS with `rawBody: true`, and a parser's `verify`;
 * - `body`, if it is bytes or text (`express.raw()`, `express.text()`);
 * - with `again`, `body` serialised again, if a parser of JSON or forms made it. That restores the bytes only if they
 *   were written in the usual way. It is for our own endpoints, which would otherwise not work at all.
 *
 * These may differ from the received bytes (inflated, decoded, parsed), so they count only if they are as long as
 * `Content-Length` says. A body that was parsed, or whose length the request does not state, must also have the
 * digest that the request states; the signature, which is checked elsewhere, covers that digest. Bytes of a request
 * without content coding are as received. `undefined`: the bytes are not available.
 */
export function contentLeft(message: IncomingMessage, again = false): Uint8Array | undefined {
  const { rawBody, body } = message as Left
  const raw = asBytes(rawBody)
  if (raw !== undefined) return isAsReceived(message, rawBody, raw) ? raw : undefined
  if (!isRead(message)) return undefined
  const bytes = asBytes(body)
  if (bytes !== undefined) return isAsReceived(message, body, bytes) ? bytes : undefined
  if (!again) return undefined
  for (const written of serialise(message, body)) {
    const content = Buffer.from(written)
    if (isProven(message, content)) return content
  }
  return undefined
}

/** Whether the content that a reader left is what it received. */
function isAsReceived(message: IncomingMessage, given: unknown, content: Uint8Array): boolean {
  const isWhole = hasLength(message, content)
  if (isWhole !== undefined) return isWhole
  const coding = message.headers['content-encoding'] ?? 'identity'
  return (typeof given !== 'string' && coding === 'identity') || isProven(message, content)
}

function asBytes(content: unknown): Uint8Array | undefined {
  if (content instanceof Uint8Array) return content
  return typeof content === 'string' ? Buffer.from(content) : undefined
}

/** Whether content is as long as `Content-Length` says; `undefined` if there is no such field. */
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

/** A parsed body, serialised in the ways in which most senders write it. */
function* serialise({ headers }: IncomingMessage, body: unknown): Generator<string> {
  if (typeof body !== 'object' || body === null) return
  const type = headers['content-type'] ?? ''
  try {
    if (/^application\/(?:[^;]*\+)?json[ \t]*(?:;|$)/i.test(type)) yield* writeJson(body)
    if (!/^application\/x-www-form-urlencoded[ \t]*(?:;|$)/i.test(type)) return
    const pairs = Object.entries(body)
    if (pairs.every((pair): pair is [string, string] => typeof pair[1] === 'string'))
      yield new URLSearchParams(pairs).toString()
  } catch {
    // It cannot be serialised; parsed content always can be.
  }
}

/**
 * Limit on the characters of JSON that is serialised in several ways. Senders of longer content write it like
 * `JSON.stringify`.
 */
const longestTried = 4096

function* writeJson(body: object): Generator<string> {
  const compact = JSON.stringify(body)
  yield compact
  if (compact.length > longestTried) return
  // Python puts a space after each separator; Go ends a stream of values with a line feed.
  const spaced = compact.replace(/("(?:[^"\\]|\\.)*")|[,:]/g, (part, text?: string) => text ?? `${part} `)
  const indented = [2, 4, '\t'].map((space) => JSON.stringify(body, undefined, space))
  yield spaced
  yield* indented
  for (const text of [compact, spaced, ...indented]) yield `${text}\n`
}
