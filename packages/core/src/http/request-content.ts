import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { parseJson } from '../json.js'
import { fixedLimits } from '../limits.js'
import { refuseUnread } from './content.js'
import { fieldLines, type HttpRequest, hasBody, trimField } from './message.js'

/**
 * The content of a request, on routes that ask for it (`content: true`): what was signed, so what a decision can rest
 * on. It is the caller's own word all the same.
 */
export interface RequestContent {
  /** The media type in lower case, without parameters; empty where the request names none. */
  readonly type: string
  /** As received; at most as many as the option `limits.body` says. */
  readonly bytes: Uint8Array
  /**
   * The content parsed, where `type` is `application/json` or ends with `+json`; otherwise absent. Handlers are free to
   * parse content of any type, so do not take the absence for an empty object.
   */
  readonly json?: unknown
}

/** What every reader of JSON is given by the same bytes. */
const charsets: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])

/**
 * Says what content is. Refused is what a parser behind us could read as something else: several types, a content
 * coding, JSON in another charset than UTF-8, with a member twice or one called `__proto__`, or none at all.
 */
export function describeContent(rawHeaders: readonly string[], bytes: Uint8Array): RequestContent | Refusal {
  const types = fieldLines(rawHeaders, 'content-type').map(trimField)
  if (types.length > 1) return refuse('invalid_request', 'The content has several types')
  const codings = fieldLines(rawHeaders, 'content-encoding').map(trimField)
  if (codings.some((coding) => coding.toLowerCase() !== 'identity'))
    return refuse('invalid_request', 'The content has a content coding, which is not taken here')
  const [type = '', ...parameters] = (types[0] ?? '').split(';').map((part) => part.trim().toLowerCase())
  if (type !== 'application/json' && !type.endsWith('+json')) return { type, bytes }
  const charset = parameters.filter((parameter) => parameter.startsWith('charset'))
  if (!charset.every((parameter) => charsets.has(parameter.slice('charset='.length).replaceAll('"', ''))))
    return refuse('invalid_request', 'JSON is in UTF-8')
  const parsed = parseBytes(bytes)
  return parsed === undefined
    ? refuse('invalid_request', 'The content is no JSON, or has a member twice')
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

// Beside the request, which an adapter may have frozen, and for as long as it is there.
const read = new WeakMap<HttpRequest, RequestContent>()

/** The content of a request that {@link readRequestContent} has read. */
export function contentOf(request: HttpRequest): RequestContent | undefined {
  return read.get(request)
}

/**
 * Reads the content for those who decide. Call it when the signature has been verified, which has to cover the digest
 * of the content.
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
  if (!(bytes instanceof Uint8Array)) return refuseUnread(bytes, diagnose)
  if (bytes.length === 0) return undefined
  const content = describeContent(request.rawHeaders, bytes)
  if (content instanceof Refusal) return content
  read.set(request, content)
  return undefined
}
