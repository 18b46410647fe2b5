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
import type { Trace } from '../tracing/trace.js'

/** The dependencies of {@link checkVerified}. */
export interface VerifiedCheckContext {
  readonly revocations: RevocationCheck
  readonly denials: Pick<DenialCheck, 'find' | 'mark' | 'under'>
  readonly replays: Replays
  readonly breakGlass: BreakGlassCheck
  /**
   * Whether the store is read while a signature is verified on another thread. True for stores that do not answer at
   * once.
   */
  readonly readsAhead?: boolean
  /** Whether a signature is accepted only once on this route. */
  readonly replay: ReplayMode
  /** Bytes of content read to check its digest. */
  readonly bodyLimit: number
  readonly diagnose: Diagnose
  /** Told of each check. Present only for an explanation. */
  readonly trace?: Trace | undefined
}

/**
 * The checks of a request whose token and signature are verified, in this order: whether the issuer has revoked the
 * token, whether the operator denies the caller, and whether the content matches the signed digest. They run on every
 * request, whatever is cached about its token, and wait only for a store that does not answer at once. If the store
 * cannot be reached, the request is refused (`store_unavailable`), unless a break-glass order is in force. Whether
 * the signature was used before is checked just before the request is served ({@link Replays}).
 *
 * Store operations: two marks, read together, also with those of other requests. If a mark has changed, a few more
 * reads follow for each token.
 *
 * @param marks what {@link readMarks} has begun for this request
 * @returns the caller, or the refusal
 */
export function checkVerified(
  request: HttpRequest,
  read: ReadSignature,
  caller: TokenCaller,
  context: VerifiedCheckContext,
  marks: Marks = readMarks(context),
): Awaitable<TokenCaller | Refusal> {
  context.replays.keep(request, read, caller.jkt, context.replay)
  context.trace?.('revocation', `jti ${caller.token.jti}, key ${caller.jkt}`)
  const answers = marks instanceof AskedMarks ? marks.answers : marks
  return answers === undefined
    ? (marks as AskedMarks).answer.then((late) => checkUnder(late, request, read, caller, context))
    : checkUnder(answers, request, read, caller, context)
}

function checkUnder(
  marks: ReadMarks,
  request: HttpRequest,
  read: ReadSignature,
  caller: TokenCaller,
  context: VerifiedCheckContext,
): Awaitable<TokenCaller | Refusal> {
  return andThen(checkStops(caller, marks, context), (refusal) => {
    if (refusal !== undefined) return refusal
    context.trace?.('digest', read.covered.includes('content-digest') ? 'covered' : 'not covered')
    return andThen(checkContent(request, read, context), (mismatch) => mismatch ?? caller)
  })
}

/** The marks of both lists that can stop a caller. */
interface ReadMarks {
  readonly revoked: string | undefined | Unread
  readonly denied: string | undefined | Unread
}

/** Stands for a mark that could not be read. */
class Unread {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}

/** The marks, or a read of them that is running. */
export type Marks = ReadMarks | AskedMarks

type Mark = Awaitable<string | undefined>

/** Marks that are being read. */
class AskedMarks {
  /** Never rejects. */
  readonly answer: Promise<ReadMarks>
  /** The result, as soon as it is known. */
  answers: ReadMarks | undefined
  readonly #revoked: Mark
  readonly #denied: Mark

  constructor(revoked: Mark, denied: Mark) {
    this.#revoked = revoked
    this.#denied = denied
    this.answer = Promise.allSettled([revoked, denied]).then((settled) => {
      this.answers = { revoked: readOrNot(settled[0]), denied: readOrNot(settled[1]) }
      return this.answers
    })
  }

  isOf(revoked: Mark, denied: Mark): boolean {
    return this.#revoked === revoked && this.#denied === denied
  }
}

const readOrNot = <T>(settled: PromiseSettledResult<T>): T | Unread =>
  settled.status === 'fulfilled' ? settled.value : new Unread(settled.reason)

// Requests whose reads are combined get the same promises, so what is derived from those is made once for all of
// them.
let lastAsked: AskedMarks | undefined

/** Starts reading the marks. A request that is refused for another reason need not wait for them. */
export function readMarks({
  revocations,
  denials,
}: Pick<VerifiedCheckContext, 'revocations' | 'denials'>): Marks {
  const revoked = revocations.mark()
  const denied = denials.mark()
  if (!isPromiseLike(revoked) && !isPromiseLike(denied)) return { revoked, denied }
  if (lastAsked?.isOf(revoked, denied) !== true) lastAsked = new AskedMarks(revoked, denied)
  return lastAsked
}

function checkStops(
  caller: TokenCaller,
  marks: ReadMarks,
  { revocations, denials, breakGlass }: VerifiedCheckContext,
): Awaitable<Refusal | undefined> {
  const revoked =
    marks.revoked instanceof Unread
      ? Promise.reject(marks.revoked.cause)
      : revocations.under(marks.revoked, caller.token)
  const denied =
    marks.denied instanceof Unread ? Promise.reject(marks.denied.cause) : denials.under(marks.denied, caller)
  return isPromiseLike(revoked) || isPromiseLike(denied)
    ? settleStops(caller, revoked, denied, breakGlass)
    : judgeStops(caller, revoked, denied)
}

/** If one list stops the caller, it counts even if the other cannot be read. */
async function settleStops(
  caller: TokenCaller,
  revoking: Awaitable<boolean>,
  denying: Awaitable<DenialKind | undefined>,
  breakGlass: BreakGlassCheck,
): Promise<Refusal | undefined> {
  const settled = await Promise.allSettled([revoking, denying])
  const [revoked, denied] = [readOrNot(settled[0]), readOrNot(settled[1])]
  const known = judgeStops(caller, revoked === true, denied instanceof Unread ? undefined : denied)
  if (known !== undefined) return known
  const refusal = revoked instanceof Unread ? breakGlass.refuse('revocation', revoked.cause) : undefined
  return refusal ?? (denied instanceof Unread ? breakGlass.refuse('denial', denied.cause) : undefined)
}

function judgeStops(
  caller: TokenCaller,
  revoked: boolean,
  denied: DenialKind | undefined,
): Refusal | undefined {
  if (revoked) {
    // AAuth 11.12.5: after a revoked auth token the agent starts again with a person token, never with a resource
    // token.
    return new Refusal('revoked_jwt', caller.kind === 'grant' ? { requirement: 'person-token' } : {})
  }
  return denied === undefined
    ? undefined
    : new Refusal('access_denied', { reason: `denied by the operator (${denied})` })
}
