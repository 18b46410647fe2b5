import { type Grant, type Person, samePerson, type TokenCaller } from '../caller.js'
import { endedAnswer, goneAnswer, notFoundAnswer } from './answers.js'
import type { Poll, PollContext, Step } from './context.js'
import { afterEnding, approvalRevoked, stoppedAnswer } from './ending.js'
import { executeCall, keptAnswer } from './execute.js'
import { isSameToken, type PendingCall, type PendingRecord, tokenName } from './record.js'
import { settlementOf } from './settle.js'
import { askForGrant } from './still-waiting.js'

/**
 * One step of a poll of a call that is held for an auth token (AAuth 6.5.1). A poll with the token that the call was
 * carried out with gets the same answer again until the token expires; with any other token the request has ended.
 */
export async function pollHeld(record: PendingRecord, poll: Poll, context: PollContext): Promise<Step> {
  const { caller } = poll
  // One key may act for several people, and none of them may see what it did for another (N-142).
  if (caller.kind !== 'agent' && !samePerson(caller, record.caller)) return notFoundAnswer
  const ending = await context.records.ending(record)
  // The call continues in another request, whose origins include all of this one's.
  if (ending?.next !== undefined) return afterEnding(record, ending, poll, context)
  // A call begun with a revoked token ends, whatever has been granted since (AAuth 11.12.4, G-58).
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
  // An earlier approval of the call may have been revoked.
  if (await context.stops.endedSince(record)) return approvalRevoked(record, context)
  if (!isSufficient(caller, record)) return askForGrant(record, poll, context)
  return (await executeCall(record, poll, context)) ?? { next: record }
}

/**
 * Whether this token is what the resource token asked for (G-41). The token that the call came with never is,
 * whatever its claims: the route has judged it and asked for another.
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
