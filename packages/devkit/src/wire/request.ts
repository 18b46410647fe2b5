/** A request, as a party of a town writes it. */
export interface TownRequest {
  /** Default `GET`. */
  readonly method?: string
  /**
   * `https://host/target`. Only the host is read; everything after it goes on the wire as written, so that a test can
   * send `//x`, `/a/../b` or `/%2e%2e` without a URL parser tidying it away.
   */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[]
  /** Text is sent as UTF-8; no content type is added for it. */
  readonly body?: string | Uint8Array
}

/** A request as it is sent: the target and the field lines exactly as the receiver sees them. */
export interface WireRequest {
  readonly method: string
  readonly host: string
  /** Origin form: `/path?query`. */
  readonly target: string
  /** All field lines in order, alternating name and value, `Host` and `Content-Length` included. */
  readonly rawHeaders: readonly string[]
  readonly body?: Uint8Array
}

// RFC 9110, 8.6: without it a method that usually has content would be sent chunked, as if it had some.
const methodsWithContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/**
 * Adds `Host` and `Content-Length`, and nothing else.
 *
 * @example
 * ```ts
 * import { toWire } from '@countersign/devkit'
 *
 * const request = toWire({ method: 'POST', url: 'https://notes.example/notes', body: 'Milk' })
 * console.log(request.rawHeaders) // ['Host', 'notes.example', 'Content-Length', '4']
 * ```
 */
export function toWire(request: TownRequest): WireRequest {
  const { host, target } = splitUrl(request.url)
  const { method = 'GET' } = request
  const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body
  const headers = request.headers ?? []
  const lines = Array.isArray(headers) ? (headers as [string, string][]) : Object.entries(headers)
  const rawHeaders = ['Host', host, ...lines.flat()]
  if (body !== undefined || methodsWithContent.has(method)) {
    rawHeaders.push('Content-Length', String(body?.length ?? 0))
  }
  return { method, host, target, rawHeaders, ...(body === undefined ? {} : { body }) }
}

/**
 * The same request with more field lines at its end.
 *
 * @example
 * ```ts
 * import { toWire, withHeaders } from '@countersign/devkit'
 *
 * const request = withHeaders(toWire({ url: 'https://notes.example/notes' }), { Accept: 'text/plain' })
 * ```
 */
export function withHeaders(request: WireRequest, headers: Readonly<Record<string, string>>): WireRequest {
  return { ...request, rawHeaders: [...request.rawHeaders, ...Object.entries(headers).flat()] }
}

/** The URL of a request, as the ledger and people write it. */
export function urlOf(request: Pick<WireRequest, 'host' | 'target'>): string {
  return `https://${request.host}${request.target}`
}

function splitUrl(url: string): { host: string; target: string } {
  const match = /^https:\/\/([^/?#\\@:]+)([^#]*)$/s.exec(url)
  if (match === null) throw new TypeError(`not an https URL without port and fragment: ${url}`)
  const [, host, rest] = match as unknown as [string, string, string]
  return { host, target: rest.startsWith('/') ? rest : `/${rest}` }
}
