import { type IncomingMessage, request as openRequest } from 'node:http'
import { toWire, type WireRequest } from './request.js'

/** Host → port on 127.0.0.1. */
export type Routes = ReadonlyMap<string, number> | Readonly<Record<string, number>>

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
 * are buffered. Rejects with `TypeError` as `fetch` does, and with the reason of `signal` when that aborts.
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
    const response = await sendToLoopback(port, await fromFetch(request), request.signal)
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

/** Sends a request to 127.0.0.1 and reads the whole response. Rejects when the connection fails or `signal` aborts. */
export function sendToLoopback(port: number, request: WireRequest, signal?: AbortSignal): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = openRequest({
      host: '127.0.0.1',
      port,
      method: request.method,
      path: request.target,
      headers: request.rawHeaders as string[],
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    })
    const fail = (cause: Error) =>
      reject(signal?.aborted === true ? signal.reason : new TypeError('fetch failed', { cause }))
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', fail)
      incoming.on('end', () => resolve(toResponse(incoming, Buffer.concat(chunks), request)))
    })
    outgoing.end(request.body)
  })
}

// The Fetch standard allows no body, not even an empty one, with these.
const bodiless: ReadonlySet<number> = new Set([204, 205, 304])

function toResponse(incoming: IncomingMessage, body: Buffer, request: WireRequest): Response {
  const headers = new Headers()
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i] as string, incoming.rawHeaders[i + 1] as string)
  }
  const status = incoming.statusCode as number
  const statusText = incoming.statusMessage ?? ''
  const response = new Response(bodiless.has(status) ? null : new Uint8Array(body), {
    status,
    statusText,
    headers,
  })
  // A constructed Response has no URL of its own, and users of fetch look at it.
  Object.defineProperty(response, 'url', { value: `https://${request.host}${request.target}` })
  return response
}
