import { type Answered, deferred, refused } from '../answer/outcome.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { Awaitable } from '../awaitable.js'
import type { Grant, Person, TokenCaller } from '../caller.js'
import type { Wait } from '../chaining/suppliers.js'
import { Refusal, refuse } from '../errors.js'
import { declaredCapabilities } from '../http/capabilities.js'
import { refuseUnread, tooLong } from '../http/content.js'
import { type ApprovalSubject, type Carried, carriedFor, type HttpRequest } from '../http/message.js'
import { contentOf } from '../http/request-content.js'
import { inquiryOf } from '../http/request-view.js'
import type { Deadline, Deadlines } from '../time/deadline.js'
import { waitingAnswer } from './answers.js'
import type { PollContext } from './context.js'
import { expiryOf } from './grant-token.js'
import { takeCall } from './held-call.js'
import { newInteraction, newRecord, type RecordDetails } from './new-record.js'
import type { OpenRate } from './open-rate.js'
import { chainedInteraction } from './poll-chained.js'
import { type GrantRequest, mostWaits, type PendingCall, type PendingRecord } from './record.js'
import { settle } from './settle.js'
import { type PendingView, viewOf } from './view.js'

/**
 * Opens pending requests. Every method answers `202` with a pending URL (AAuth 11.8), or the refusal that says why
 * not.
 */
export interface Deferrals {
  /** For a call that somebody else must approve; then the next poll carries it out (AAuth 11.6.4). */
  approval(
    request: HttpRequest,
    caller: TokenCaller,
    ask: NotifyApprover,
    subject: ApprovalSubject,
  ): Promise<Answered>
  /** For a call that a person must approve on our page; then the next poll carries it out (AAuth 6.2, 11.6.3). */
  interaction(
    request: HttpRequest,
    caller: TokenCaller,
    ask: Omit<SessionRequest, 'scope'>,
    subject: ApprovalSubject,
  ): Promise<Answered>
  /** For an agent that a person must connect on our page; then the next poll gets a session (AAuth 6.2). */
  session(request: HttpRequest, caller: TokenCaller, asked: SessionRequest): Promise<Answered>
  /**
   * For a call whose handler has called a supplier, where somebody must decide; then the next poll makes the handler
   * run again (AAuth 10.1.2).
   */
  chained(request: HttpRequest, caller: TokenCaller, asked: ChainedRequest): Promise<Answered>
  /**
   * For a call that needs an auth token: a poll with one carries it out (AAuth 6.5.1). `undefined` if the call cannot
   * be held, because its content is too long or cannot be read: the resource token is then sent with a `401` (G-42).
   */
  grant(request: HttpRequest, caller: Person | Grant, asked: GrantRequest): Promise<Answered | undefined>
}

/** The application's function that tells an approver of a pending request. */
export type NotifyApprover = (pending: PendingView, deadline: Deadline) => Awaitable<unknown>

/** The session for which an agent is to be connected. */
export interface SessionRequest {
  readonly scope: readonly string[]
  /** Shown on the page: the purpose. */
  readonly description?: string | undefined
  /** Who may approve, by the application's own names. Default: everyone who can sign in. */
  readonly by?: readonly string[] | undefined
  /** Whether the application remembers the approval of a call, and says so on the page. */
  readonly lasting?: true
}

/** What a call waits for at a supplier. */
export interface ChainedRequest {
  /** The sealed data that its handler needs to continue. */
  readonly chain: string
  readonly wait: Pick<Wait, 'interaction' | 'brings'>
}

/** The context of opening a pending request. */
export interface DeferralsContext extends PollContext {
  /** Our identifier. */
  readonly resource: string
  readonly authentication: AuthenticationContext
  readonly openRate: OpenRate
  /** Whether an agent must declare the capability `interaction` (G-35). */
  readonly requireDeclaredCapability: boolean
  readonly deadlines: Deadlines
}

/** Creates the {@link Deferrals} of a server. */
export function createDeferrals(context: DeferralsContext): Deferrals {
  const { report, settings, urls } = context
  const carriedBy = (request: HttpRequest): Carried | undefined =>
    carriedFor(request, context.authentication.issuers)

  const hold = async (
    request: HttpRequest,
    subject?: ApprovalSubject,
    given?: string,
  ): Promise<PendingCall | Refusal> => {
    const held = await takeCall(request, settings.callContent)
    if (typeof held !== 'string') {
      const { approvals = [], waited = 0 } = carriedBy(request) ?? {}
      const shown = contentOf(request) === undefined ? undefined : true
      const chain = given ?? (await context.chaining?.sealBefore(request))
      return { held, approvals, waited, shown, subject, chain }
    }
    return held === 'too-large'
      ? refuse(
          'content_too_large',
          `${tooLong({ request, limit: settings.callContent, bound: 'pending.callContent' })}, and this call has to wait`,
        )
      : refuseUnread(held, context.authentication.diagnose)
  }

  const open = async (
    request: HttpRequest,
    caller: TokenCaller,
    details: RecordDetails,
  ): Promise<PendingRecord> => {
    const carried = carriedBy(request)
    const record = await newRecord({ request, caller, carried }, context, details)
    await context.stops.begun(record)
    await context.records.add(record)
    // A held call that must wait again: its first request continues in this one.
    carried?.waitsAgain(record.id)
    return record
  }

  /** Whether this caller has opened too many requests, or this call has waited too often. */
  const tooMany = (request: HttpRequest, caller: TokenCaller): Refusal | undefined => {
    const carried = carriedBy(request)
    if (carried !== undefined)
      return carried.waited < mostWaits
        ? undefined
        : refuse('access_denied', 'This call has had to wait too often; start again with a new request')
    // G-55 gives the figures for another endpoint.
    const retryAfter = context.openRate.enter(caller)
    return retryAfter === undefined ? undefined : new Refusal('rate_limited', { retryAfter })
  }

  return {
    async approval(request, caller, ask, subject) {
      const busy = tooMany(request, caller)
      if (busy !== undefined) return refused(busy, report, request)
      const call = await hold(request, subject)
      if (call instanceof Refusal) return refused(call, report, request)
      const record = await open(request, caller, { requirement: 'approval', call })
      await notify(record, ask, request, context)
      return deferred('approval', waitingAnswer(record, urls), report, request)
    },
    async interaction(request, caller, ask, subject) {
      const refusal = cannotAsk(request, context) ?? tooMany(request, caller)
      if (refusal !== undefined) return refused(refusal, report, request)
      const call = await hold(request, subject)
      if (call instanceof Refusal) return refused(call, report, request)
      const interaction = newInteraction({ scope: [], ...ask })
      const record = await open(request, caller, { requirement: 'interaction', call, interaction })
      return deferred('interaction', waitingAnswer(record, urls), report, request)
    },
    async chained(request, caller, { chain, wait }) {
      const interaction = chainedInteraction(wait)
      const cannot = interaction === undefined ? undefined : cannotAsk(request, context)
      const refusal = cannot ?? tooMany(request, caller)
      if (refusal !== undefined) return refused(refusal, report, request)
      const call = await hold(request, undefined, chain)
      if (call instanceof Refusal) return refused(call, report, request)
      const requirement = interaction === undefined ? 'approval' : 'interaction'
      const record = await open(request, caller, {
        requirement,
        call,
        chained: true,
        ...(interaction === undefined ? {} : { interaction }),
      })
      return deferred(requirement, waitingAnswer(record, urls), report, request)
    },
    async session(request, caller, asked) {
      const refusal = cannotAsk(request, context) ?? tooMany(request, caller)
      if (refusal !== undefined) return refused(refusal, report, request)
      const record = await open(request, caller, {
        requirement: 'interaction',
        interaction: newInteraction(asked),
        session: { scope: asked.scope },
      })
      return deferred('interaction', waitingAnswer(record, urls), report, request)
    },
    async grant(request, caller, asked) {
      const call = await hold(request)
      if (call instanceof Refusal) return undefined
      const busy = tooMany(request, caller)
      if (busy !== undefined) return refused(busy, report, request)
      const jwt = await context.grantToken(caller, asked, request)
      if (jwt instanceof Refusal) return refused(jwt, report, request)
      const resourceToken = { jwt, exp: expiryOf(jwt) }
      const record = await open(request, caller, {
        requirement: 'auth-token',
        call: { ...call, grant: asked, resourceToken },
      })
      return deferred(
        'auth-token',
        waitingAnswer(record, urls, { resourceToken: jwt, retryAfter: 0 }),
        report,
        request,
      )
    },
  }
}

/**
 * Refuses agents that cannot send a person to our page: those that declare only other capabilities, and, if the
 * options say so, those that declare none (R-298, G-35).
 */
function cannotAsk(request: HttpRequest, context: DeferralsContext): Refusal | undefined {
  const declared = declaredCapabilities(request.rawHeaders)
  const able = declared === undefined ? !context.requireDeclaredCapability : declared.has('interaction')
  return able
    ? undefined
    : refuse(
        'access_denied',
        'A person has to approve on a web page; declare interaction in AAuth-Capabilities',
      )
}

async function notify(
  record: PendingRecord,
  ask: NotifyApprover,
  request: HttpRequest,
  context: DeferralsContext,
): Promise<void> {
  try {
    await context.deadlines.ask(
      inquiryOf(request),
      (deadline) => ask(viewOf(record), deadline),
      'approval.ask',
    )
  } catch (cause) {
    // Nobody was told, so nobody will ever decide.
    await settle(record, { outcome: 'server_error' }, context)
    throw cause
  }
}
