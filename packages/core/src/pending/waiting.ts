import { randomBytes } from 'node:crypto'
import { type Answered, deferred, refused } from '../access/outcome.js'
import type { AskApproval } from '../access/policy.js'
import type { Caller, Grant, Person } from '../caller.js'
import { readCapabilities } from '../capabilities.js'
import { Refusal, refuse } from '../errors.js'
import { takeCall } from '../held/call.js'
import type { Carried } from '../held/carried.js'
import type { HttpRequest } from '../http.js'
import type { Admission } from './admission.js'
import { waitingAnswer } from './answers.js'
import type { PollContext } from './poll.js'
import type { PendingCall, PendingRecord } from './record.js'
import { settle } from './settle.js'
import { viewOf } from './view.js'

/** Every way a guarded route may say "not now": `202` with a pending URL, or why that cannot be. */
export interface Waiting {
  /** Somebody else has to approve this call; once they have, the next poll carries it out (AAuth 11.6.4). */
  approval(request: HttpRequest, caller: Caller, ask: AskApproval): Promise<Answered>
  /**
   * Holds this call until it is polled with an auth token for this (AAuth 6.5.1). `undefined` when the call cannot be
   * put aside, because its content is too long or gone: then the `401` is the delivery (G-42).
   */
  grant(request: HttpRequest, caller: Person | Grant, asked: AskedGrant): Promise<Answered | undefined>
}

/** What a held call's auth token has to be for. */
export interface AskedGrant {
  readonly scope: readonly string[]
  readonly account?: string
}

export interface WaitingContext extends PollContext {
  readonly admission: Admission
}

export function createWaiting(context: WaitingContext): Waiting {
  const { report, settings, places } = context

  const hold = async (request: HttpRequest, subjects: readonly string[]): Promise<PendingCall | Refusal> => {
    const held = await takeCall(request, settings.callContent)
    if (typeof held !== 'string') return { held, subjects }
    return held === 'too-large'
      ? refuse('content_too_large', 'The content is too long for a call that has to wait')
      : refuse('server_error', 'The content was read before it could be put aside')
  }

  return {
    async approval(request, caller, ask) {
      const busy = tooMany(caller, context)
      if (busy !== undefined) return refused(busy, report)
      const call = await hold(request, [...(request.carried?.subjects ?? []), ask.subject])
      if (call instanceof Refusal) return refused(call, report)
      const record = newRecord(request, caller, context, { requirement: 'approval', call })
      await open(record, request.carried, context)
      await notify(record, ask, context)
      return deferred('approval', waitingAnswer(record, places), report)
    },
    async grant(request, caller, asked) {
      const call = await hold(request, request.carried?.subjects ?? [])
      if (call instanceof Refusal) return undefined
      const busy = tooMany(caller, context)
      if (busy !== undefined) return refused(busy, report)
      const jwt = await context.mint(caller, asked)
      const resourceToken = { jwt, jti: caller.token.jti, exp: expiryOf(jwt) }
      const record = newRecord(request, caller, context, {
        requirement: 'auth-token',
        call: { ...call, grant: asked, resourceToken },
      })
      await open(record, request.carried, context)
      return deferred(
        'auth-token',
        waitingAnswer(record, places, { resourceToken: jwt, retryAfter: 0 }),
        report,
      )
    },
  }
}

/** What is particular about a new pending request. */
export type RecordParts = Pick<PendingRecord, 'requirement' | 'call' | 'interaction' | 'session'>

/** A new pending request of this caller. */
export function newRecord(
  request: HttpRequest,
  caller: Caller,
  { settings, clock }: WaitingContext,
  parts: RecordParts,
): PendingRecord {
  const opened = clock()
  const expires = opened + settings.lifetime * 1000
  return {
    id: randomBytes(32).toString('base64url'),
    jkt: caller.jkt,
    caller,
    opened,
    expires,
    forgotten: expires + settings.retention * 1000,
    clarification: settings.clarification && readCapabilities(request.rawHeaders).has('clarification'),
    ...parts,
  }
}

/** Whether this caller has opened too many requests (G-55 gives the figures for another endpoint). */
export function tooMany(caller: Caller, { admission }: WaitingContext): Refusal | undefined {
  const retryAfter = admission.enter(caller)
  return retryAfter === undefined ? undefined : new Refusal('rate_limited', { retryAfter })
}

/** Writes a new request down. A call that waits once more takes over from the request that carried it. */
export async function open(
  record: PendingRecord,
  carried: Carried | undefined,
  { records }: WaitingContext,
): Promise<void> {
  await records.add(record)
  carried?.waitsAgain(record.id)
}

async function notify(record: PendingRecord, ask: AskApproval, context: WaitingContext): Promise<void> {
  try {
    await ask.ask?.(viewOf(record))
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
