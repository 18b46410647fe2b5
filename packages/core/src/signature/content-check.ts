import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal, refuse } from '../errors.js'
import { type ContentFault, fieldValue, type HttpRequest } from '../http/message.js'
import { checkContentDigest } from './content-digest.js'
import type { ReadSignature } from './read.js'

/** The dependencies of {@link checkContent}. */
export interface ContentCheckContext {
  /** Bytes of content that are read. */
  readonly bodyLimit: number
  readonly diagnose: Diagnose
}

/**
 * Compares a covered `Content-Digest` with the content as received; the signature covers only the field (RFC 9421, 7.2.8).
 */
export function checkContent(
  request: HttpRequest,
  read: ReadSignature,
  { bodyLimit, diagnose }: ContentCheckContext,
): Awaitable<Refusal | undefined> {
  if (!read.covered.includes('content-digest')) return undefined
  const digest = fieldValue(request.rawHeaders, 'content-digest') as string
  if (request.body === undefined)
    return refuse('invalid_signature', 'This server could not read the content to check Content-Digest')
  return andThen(request.body(bodyLimit), (content) =>
    typeof content === 'string' ? refuseUnread(content, diagnose) : checkContentDigest(digest, content),
  )
}

/** The refusal where content had to be read and could not be. */
export function refuseUnread(fault: ContentFault, diagnose: Diagnose): Refusal {
  switch (fault) {
    case 'too-large':
      return refuse('content_too_large')
    case 'aborted':
      return refuse('invalid_request', 'The content was cut off')
    case 'no-room':
      return new Refusal('overloaded', { retryAfter: 1 })
    case 'consumed':
      diagnose('AAUTH_CONTENT_CONSUMED')
      return refuse('invalid_signature', 'This server could not read the content to check Content-Digest')
  }
}
