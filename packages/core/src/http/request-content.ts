import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { parseJson } from '../json.js'
import { fixedLimits } from '../limits.js'
import { refuseUnread } from './content.js'
import { fieldLines, type HttpRequest, hasBody, trimField } from './message.js'

/**
 * The content of a request, on routes with `content: true`. The signature covers it, so it is what the caller sent.
 * It is still untrusted input.
 */
export interface RequestContent {
  /** The media type in lower case, without parameters; empty if the request has none. */
  readonly type: string
  /** The content as received, at most as long as the option `limits.body`. */
  readonly bytes: Uint8Array
  /**
   * The parsed content if `type` is `application/json` or ends with `+json`; otherwise absent. Handlers may parse
   * content of any type, so do not treat its absence as an empty object.
   */
  readonly json?: unknown
}

/** Charsets in which all JSON parsers read these bytes alike. */
const charsets: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])

/**
 * Parses content for policies. Content that the application's parser could read differently is refused: with several
 * types or a content coding, and JSON that is invalid, not UTF-8, or has a repeated member or one named `__proto__`.
 */
export function describeContent(rawHeaders: readonly string[], bytes: Uint8Array): RequestContent | Refusal {
  const types = fieldLines(rawHeaders, 'content-type').map(trimField)
  if (types.length > 1) return refuse('invalid_request', 'Content-Type must be given once')
  const codings = fieldLines(rawHeaders, 'content-encoding').map(trimField)
  if (codings.some((coding) => coding.toLowerCase() !== 'identity'))
    return refuse(
      'invalid_request',
      'Content-Encoding is not accepted here; send the content without a coding',
    )
  const [type = '', ...parameters] = (types[0] ?? '').split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'application/json' && !type.endsWith('+json')) return { type, bytes }
  const charset = parameters.filter((parameter) => parameter.startsWith('charset'))
  if (!charset.every((parameter) => charsets.has(parameter.slice('charset='.length).replaceAll('"', ''))))
    return refuse('invalid_request', 'JSON must be in UTF-8')
  const parsed = parseBytes(bytes)
  return parsed === undefined
    ? refuse('invalid_request', 'The content must be valid JSON with no member twice')
    : { type, bytes, json: parsed.value }
}

function parseBytes(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return parseJson(text, fixedLimits.contentJsonSize)
  } catch {
    return undefined
  }
}

// Kept beside the request, because an adapter may have frozen it.
const read = new WeakMap<HttpRequest, RequestContent>()

/** The content that {@link readRequestContent} has read for a request; `undefined` if it has not, or there is none. */
export function contentOf(request: HttpRequest): RequestContent | undefined {
  return read.get(request)
}

/**
 * Reads the content for policies and approvers. Call it after the signature was verified. The signature must cover
 * the digest of the content.
 *
 * @param limit bytes
 */
export async function readRequestContent(
  request: HttpRequest,
  limit: number,
  diagnose: Diagnose,
): Promise<Refusal | undefined> {
  if (!hasBody(request)) return undefined
  const bytes = await request.body?.(limit)
  if (!(bytes instanceof Uint8Array))
    return refuseUnread(bytes, diagnose, { request, limit, bound: 'limits.body' })
  if (bytes.length === 0) return undefined
  const content = describeContent(request.rawHeaders, bytes)
  if (content instanceof Refusal) return content
  read.set(request, content)
  return undefined
}
