import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { parseJsonObject } from '../json.js'
import { type ContentFault, fieldValue, type HttpRequest, hasBody } from './message.js'

/**
 * The refusal of a request whose content has to be read and cannot be. Content that something before the guard has read
 * is a fault of this server, not of the caller, and is reported to the operator.
 */
export function refuseUnread(
  fault: ContentFault | undefined,
  diagnose: Diagnose,
  over?: ContentOver,
): Refusal {
  switch (fault) {
    case 'too-large':
      return refuse('content_too_large', over === undefined ? undefined : tooLong(over))
    case 'aborted':
      return refuse('invalid_request', 'The content ended before it was complete; send the request again')
    case 'overloaded':
      return new Refusal('overloaded', { retryAfter: 1 })
    case 'consumed':
    case undefined:
      diagnose('AAUTH_CONTENT_CONSUMED', over === undefined ? undefined : readerOf(over.request))
      return new Refusal('server_error', {
        reason: 'the content was read before it reached the guard; see AAUTH_CONTENT_CONSUMED',
      })
  }
}

/** What content that is too long is over. */
export interface ContentOver {
  readonly request: HttpRequest
  /** Bytes. */
  readonly limit: number
  /** What bounds it: the option, where it is one. */
  readonly bound: string
}

/** Says how long content is, as far as the request says it, and what it is over. */
export function tooLong({ request, limit, bound }: ContentOver): string {
  const said = fieldValue(request.rawHeaders, 'content-length') ?? ''
  const length = /^[0-9]{1,15}$/.test(said) ? ` of ${said} bytes` : ''
  return `The content${length} is over ${bound} (${limit})`
}

/** How {@link readJsonObject} reads the content. */
export interface JsonReading {
  /** The most bytes of content. */
  readonly limit: number
  readonly diagnose: Diagnose
  /** Whether any `Content-Type` is accepted, and none. Default `false`: only `application/json`. */
  readonly anyType?: boolean
}

/** Reads the content as a JSON object, for all of our endpoints that take JSON. */
export async function readJsonObject(
  request: HttpRequest,
  { limit, diagnose, anyType = false }: JsonReading,
): Promise<Record<string, unknown> | Refusal> {
  if (!anyType && !isJson(request)) return refuse('invalid_request', 'Content-Type must be application/json')
  const content = await request.body?.(limit)
  if (!(content instanceof Uint8Array))
    return refuseUnread(content, diagnose, { request, limit, bound: 'what is read here' })
  return (
    parseBytes(content) ??
    refuse('invalid_request', 'The content must be a JSON object in UTF-8, with no member twice')
  )
}

/** Whether `Content-Type` is `application/json`, with any parameters. */
function isJson({ rawHeaders }: HttpRequest): boolean {
  return /^application\/json[ \t]*(?:;|$)/i.test(fieldValue(rawHeaders, 'content-type') ?? '')
}

/** Content as a JSON object; `undefined` when it is none, or not in UTF-8. */
function parseBytes(content: Uint8Array): Record<string, unknown> | undefined {
  try {
    return parseJsonObject(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch {
    return undefined
  }
}

/** Is shown every request, before it is judged; see {@link createNoticeContent}. */
export type NoticeContent = (request: HttpRequest) => void

/**
 * Reports a body parser before the guard to the operator (`AAUTH_CONTENT_CONSUMED`), on the first request with content.
 * Waiting for the first request that is refused for it could be too late: that may be a revocation.
 */
export function createNoticeContent(diagnose: Diagnose): NoticeContent {
  let told = false
  return (request) => {
    // `GET` and `HEAD` usually have no content, and this is part of every request.
    if (told || request.method === 'GET' || request.method === 'HEAD') return
    if (request.isConsumed?.() !== true || !hasBody(request)) return
    told = true
    diagnose('AAUTH_CONTENT_CONSUMED', readerOf(request))
  }
}

/** What to do about whatever has read content of this type. */
function readerOf({ rawHeaders }: HttpRequest): string | undefined {
  const type = fieldValue(rawHeaders, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type.startsWith('multipart/'))
    return 'it was an upload: only the guard before its parser helps, as multer keeps no bytes'
  if (!/^application\/(?:(?:[a-z0-9.-]+\+)?json|x-www-form-urlencoded)$/.test(type)) return undefined
  const parser = type.endsWith('json') ? 'json' : 'urlencoded'
  return `express.${parser}({ verify: (req, res, bytes) => { req.rawBody = bytes } }) keeps them`
}
