import { type IncomingMessage, request as openRequest } from 'node:http'
import { GuardError } from '@countersign/core'
import { issuerLimits } from '@countersign/core/adapter'
import { toWire, type WireRequest } from './request.js'

/** Host → port on 127.0.0.1. */
export type Routes = ReadonlyMap<string, number> | Readonly<Record<string, number>>

/** Limits on an answer. */
export interface LoopbackBounds {
  /** Bytes of content. */
  readonly bytes: number
  /** Bytes of the block of headers. */
  readonly headerBytes: number
  /** Milliseconds until the last byte. */
  readonly ms: number
}

/** The limits of the guarded fetch, which this one replaces in a resource. */
export const guardBounds: LoopbackBounds = {
  bytes: issuerLimits.jwksBytes,
  headerBytes: issuerLimits.headerBytes,
  ms: issuerLimits.timeout,
}

/** The limits of an agent: any answer of a resource, and long polls. */
export const agentBounds: LoopbackBounds = { bytes: 16 * 1024 * 1024, headerBytes: 64 * 1024, ms: 120_000 }

/** The port a host listens on, or `undefined` for a host that is not of the town. */
export function portOf(routes: Routes, host: string): number | undefined {
  if (routes instanceof Map) return routes.get(host)
  return Object.hasOwn(routes, host) ? (routes as Readonly<Record<string, number>>)[host] : undefined
}

/**
 * A `fetch` for which `https://host/…` is plain HTTP to 127.0.0.1 at that host's port. URL and `Host` stay what they
 * are, so identifiers and `@authority` stay real; only the transport changes.
 *
 * Hosts without a route go to `fallback`; without one they are refused, so that nothing in a test reaches the network
 * by mistake. Redirects are never followed: a `3xx` is returned as it is, or rejected with `redirect: 'error'`. Bodies
 * are buffered, within the bounds of the guarded fetch: 256 KiB, 16 KiB of headers, 5 s. Rejects with `GuardError` when an
 * answer is beyond them or is no HTTP, with `TypeError` as `fetch` does, and with the reason of `signal` when that aborts.
 *
 * @example
 * ```ts
 * import { createLoopbackFetch } from '@countersign/devkit'
 *
 * const fetchLocal = createLoopbackFetch({ 'notes.example': 3000 })
 * const response = await fetchLocal('https://notes.example/notes')
 * ```
 */
export function createLoopbackFetch(
  routes: Routes,
  fallback?: typeof globalThis.fetch,
): typeof globalThis.fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    const port = url.protocol === 'https:' && url.port === '' ? portOf(routes, url.hostname) : undefined
    if (port === undefined) {
      if (fallback !== undefined) return fallback(input, init)
      throw new TypeError(`no loopback route to ${url.origin}`)
    }
    const request = new Request(input, init)
    const response = await sendToLoopback(port, await fromFetch(request), request.signal, guardBounds)
    if (request.redirect === 'error' && response.status >= 300 && response.status < 400) {
      throw new TypeError(`unexpected redirect from ${url.host}`)
    }
    return response
  }
}

/** A fetch request as a wire request. */
export async function fromFetch(request: Request): Promise<WireRequest> {
  const url = new URL(request.url)
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
  return toWire({
    method: request.method,
    url: `https://${url.host}${url.pathname}${url.search}`,
    headers: [...request.headers],
    ...(body === undefined ? {} : { body }),
  })
}

/**
 * Sends a request to 127.0.0.1 and reads the whole response. Rejects when the connection fails, `signal` aborts or the
 * response is beyond its bounds; nothing more is read of it then.
 *
 * @param bounds default: 16 MiB, 64 KiB of headers, 120 s
 *
 * @example
 * ```ts
 * import { sendToLoopback, toWire } from '@countersign/devkit'
 *
 * const response = await sendToLoopback(3000, toWire({ url: 'https://notes.example/a/../notes' }))
 * ```
 */
export function sendToLoopback(
  port: number,
  request: WireRequest,
  signal?: AbortSignal,
  bounds: LoopbackBounds = agentBounds,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = openRequest({
      host: '127.0.0.1',
      port,
      method: request.method,
      path: request.target,
      headers: request.rawHeaders as string[],
      agent: false,
      maxHeaderSize: bounds.headerBytes,
      ...(signal === undefined ? {} : { signal }),
    })
    const late = setTimeout(() => {
      outgoing.destroy(new Error(`no complete response within ${bounds.ms} ms`))
    }, bounds.ms)
    const fail = (cause: Error): void =>
      reject(signal?.aborted === true ? signal.reason : asFetchError(cause))
    outgoing.on('error', fail)
    outgoing.on('close', () => {
      clearTimeout(late)
      // After an answer or an error this has no effect.
      fail(new Error('the connection was closed without an answer'))
    })
    outgoing.on('response', (incoming) => {
      readBounded(incoming, bounds.bytes)
        .then((content) => resolve(toResponse(incoming, content, request)))
        .catch((cause: Error) => {
          fail(cause)
          outgoing.destroy()
        })
    })
    outgoing.end(request.body)
  })
}

/** An answer that is not HTTP or is over the limits; everything else is a network error. */
function asFetchError(cause: NodeJS.ErrnoException): Error {
  if (cause instanceof GuardError) return cause
  return cause.code?.startsWith('HPE_') === true
    ? new GuardError('unusable', `the response is malformed (${cause.code})`)
    : new TypeError('fetch failed', { cause })
}

async function readBounded(incoming: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > most) throw new GuardError('unusable', `the response is longer than ${most} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

// The Fetch standard allows no body, not even an empty one, with these.
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

function toResponse(incoming: IncomingMessage, body: Buffer, request: WireRequest): Response {
  const status = incoming.statusCode as number
  if (status < 200 || status > 599) throw new GuardError('unusable', 'no HTTP status')
  const headers = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] as string, incoming.rawHeaders[i + 1] as string)
  }
  const statusText = incoming.statusMessage ?? ''
  const response = new Response(bodiless.has(status) ? null : new Uint8Array(body), {
    status,
    statusText,
    headers,
  })
  // A constructed Response has no URL of its own, but users of fetch read it.
  Object.defineProperty(response, 'url', { value: `https://${request.host}${request.target}` })
  return response
}
