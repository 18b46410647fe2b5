import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ContentFault } from '../http/message.js'
import { ContentRoom } from './content-room.js'

// A second guard on the same request finds what the first one read. Held no longer than the request itself.
const captured = new WeakMap<IncomingMessage, Promise<Uint8Array | ContentFault>>()

const room = new ContentRoom()

/**
 * The content exactly as received, before any decoding, put back so that body parsers read it as if nobody had. No more
 * than `limit` bytes are kept.
 *
 * Where the platform has read the request before there was a stream (serverless platforms do) and left the bytes in
 * `rawBody`, those are the content.
 */
export function captureContent(message: IncomingMessage, limit: number): Promise<Uint8Array | ContentFault> {
  const known = captured.get(message)
  // Whoever read it first may have been content with more.
  if (known !== undefined) return known.then((content) => within(content, limit))
  const content = readContent(message, limit)
  captured.set(message, content)
  return content
}

const cutShort = new WeakSet<IncomingMessage>()

/**
 * Reads on to the end of a message that was longer than we read, once it has been answered: Node does so only where
 * nobody has begun to read, and the connection would be stuck.
 */
export function readOn(message: IncomingMessage, response: ServerResponse): void {
  if (!cutShort.has(message)) return
  response.once('finish', () => message.resume())
}

const within = (content: Uint8Array | ContentFault, limit: number): Uint8Array | ContentFault =>
  typeof content !== 'string' && content.length > limit ? 'too-large' : content

async function readContent(message: IncomingMessage, limit: number): Promise<Uint8Array | ContentFault> {
  const { rawBody } = message as { readonly rawBody?: unknown }
  if (rawBody instanceof Uint8Array) return within(rawBody, limit)
  if (message.readableDidRead || message.readableFlowing === true) return 'consumed'
  if (message.destroyed) return 'aborted'
  // A guard may be called while the HTTP parser is still at work on the packet that brought the head. Listening for
  // `readable` before it has seen the end of an empty body would have the stream say `end` to nobody.
  await undefined
  if (Number(message.headers['content-length'] ?? 0) > limit) return 'too-large'
  return isEmpty(message) ? new Uint8Array(0) : peek(message, limit)
}

/**
 * Reads, and unshifts in the very turn in which the end is seen: `end` is emitted as soon as the buffer stays empty, and
 * a parser that comes after it waits for ever. For the same reason an empty stream is never read.
 */
function peek(message: IncomingMessage, limit: number): Promise<Uint8Array | ContentFault> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    const reading = room.enter(limit, () => finish('no-room'))
    const read = (): void => {
      while (message.readableLength > 0 && length <= limit) {
        const chunk = message.read() as Buffer
        chunks.push(chunk)
        length += chunk.length
        reading.take(chunk.length)
        if (hasFinished) return
      }
      if (length > limit) finish('too-large')
      else if (hasEnded(message)) finish(Buffer.concat(chunks))
    }
    let hasFinished = false
    const finish = (content: Buffer | ContentFault): void => {
      hasFinished = true
      reading.leave()
      message.off('readable', read).off('error', gone).off('close', gone)
      // Where nothing is refused (report-only) the handler is to find all of it.
      const received = typeof content === 'string' ? Buffer.concat(chunks) : content
      if (content !== 'aborted' && length > 0) message.unshift(received)
      if (content === 'too-large' || content === 'no-room') cutShort.add(message)
      resolve(content)
    }
    const gone = (): void => finish('aborted')
    message.on('readable', read).on('error', gone).on('close', gone)
    read()
  })
}

const isEmpty = (message: IncomingMessage): boolean => hasEnded(message) && message.readableLength === 0

// Under HTTP/2 `complete` means that `end` was emitted; its stream knows earlier.
const hasEnded = (message: IncomingMessage): boolean =>
  message.complete || http2Stream(message)?.readableEnded === true

interface Http2Stream {
  readonly endAfterHeaders: boolean
  readonly readableEnded: boolean
}

const http2Stream = (message: IncomingMessage): Http2Stream | undefined =>
  (message as { readonly stream?: Http2Stream }).stream

/** Under HTTP/2 content needs no field that announces it, and the END_STREAM flag tells; otherwise `undefined`. */
export function announcesContent(message: IncomingMessage): boolean | undefined {
  const stream = http2Stream(message)
  return stream === undefined ? undefined : !stream.endAfterHeaders
}
