import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import type { TokenCaller } from '../caller.js'
import type { DenialCheck } from '../denial/denials.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal } from '../errors.js'
import type { DenialKind } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { ReplayMode, Replays } from '../replay/replays.js'
import type { Revocations } from '../revocation/revocations.js'
import { checkContent } from '../signature/content-check.js'
import type { ReadSignature } from '../signature/read.js'
import type { BreakGlassCheck } from '../store/break-glass.js'
import type { Trace } from '../trace.js'

/** The dependencies of {@link checkVerified}. */
export interface VerifiedCheckContext {
  readonly revocations: Revocations
  readonly denials: Pick<DenialCheck, 'find'>
  readonly replays: Replays
  readonly breakGlass: BreakGlassCheck
  /** Whether a signature is accepted only once on this route. */
  readonly replay: ReplayMode
  /** Bytes of content read to check its digest. */
  readonly bodyLimit: number
  readonly diagnose: Diagnose
  /** Told of each check; absent but for an explanation. */
  readonly trace?: Trace | undefined
}

/**
 * The checks of a request whose token and signature have verified, in this order: its issuer has revoked the token, the
 * operator denies the caller, the content is not what was signed. They run on every request, whatever was cached of its
 * token, and wait for nothing where the store answers at once. Where the store cannot be asked the request is refused
 * (`store_unavailable`), unless a break-glass order lets it pass. Whether the signature was used before is checked when the
 * request is about to be served ({@link Replays}).
 *
 * Store operations: two reads, sent together.
 */
export function checkVerified(
  request: HttpRequest,
  read: ReadSignature,
  caller: TokenCaller,
  context: VerifiedCheckContext,
): Awaitable<Refusal | undefined> {
  context.replays.keep(request, read, caller.jkt, context.replay)
  context.trace?.('revocation', `jti ${caller.token.jti}, key ${caller.jkt}`)
  return andThen(checkStops(caller, context), (refusal) => {
    if (refusal !== undefined) return refusal
    context.trace?.('digest', read.covered.includes('content-digest') ? 'covered' : 'not covered')
    return checkContent(request, read, context)
  })
}

function checkStops(caller: TokenCaller, context: VerifiedCheckContext): Awaitable<Refusal | undefined> {
  const revoked = context.revocations.has(caller.token)
  const denied = context.denials.find(caller)
  return isPromiseLike(revoked) || isPromiseLike(denied)
    ? settleStops(caller, revoked, denied, context)
    : judgeStops(caller, revoked, denied)
}

async function settleStops(
  caller: TokenCaller,
  revoked: Awaitable<boolean>,
  denied: Awaitable<DenialKind | undefined>,
  { breakGlass }: VerifiedCheckContext,
): Promise<Refusal | undefined> {
  const [revocation, denial] = await Promise.allSettled([revoked, denied])
  const known = judgeStops(
    caller,
    revocation.status === 'fulfilled' && revocation.value,
    denial.status === 'fulfilled' ? denial.value : undefined,
  )
  if (known !== undefined) return known
  return (
    (revocation.status === 'rejected' ? breakGlass.refuse('revocation', revocation.reason) : undefined) ??
    (denial.status === 'rejected' ? breakGlass.refuse('denial', denial.reason) : undefined)
  )
}

function judgeStops(
  caller: TokenCaller,
  revoked: boolean,
  denied: DenialKind | undefined,
): Refusal | undefined {
  if (revoked) {
    // AAuth 11.12.5: the way back from a revoked auth token starts at the person token, never at a resource token.
    return new Refusal('revoked_jwt', caller.kind === 'grant' ? { requirement: 'person-token' } : {})
  }
  return denied === undefined
    ? undefined
    : new Refusal('access_denied', { reason: `denied by the operator (${denied})` })
}
