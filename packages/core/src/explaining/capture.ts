import { type HttpRequest, hasBody } from '../http/message.js'
import { readCurl } from './curl.js'
import type { CapturedFields } from './fields.js'

/** An entry of a HAR file (`log.entries[n]`), as browsers and proxies save it. */
export interface HarEntry {
  /** When the request was sent. */
  readonly startedDateTime?: string
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: readonly { readonly name: string; readonly value: string }[]
    readonly postData?: { readonly text?: string; readonly encoding?: string }
  }
}

/** A captured request: its bytes or their text, a `curl` command, an entry of a HAR file, or its parts. */
export type CapturedRequest = string | Uint8Array | HarEntry | CapturedFields

/** A captured request in the form that a server receives. */
export interface Captured {
  readonly request: HttpRequest
  /** Milliseconds; `undefined` when the capture does not say when it was made. */
  readonly at: number | undefined
}

/** Limit on the bytes of a captured request. */
const longest = 8 * 1_048_576

/** @throws TypeError when it is no request, or in a form that is not supported */
export function readCapture(captured: CapturedRequest): Captured {
  if (typeof captured === 'string' || captured instanceof Uint8Array) {
    if (captured.length > longest) throw new TypeError(`explain: a request has at most ${longest} bytes`)
    const text = typeof captured === 'string' ? captured : Buffer.from(captured).toString('latin1')
    if (/^\s*(?:\$ )?curl\s/.test(text)) return { request: requestOf(readCurl(text)), at: undefined }
    const bytes = typeof captured === 'string' ? Buffer.from(captured) : Buffer.from(captured)
    return { request: requestOf(readMessage(bytes)), at: undefined }
  }
  if (typeof captured !== 'object' || captured === null)
    throw new TypeError('explain: expected a captured request')
  return 'request' in captured ? readHar(captured) : { request: requestOf(captured), at: undefined }
}

function readHar({ startedDateTime, request }: HarEntry): Captured {
  const { method, url, headers, postData } = request
  const at = startedDateTime === undefined ? Number.NaN : Date.parse(startedDateTime)
  const text = postData?.text
  const body =
    text === undefined ? undefined : postData?.encoding === 'base64' ? Buffer.from(text, 'base64') : text
  return {
    request: requestOf({
      method,
      url,
      headers: headers.map(({ name, value }) => [name, value] as const),
      body,
    }),
    at: Number.isNaN(at) ? undefined : at,
  }
}

/** An HTTP/1.1 message as sent. In text that was copied, lines may end in a line feed. */
function readMessage(bytes: Buffer): CapturedFields {
  const [, head = ''] = /^(.*?)(?:\r?\n\r?\n|$)/s.exec(bytes.toString('latin1')) ?? []
  const [first = '', ...lines] = head.split(/\r?\n/)
  const [, method, url] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? []
  if (method === undefined || url === undefined)
    throw new TypeError('explain: the capture does not begin with a request line such as GET /notes HTTP/1.1')
  const headers = lines
    .filter((line) => line !== '')
    .map((line): [string, string] => {
      const [, name, value] = /^([^\s:]+):(.*)$/.exec(line) ?? []
      if (name === undefined || value === undefined)
        throw new TypeError('explain: a line of the capture is no header field')
      return [name, value.trim()]
    })
  if (headers.some(([name, value]) => /^transfer-encoding$/i.test(name) && /chunked/i.test(value)))
    throw new TypeError(
      'explain: the content is chunked; give the request in its parts, with the content as body',
    )
  const rest = bytes.subarray(head.length)
  const gap = /^\r?\n\r?\n/.exec(rest.subarray(0, 4).toString('latin1'))?.[0].length ?? 0
  const body = rest.subarray(gap)
  return { method, url, headers, ...(body.length === 0 ? {} : { body }) }
}

function requestOf({ method, url, headers, body }: CapturedFields): HttpRequest {
  if (typeof method !== 'string' || typeof url !== 'string')
    throw new TypeError('explain: method and url must be strings')
  const pairs = pairsOf(headers)
  const [, authority, path] = /^https?:\/\/([^/?#]*)([^#]*)/i.exec(url) ?? []
  const target = path === undefined ? url : path.startsWith('/') ? path : `/${path}`
  // Browsers list the pseudo-fields of HTTP/2 among the fields.
  const named = pairs.find(([name]) => name.toLowerCase() === ':authority')?.[1] ?? authority
  const lines = pairs.filter(([name]) => !name.startsWith(':'))
  const host =
    lines.some(([name]) => name.toLowerCase() === 'host') || named === undefined ? [] : ['Host', named]
  const rawHeaders = [...host, ...lines.flat()]
  const content = body === undefined ? undefined : Buffer.from(body as string)
  const hasContent = (content !== undefined && content.length > 0) || hasBody({ rawHeaders })
  return {
    method,
    target,
    rawHeaders,
    hasContent,
    ...(content === undefined && hasContent
      ? {}
      : {
          body: async (limit) =>
            (content ?? Buffer.alloc(0)).length > limit ? 'too-large' : (content ?? Buffer.alloc(0)),
        }),
  }
}

function pairsOf(headers: CapturedFields['headers']): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = []
  const add = (name: unknown, value: unknown): void => {
    if (typeof name !== 'string' || typeof value !== 'string')
      throw new TypeError('explain: names and values of headers must be strings')
    pairs.push([name, value])
  }
  if (!Array.isArray(headers)) {
    for (const [name, values] of Object.entries(headers as object))
      for (const value of [values].flat()) add(name, value)
  } else if (typeof headers[0] === 'string') {
    for (let i = 0; i < headers.length; i += 2) add(headers[i], headers[i + 1])
  } else for (const pair of headers as readonly unknown[][]) add(pair[0], pair[1])
  return pairs
}
