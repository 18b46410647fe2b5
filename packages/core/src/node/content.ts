import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ContentFault } from '../http/message.js'
import { after } from '../time/clock.js'
import { contentLeft, isRead } from './consumed.js'
import { ContentLimit } from './content-limit.js'

// For a second guard on the same request. Kept no longer than the request itself.
const captured = new WeakMap<IncomingMessage, Promise<Uint8Array | ContentFault>>()

/** Reading stops after this many milliseconds without a byte. (A server's `requestTimeout` is for the whole request.) */
const longestPause = 60_000
const limited = new ContentLimit()

/**
 * Reads the content exactly as received, before any decoding, and puts it back for body parsers. At most `limit`
 * bytes are kept. Never rejects, and waits at most a minute for the next byte.
 *
 * If the request has been read already, the bytes are taken from where the reader left them ({@link contentLeft}).
 */
export function captureContent(
  message: IncomingMessage,
  limit: number,
  again = false,
): Promise<Uint8Array | ContentFault> {
  const known = captured.get(message)
  // The first reader may have had a higher limit.
  if (known !== undefined) return known.then((content) => within(content, limit))
  const content = readContent(message, limit, again).catch((): ContentFault => 'aborted')
  captured.set(message, content)
  return content
}

/** Whether the content was read before the guard and its bytes are gone. */
export function isConsumed(message: IncomingMessage): boolean {
  return !captured.has(message) && isRead(message) && contentLeft(message) === undefined
}

const cutShort = new WeakSet<IncomingMessage>()

/**
 * After an answer, reads a message to its end if its content was longer than the limit. Node does that only if nobody
 * has begun to read; otherwise the connection would hang.
 *
 * @example
 * ```ts
 * import type { IncomingMessage, ServerResponse } from 'node:http'
 * import { type Answered, readOn } from '@countersign/core/adapter'
 *
 * function refuse({ answer }: Answered, message: IncomingMessage, response: ServerResponse): void {
 *   readOn(message, response)
 *   response.writeHead(answer.status, answer.headers).end(answer.body)
 * }
 * ```
 */
export function readOn(message: IncomingMessage, response: ServerResponse): void {
  if (!cutShort.has(message)) return
  response.once('finish', () => message.resume())
}

const within = (content: Uint8Array | ContentFault, limit: number): Uint8Array | ContentFault =>
  typeof content !== 'string' && content.length > limit ? 'too-large' : content

async function readContent(
  message: IncomingMessage,
  limit: number,
  again: boolean,
): Promise<Uint8Array | ContentFault> {
  const left = contentLeft(message, again)
  if (left !== undefined) return within(left, limit)
  if (isRead(message)) return 'consumed'
  if (message.destroyed) return 'aborted'
  // A guard may run while the HTTP parser still processes the packet with the head. Listening for `readable` before
  // the parser has seen the end of an empty body would emit `end` to nobody.
  await undefined
  if (Number(message.headers['content-length'] ?? 0) > limit) return 'too-large'
  return isEmpty(message) ? new Uint8Array(0) : peek(message, limit)
}

/**
 * Reads the content and unshifts it in the same turn in which its end is seen: `end` is emitted as soon as the buffer
 * stays empty, and a later body parser would wait for ever. For the same reason an empty stream is never read.
 */
function peek(message: IncomingMessage, limit: number): Promise<Uint8Array | ContentFault> {
  return new Promise((resolve) => {
    const chunks: (Buffer | string)[] = []
    let length = 0
    let stop = (): void => {}
    const reading = limited.enter(limit, () => finish('overloaded'))
    const read = (): void => {
      stop()
      stop = after(longestPause, gone)
      while (message.readableLength > 0 && length <= limit) {
        const chunk: unknown = message.read()
        if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
          finish('consumed')
          return
        }
        const size = Buffer.byteLength(chunk, message.readableEncoding ?? undefined)
        chunks.push(typeof chunk === 'string' || Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk))
        length += size
        reading.take(size)
        if (hasFinished) return
      }
      if (length > limit) finish('too-large')
      else if (hasEnded(message)) finish(bytesOf(message, chunks))
    }
    let hasFinished = false
    const finish = (content: Buffer | ContentFault): void => {
      hasFinished = true
      stop()
      reading.leave()
      message.off('readable', read).off('error', gone).off('close', gone)
      // On report-only routes the handler gets the content even if it is too long.
      if (content !== 'aborted' && length > 0) putBack(message, chunks)
      if (content === 'too-large' || content === 'overloaded') cutShort.add(message)
      resolve(content)
    }
    const gone = (): void => finish('aborted')
    message.on('readable', read).on('error', gone).on('close', gone)
    read()
  })
}

// If `setEncoding` was called, the chunks are text, whose bytes are obtained by encoding it again; and the buffer
// must stay text. Bytes that are invalid in that encoding are lost, and the digest will not match.
function bytesOf(message: IncomingMessage, chunks: readonly (Buffer | string)[]): Buffer {
  const encoding = message.readableEncoding ?? undefined
  return Buffer.concat(
    chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)),
  )
}

function putBack(message: IncomingMessage, chunks: readonly (Buffer | string)[]): void {
  const encoding = message.readableEncoding
  if (encoding === null) message.unshift(bytesOf(message, chunks))
  else message.unshift(chunks.join(''), encoding)
}

const isEmpty = (message: IncomingMessage): boolean => hasEnded(message) && message.readableLength === 0

/**
 * Whether all content has arrived. Node has no public property for it: `readableEnded` means that `end` was emitted,
 * `complete` is not set on streams without an HTTP parser, and with HTTP/2 it comes too late.
 */
function hasEnded(message: IncomingMessage): boolean {
  const { ended } =
    (message as { readonly _readableState?: { readonly ended?: unknown } })._readableState ?? {}
  return typeof ended === 'boolean' ? ended : message.complete
}

interface Http2Stream {
  readonly endAfterHeaders: boolean
}

const http2Stream = (message: IncomingMessage): Http2Stream | undefined =>
  (message as { readonly stream?: Http2Stream }).stream

/** With HTTP/2, content needs no field that announces it, and the END_STREAM flag tells; otherwise `undefined`. */
export function announcesContent(message: IncomingMessage): boolean | undefined {
  const stream = http2Stream(message)
  return stream === undefined ? undefined : !stream.endAfterHeaders
}
