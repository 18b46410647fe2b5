import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { parseJsonObject } from '../json.js'
import { type ContentFault, fieldValue, type HttpRequest, hasBody } from './message.js'

/**
 * The answer where content has to be read and cannot be. Content that somebody read before us is a fault of this
 * server's, not of the caller's.
 */
export function refuseUnread(fault: ContentFault | undefined, diagnose: Diagnose): Refusal {
  switch (fault) {
    case 'too-large':
      return refuse('content_too_large')
    case 'aborted':
      return refuse('invalid_request', 'The content was cut off')
    case 'no-room':
      return new Refusal('overloaded', { retryAfter: 1 })
    case 'consumed':
    case undefined:
      diagnose('AAUTH_CONTENT_CONSUMED')
      return new Refusal('server_error', { reason: 'the content was read before it reached us' })
  }
}

/** How {@link readJsonObject} reads. */
export interface JsonReading {
  /** Bytes. */
  readonly limit: number
  readonly diagnose: Diagnose
  /** Whether `Content-Type` may say something else than `application/json`, or nothing. Default `false`. */
  readonly anyType?: boolean
}

/** The content as a JSON object: what all of our endpoints read that take JSON. */
export async function readJsonObject(
  request: HttpRequest,
  { limit, diagnose, anyType = false }: JsonReading,
): Promise<Record<string, unknown> | Refusal> {
  if (!anyType && !isJson(request)) return refuse('invalid_request', 'The content is not application/json')
  const content = await request.body?.(limit)
  if (!(content instanceof Uint8Array)) return refuseUnread(content, diagnose)
  return parseBytes(content) ?? refuse('invalid_request', 'The content is not a JSON object')
}

/** Whether `Content-Type` says JSON, parameters aside. */
function isJson({ rawHeaders }: HttpRequest): boolean {
  return /^application\/json[ \t]*(?:;|$)/i.test(fieldValue(rawHeaders, 'content-type') ?? '')
}

/** Bytes that are no UTF-8 are no JSON. */
function parseBytes(content: Uint8Array): Record<string, unknown> | undefined {
  try {
    return parseJsonObject(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch {
    return undefined
  }
}

/** Looks at a request, whatever is asked of its signature. */
export type NoticeContent = (request: HttpRequest) => void

/**
 * Tells the operator of a body parser in front of us on the first request that has content: not only on the first that
 * would be refused for it, which may be a revocation.
 */
export function createNoticeContent(diagnose: Diagnose): NoticeContent {
  let told = false
  return (request) => {
    // Content of the methods that usually have none is not worth a look at every request.
    if (told || request.method === 'GET' || request.method === 'HEAD') return
    if (request.isConsumed?.() !== true || !hasBody(request)) return
    told = true
    diagnose('AAUTH_CONTENT_CONSUMED')
  }
}
