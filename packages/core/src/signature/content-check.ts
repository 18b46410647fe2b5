import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { Diagnose } from '../diagnostics.js'
import { type Refusal, refuse } from '../errors.js'
import { refuseUnread } from '../http/content.js'
import { checkContentDigest } from '../http/content-digest.js'
import { type ContentFault, fieldValue, type HttpRequest } from '../http/message.js'
import type { ReadSignature } from './read.js'

/** The dependencies of {@link checkContent}. */
export interface ContentCheckContext {
  /** Bytes of content that are read. */
  readonly bodyLimit: number
  readonly diagnose: Diagnose
  /**
   * At our own endpoints, content that was read before us is a failure of this server (`500`). On routes (default) it
   * is a signature that cannot be verified (`401`).
   */
  readonly isOwnEndpoint?: true
}

/**
 * Compares a covered `Content-Digest` with the content as received. The signature covers only the field (RFC 9421,
 * 7.2.8).
 */
export function checkContent(
  request: HttpRequest,
  read: ReadSignature,
  context: ContentCheckContext,
): Awaitable<Refusal | undefined> {
  if (!read.covered.includes('content-digest')) return undefined
  const digest = fieldValue(request.rawHeaders, 'content-digest') as string
  if (request.body === undefined) return refuseMissing(undefined, request, context)
  return andThen(request.body(context.bodyLimit), (content) =>
    typeof content === 'string'
      ? refuseMissing(content, request, context)
      : checkContentDigest(digest, content),
  )
}

function refuseMissing(
  fault: ContentFault | undefined,
  request: HttpRequest,
  { bodyLimit: limit, diagnose, isOwnEndpoint }: ContentCheckContext,
): Refusal {
  const bound = isOwnEndpoint === true ? 'what is read here' : 'limits.body'
  const refusal = refuseUnread(fault, diagnose, { request, limit, bound })
  return refusal.code !== 'server_error' || isOwnEndpoint === true
    ? refusal
    : refuse('invalid_signature', 'This server could not read the content to check Content-Digest')
}
