import type { Grant, Person, TokenCaller } from '../caller.js'
import type { Answer } from '../http/message.js'
import { endedAnswer, goneAnswer, notFoundAnswer, waitingAnswer } from './answers.js'
import { executeCall, keptAnswer, tokenName } from './execute.js'
import {
  afterEnding,
  type Poll,
  type PollContext,
  samePerson,
  settlementOf,
  standsFor,
  stoppedAnswer,
  takenBack,
} from './poll.js'
import type { PendingCall, PendingRecord } from './record.js'

/**
 * A poll of a call held for an auth token (AAuth 6.5.1). The same token gets the same answer, as long as it lives; any
 * other finds the request ended.
 */
export async function pollHeld(record: PendingRecord, poll: Poll, context: PollContext): Promise<Answer> {
  const { caller } = poll
  // The same key may serve several people; what it did for one is none of the others' business (N-142).
  if (caller.kind !== 'agent' && !samePerson(caller, record.caller)) return notFoundAnswer
  const ending = await context.records.ending(record)
  // The request that the call went over into has everybody behind it who is behind this one.
  if (ending?.next !== undefined) return afterEnding(record, ending, poll, context)
  // What was begun on a token ends with it, whatever has been granted since (AAuth 11.12.4, G-58).
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  if (ending !== undefined) {
    const own = caller.kind === 'grant' && ending.token === tokenName(caller.token)
    if (ending.state === 'running') return afterEnding(record, ending, poll, context)
    return (own ? await keptAnswer(record, context) : undefined) ?? goneAnswer
  }
  if ((await settlementOf(record, context)) !== undefined) {
    return (await context.records.end(record, { state: 'ended' })) ? endedAnswer('expired') : goneAnswer
  }
  // An approval that was given before it came to this may have been taken back.
  if (await context.stops.endedSince(record)) return takenBack(record, context)
  if (!isSufficient(caller, record)) return askForGrant(record, caller, context)
  return (await executeCall(record, poll, context)) ?? pollHeld(record, poll, context)
}

/**
 * Whether this token is what the resource token asked for (G-41). The one that the call had when it was put aside is not,
 * whatever it says: the route has judged it and wanted another.
 */
function isSufficient(caller: TokenCaller, record: PendingRecord): caller is Grant {
  const { grant } = record.call as PendingCall
  const asked = record.caller as Person | Grant
  return (
    caller.kind === 'grant' &&
    grant !== undefined &&
    !isSameToken(caller, asked) &&
    grant.scope.every((scope) => caller.scope.includes(scope)) &&
    caller.account === grant.account &&
    caller.mission === asked.mission &&
    caller.tenant === asked.tenant
  )
}

/** `202` again, with a resource token bound to what this poll presents (R-248, G-45). */
export async function askForGrant(
  record: PendingRecord,
  caller: TokenCaller,
  context: PollContext,
): Promise<Answer> {
  const { grant, resourceToken } = record.call as PendingCall
  if (caller.kind === 'agent' || grant === undefined) return waitingAnswer(record, context.places)
  const stillGood =
    resourceToken !== undefined &&
    isSameToken(caller, record.caller) &&
    standsFor(caller, record.caller) &&
    resourceToken.exp * 1000 > context.clock()
  const jwt = stillGood ? resourceToken.jwt : await context.mint(caller, grant)
  return waitingAnswer(record, context.places, { resourceToken: jwt })
}

const isSameToken = (a: TokenCaller, b: TokenCaller): boolean => tokenName(a.token) === tokenName(b.token)
