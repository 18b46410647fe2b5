import { randomBytes } from 'node:crypto'
import { type Answered, deferred, refused } from '../answer/outcome.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { Awaitable } from '../awaitable.js'
import { type Grant, type Origin, originOf, type Person, type TokenCaller } from '../caller.js'
import { Refusal, refuse } from '../errors.js'
import { declaredCapabilities, readCapabilities } from '../http/capabilities.js'
import { refuseUnread } from '../http/content.js'
import { type ApprovalSubject, type Carried, carriedFor, type HttpRequest } from '../http/message.js'
import { contentOf } from '../http/request-content.js'
import { waitingAnswer } from './answers.js'
import type { Admission } from './bounds.js'
import { newCode } from './code.js'
import type { PollContext } from './context.js'
import { takeCall } from './held-call.js'
import type { PendingCall, PendingInteraction, PendingRecord } from './record.js'
import { settle } from './settle.js'
import { type PendingView, viewOf } from './view.js'

/** Every way a guarded route may say "not now": `202` with a pending URL, or why that cannot be. */
export interface Waiting {
  /** Somebody else has to approve this call; once they have, the next poll carries it out (AAuth 11.6.4). */
  approval(
    request: HttpRequest,
    caller: TokenCaller,
    ask: AskApprover,
    subject: ApprovalSubject,
  ): Promise<Answered>
  /**
   * A person has to come to our page and approve this call; then the next poll carries it out (AAuth 6.2, 11.6.3).
   */
  interaction(
    request: HttpRequest,
    caller: TokenCaller,
    ask: Omit<AskedSession, 'scope'>,
    subject: ApprovalSubject,
  ): Promise<Answered>
  /** A person has to come to our page and connect the agent; then the next poll gets a session (AAuth 6.2). */
  session(request: HttpRequest, caller: TokenCaller, asked: AskedSession): Promise<Answered>
  /**
   * Holds this call until it is polled with an auth token for this (AAuth 6.5.1). `undefined` when the call cannot be
   * put aside, because its content is too long or gone: then the `401` is the delivery (G-42).
   */
  grant(request: HttpRequest, caller: Person | Grant, asked: AskedGrant): Promise<Answered | undefined>
}

/** Tells whoever may approve of a request that waits. */
export type AskApprover = (pending: PendingView) => Awaitable<unknown>

/** What a held call's auth token has to be for. */
export interface AskedGrant {
  readonly scope: readonly string[]
  readonly account?: string
}

/** What a session is asked for. */
export interface AskedSession {
  readonly scope: readonly string[]
  /** What the page says it is for. */
  readonly description?: string
  /** Who may approve, by the application's own names. Default: whoever can sign in. */
  readonly by?: readonly string[]
}

export interface WaitingContext extends PollContext {
  /** Our identifier. */
  readonly resource: string
  readonly authentication: AuthenticationContext
  readonly admission: Admission
  /** Whether only agents are asked that say they can (G-35). */
  readonly requireDeclaredCapability: boolean
}

export function createWaiting(context: WaitingContext): Waiting {
  const { report, settings, places } = context
  const carriedBy = (request: HttpRequest): Carried | undefined =>
    carriedFor(request, context.authentication.issuers)

  const hold = async (request: HttpRequest, subject?: ApprovalSubject): Promise<PendingCall | Refusal> => {
    const held = await takeCall(request, settings.callContent)
    if (typeof held !== 'string') {
      const { approvals = [], waited = 0 } = carriedBy(request) ?? {}
      const shown = contentOf(request) === undefined ? {} : ({ shown: true } as const)
      return { held, approvals, waited, ...shown, ...(subject === undefined ? {} : { subject }) }
    }
    return held === 'too-large'
      ? refuse('content_too_large', 'The content is too long for a call that has to wait')
      : refuseUnread(held, context.authentication.diagnose)
  }

  const open = async (
    request: HttpRequest,
    caller: TokenCaller,
    parts: RecordParts,
  ): Promise<PendingRecord> => {
    const carried = carriedBy(request)
    const record = newRecord(request, caller, carried, context, parts)
    await context.stops.begun(record)
    await context.records.add(record)
    // A call that waits once more takes over from the request that carried it.
    carried?.waitsAgain(record.id)
    return record
  }

  /** Whether this caller has opened too many requests, or this call has waited too often. */
  const tooMany = (request: HttpRequest, caller: TokenCaller): Refusal | undefined => {
    const carried = carriedBy(request)
    if (carried !== undefined)
      return carried.waited < mostWaits
        ? undefined
        : refuse('access_denied', 'This call has waited too often')
    // G-55 gives the figures for another endpoint.
    const retryAfter = context.admission.enter(caller)
    return retryAfter === undefined ? undefined : new Refusal('rate_limited', { retryAfter })
  }

  return {
    async approval(request, caller, ask, subject) {
      const busy = tooMany(request, caller)
      if (busy !== undefined) return refused(busy, report)
      const call = await hold(request, subject)
      if (call instanceof Refusal) return refused(call, report)
      const record = await open(request, caller, { requirement: 'approval', call })
      await notify(record, ask, context)
      return deferred('approval', waitingAnswer(record, places), report)
    },
    async interaction(request, caller, ask, subject) {
      const refusal = cannotAsk(request, context) ?? tooMany(request, caller)
      if (refusal !== undefined) return refused(refusal, report)
      const call = await hold(request, subject)
      if (call instanceof Refusal) return refused(call, report)
      const interaction = newInteraction({ scope: [], ...ask })
      const record = await open(request, caller, { requirement: 'interaction', call, interaction })
      return deferred('interaction', waitingAnswer(record, places), report)
    },
    async session(request, caller, asked) {
      const refusal = cannotAsk(request, context) ?? tooMany(request, caller)
      if (refusal !== undefined) return refused(refusal, report)
      const record = await open(request, caller, {
        requirement: 'interaction',
        interaction: newInteraction(asked),
        session: { scope: asked.scope },
      })
      return deferred('interaction', waitingAnswer(record, places), report)
    },
    async grant(request, caller, asked) {
      const call = await hold(request)
      if (call instanceof Refusal) return undefined
      const busy = tooMany(request, caller)
      if (busy !== undefined) return refused(busy, report)
      const jwt = await context.mint(caller, asked)
      const resourceToken = { jwt, exp: expiryOf(jwt) }
      const record = await open(request, caller, {
        requirement: 'auth-token',
        call: { ...call, grant: asked, resourceToken },
      })
      return deferred(
        'auth-token',
        waitingAnswer(record, places, { resourceToken: jwt, retryAfter: 0 }),
        report,
      )
    },
  }
}

/** Requests that one call may wait in after its first, one after the other: each poll reads its way through them. */
export const mostWaits = 16

/** An agent that says what it can do, and not this, is not asked; one that says nothing only by choice (R-298, G-35). */
function cannotAsk(request: HttpRequest, context: WaitingContext): Refusal | undefined {
  const declared = declaredCapabilities(request.rawHeaders)
  const able = declared === undefined ? !context.requireDeclaredCapability : declared.has('interaction')
  return able
    ? undefined
    : refuse('access_denied', 'This needs a person’s interaction, which the agent has not declared')
}

function newInteraction({ scope, description, by }: AskedSession): PendingInteraction {
  return {
    id: randomBytes(16).toString('base64url'),
    code: newCode(),
    scope,
    ...(description === undefined ? {} : { description }),
    ...(by === undefined ? {} : { by }),
  }
}

/** What is particular about a new pending request. */
type RecordParts = Pick<PendingRecord, 'requirement' | 'call' | 'interaction' | 'session'>

/** A new pending request of this caller. */
function newRecord(
  request: HttpRequest,
  caller: TokenCaller,
  carried: Carried | undefined,
  { resource, settings, clock }: WaitingContext,
  parts: RecordParts,
): PendingRecord {
  const opened = clock()
  const expires = opened + settings.lifetime * 1000
  return {
    id: randomBytes(32).toString('base64url'),
    resource,
    jkt: caller.jkt,
    caller,
    origins: distinct([...(carried?.origins ?? []), originOf(caller)]),
    opened,
    expires,
    forgotten: expires + settings.retention * 1000,
    clarification: settings.clarification && readCapabilities(request.rawHeaders).has('clarification'),
    ...parts,
  }
}

/** Each once: a call may wait several times with one token. */
function distinct(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [JSON.stringify(origin), origin] as const)).values()]
}

async function notify(record: PendingRecord, ask: AskApprover, context: WaitingContext): Promise<void> {
  try {
    await ask(viewOf(record))
  } catch (cause) {
    // Nobody was told, so nobody will ever decide.
    await settle(record, { outcome: 'server_error' }, context)
    throw cause
  }
}

function expiryOf(jwt: string): number {
  const payload = Buffer.from(jwt.split('.')[1] as string, 'base64url').toString('utf8')
  return (JSON.parse(payload) as { exp: number }).exp
}
