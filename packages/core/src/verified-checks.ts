import { andThen } from './awaitable.js'
import type { Caller } from './caller.js'
import { Refusal, refuse } from './errors.js'
import { type ContentFault, fieldValue, type HttpRequest } from './http.js'
import type { Diagnose } from './observe/diagnostics.js'
import type { Revocations } from './revocation/revocations.js'
import { checkContentDigest } from './signature/content-digest.js'
import type { ReadSignature } from './signature/read.js'
import type { Awaitable } from './store/store.js'

/** What the checks after verification work with. */
export interface VerifiedCheckContext {
  readonly revocations: Revocations
  /** Bytes of content read to check its digest. */
  readonly bodyLimit: number
  readonly diagnose: Diagnose
}

/**
 * What may still be wrong with a request whose token and signature have verified, in this order: the token was
 * withdrawn, the content is not what was signed. They run on every request, whatever was cached of its token, and
 * wait for nothing where the store answers at once.
 */
export function checkVerified(
  request: HttpRequest,
  read: ReadSignature,
  caller: Caller,
  context: VerifiedCheckContext,
): Awaitable<Refusal | undefined> {
  return andThen(context.revocations.has(caller.token), (revoked) =>
    revoked ? refuseRevoked(caller) : checkDigest(request, read, context),
  )
}

// AAuth 11.12.5: the way back from a revoked auth token starts at the person token, never at a resource token.
function refuseRevoked(caller: Caller): Refusal {
  return new Refusal('revoked_jwt', caller.kind === 'grant' ? { requirement: 'person-token' } : {})
}

/** A covered digest is only the header's word until it is held against the content as received (RFC 9421, 7.2.8). */
function checkDigest(
  request: HttpRequest,
  read: ReadSignature,
  context: VerifiedCheckContext,
): Awaitable<Refusal | undefined> {
  if (!read.covered.includes('content-digest')) return undefined
  const digest = fieldValue(request.rawHeaders, 'content-digest') as string
  if (request.body === undefined)
    return refuse('invalid_signature', 'The content is not at hand to check its digest')
  return andThen(request.body(context.bodyLimit), (content) =>
    typeof content === 'string' ? unreadable(content, context) : checkContentDigest(digest, content),
  )
}

function unreadable(fault: ContentFault, { diagnose }: VerifiedCheckContext): Refusal {
  switch (fault) {
    case 'too-large':
      return refuse('content_too_large')
    case 'aborted':
      return refuse('invalid_request', 'The content was cut off')
    case 'consumed':
      diagnose('AAUTH_CONTENT_CONSUMED')
      return refuse('invalid_signature', 'The content is not at hand to check its digest')
  }
}
