import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { parseJsonObject } from '../json.js'
import { type ContentFault, fieldValue, type HttpRequest, hasBody } from './message.js'

/**
 * The refusal of a request whose content has to be read and cannot be. If something before the guard has read it,
 * that is a fault of this server, not of the caller, and is reported to the operator.
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

/** A limit that content exceeds. */
export interface ContentOver {
  readonly request: HttpRequest
  /** Bytes. */
  readonly limit: number
  /** What sets the limit: the name of the option, if there is one. */
  readonly bound: string
}

/** How long the content is, as far as known, and which limit it exceeds. */
export function tooLong({ request, limit, bound }: ContentOver): string {
  const said = fieldValue(request.rawHeaders, 'content-length') ?? ''
  const length = /^[0-9]{1,15}$/.test(said) ? ` of ${said} bytes` : ''
  return `The content${length} is over ${bound} (${limit})`
}

/** How {@link readJsonObject} reads the content. */
export interface JsonReading {
  /** Limit on the bytes of content. */
  readonly limit: number
  readonly diagnose: Diagnose
  /** Whether any `Content-Type`, or none, is accepted. Default `false`: only `application/json`. */
  readonly anyType?: boolean
}

/** Reads the content as a JSON object. All of our endpoints that accept JSON use this. */
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

/** Is called with every request, before it is checked; see {@link createNoticeContent}. */
export type NoticeContent = (request: HttpRequest) => void

/**
 * Reports a body parser before the guard to the operator (`AAUTH_CONTENT_CONSUMED`), at the first request with
 * content. The first request that is refused because of it could be too late: it may be a revocation.
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

/** What to do about the reader of content of this type. */
function readerOf({ rawHeaders }: HttpRequest): string | undefined {
  const type = fieldValue(rawHeaders, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type.startsWith('multipart/'))
    return 'it was an upload: only the guard before its parser helps, as multer keeps no bytes'
  if (!/^application\/(?:(?:[a-z0-9.-]+\+)?json|x-www-form-urlencoded)$/.test(type)) return undefined
  const parser = type.endsWith('json') ? 'json' : 'urlencoded'
  return `express.${parser}({ verify: (req, res, bytes) => { req.rawBody = bytes } }) keeps them`
}
