import type { IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { TcpNetConnectOpts } from 'node:net'
import type { ExchangeDeadline } from './exchange-deadline.js'
import { GuardError } from './fault.js'

// Options of the connection are passed on; some are missing in Node's types.
type ExchangeOptions = RequestOptions &
  Pick<TcpNetConnectOpts, 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'>

/** Sends one request over its own connection, up to the head of the response. */
export function exchange(
  options: ExchangeOptions,
  content: Buffer | undefined,
  deadline: ExchangeDeadline,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(options, resolve)
    request.once('socket', (socket) => {
      socket.once('connect', () => deadline.reached()).once('secureConnect', () => deadline.connected())
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The answer is not HTTP, or its headers exceed the bounds.
      const answered = error.code?.startsWith('HPE_') === true
      reject(
        answered
          ? new GuardError('unusable', `the response is malformed (${error.code})`)
          : deadline.cause(error),
      )
    })
    // These do not emit `response`, nor always `error`; without a listener the exchange would never end.
    request.on('upgrade', (_message, socket) => {
      socket.destroy()
      reject(new GuardError('unusable', 'the response switches to another protocol'))
    })
    request.on('close', () =>
      reject(deadline.cause(new GuardError('unusable', 'the connection ended without a response'))),
    )
    request.end(content)
  })
}

/** The response for our callers. The connection is closed when anything is wrong with it. */
export function toResponse(message: IncomingMessage, maxBytes: number, deadline: ExchangeDeadline): Response {
  try {
    return readHead(message, maxBytes, deadline)
  } catch (error) {
    message.destroy()
    throw error
  }
}

function readHead(message: IncomingMessage, maxBytes: number, deadline: ExchangeDeadline): Response {
  const status = message.statusCode as number
  if (status < 200 || status > 599) throw new GuardError('unusable', 'the status is no HTTP status')
  const headers = headersOf(message)
  if ((headers.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity')
    throw new GuardError('unusable', 'the content has a coding that was not asked for')
  const bodiless = status === 204 || status === 205 || status === 304
  if (bodiless) {
    // Content that comes all the same is ignored.
    deadline.end()
    message.destroy()
  }
  return new Response(bodiless ? null : streamOf(message, maxBytes, deadline), { status, headers })
}

// From `rawHeaders`: in some versions of Node, its header objects throw for a field named `__proto__`.
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    try {
      headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string)
    } catch {
      throw new GuardError('unusable', 'a response header is malformed')
    }
  }
  return headers
}

/** Reads on demand, so that at most one chunk is in memory. */
function streamOf(
  message: IncomingMessage,
  maxBytes: number,
  deadline: ExchangeDeadline,
): ReadableStream<Uint8Array> {
  const chunks = bounded(message, maxBytes, deadline)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      cancel() {
        deadline.end()
        message.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}

async function* bounded(
  message: IncomingMessage,
  maxBytes: number,
  deadline: ExchangeDeadline,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new GuardError('unusable', `the response is longer than ${maxBytes} bytes`)
      yield chunk
    }
  } catch (error) {
    throw deadline.cause(error)
  } finally {
    deadline.end()
  }
}
