import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import type { TokenCaller } from '../caller.js'
import type { DenialCheck } from '../denial/denials.js'
import type { Diagnose } from '../diagnostics.js'
import { Refusal } from '../errors.js'
import type { DenialKind } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { ReplayMode, Replays } from '../replay/replays.js'
import type { RevocationCheck } from '../revocation/revocations.js'
import { checkContent } from '../signature/content-check.js'
import type { ReadSignature } from '../signature/read.js'
import type { BreakGlassCheck } from '../store/break-glass.js'
import type { Trace } from '../trace.js'

/** The dependencies of {@link checkVerified}. */
export interface VerifiedCheckContext {
  readonly revocations: RevocationCheck
  readonly denials: Pick<DenialCheck, 'find' | 'mark' | 'under'>
  readonly replays: Replays
  readonly breakGlass: BreakGlassCheck
  /** Whether the store is asked while a signature is verified on another thread: one that does not answer at once. */
  readonly readsAhead?: boolean
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
 * Store operations: the reads of two marks, which go together, also with those of other requests; and where one of them has
 * changed, a few reads more at the first sight of a token.
 *
 * @param marks what {@link readMarks} has begun for this request
 */
export function checkVerified(
  request: HttpRequest,
  read: ReadSignature,
  caller: TokenCaller,
  context: VerifiedCheckContext,
  marks: Marks = readMarks(context),
): Awaitable<Refusal | undefined> {
  context.replays.keep(request, read, caller.jkt, context.replay)
  context.trace?.('revocation', `jti ${caller.token.jti}, key ${caller.jkt}`)
  return andThen(checkStops(caller, marks, context), (refusal) => {
    if (refusal !== undefined) return refusal
    context.trace?.('digest', read.covered.includes('content-digest') ? 'covered' : 'not covered')
    return checkContent(request, read, context)
  })
}

/** The marks of both lists by which a caller can be stopped, or what will be them. */
export interface Marks {
  readonly revoked: Awaitable<string | undefined>
  readonly denied: Awaitable<string | undefined>
}

/** Asks for the marks. Whoever refuses the request for something else need not wait for them. */
export function readMarks({
  revocations,
  denials,
}: Pick<VerifiedCheckContext, 'revocations' | 'denials'>): Marks {
  const marks = { revoked: revocations.mark(), denied: denials.mark() }
  quiet(marks.revoked)
  quiet(marks.denied)
  return marks
}

/** They are awaited one after the other, or not at all, so each may be rejected before anybody looks. */
function quiet(value: Awaitable<unknown>): void {
  if (isPromiseLike(value)) value.then(undefined, ignore)
}
const ignore = (): void => {}

function checkStops(
  caller: TokenCaller,
  marks: Marks,
  context: VerifiedCheckContext,
): Awaitable<Refusal | undefined> {
  if (isPromiseLike(marks.revoked) || isPromiseLike(marks.denied)) return settleStops(caller, marks, context)
  const revoked = context.revocations.under(marks.revoked, caller.token)
  const denied = context.denials.under(marks.denied, caller)
  if (!isPromiseLike(revoked) && !isPromiseLike(denied)) return judgeStops(caller, revoked, denied)
  quiet(revoked)
  quiet(denied)
  return settleStops(caller, marks, context)
}

/** A list that answers stops the caller, though the other one cannot be asked. */
async function settleStops(
  caller: TokenCaller,
  marks: Marks,
  { revocations, denials, breakGlass }: VerifiedCheckContext,
): Promise<Refusal | undefined> {
  let revoked: Awaitable<boolean> = false
  let denied: Awaitable<DenialKind | undefined>
  const failed: [use: 'revocation' | 'denial', cause: unknown][] = []
  try {
    revoked = revocations.under(await marks.revoked, caller.token)
    quiet(revoked)
  } catch (cause) {
    failed.push(['revocation', cause])
  }
  try {
    denied = denials.under(await marks.denied, caller)
    if (isPromiseLike(denied)) denied = await denied
  } catch (cause) {
    denied = undefined
    failed.push(['denial', cause])
  }
  try {
    if (isPromiseLike(revoked)) revoked = await revoked
  } catch (cause) {
    revoked = false
    failed.unshift(['revocation', cause])
  }
  const known = judgeStops(caller, revoked, denied)
  if (known !== undefined) return known
  for (const [use, cause] of failed) {
    const refusal = breakGlass.refuse(use, cause)
    if (refusal !== undefined) return refusal
  }
  return undefined
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
