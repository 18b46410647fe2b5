import { type Grant, type Person, samePerson, type TokenCaller } from '../caller.js'
import { endedAnswer, goneAnswer, notFoundAnswer } from './answers.js'
import type { Poll, PollContext, Step } from './context.js'
import { afterEnding, stoppedAnswer, takenBack } from './ending.js'
import { executeCall, keptAnswer } from './execute.js'
import { isSameToken, type PendingCall, type PendingRecord, tokenName } from './record.js'
import { settlementOf } from './settle.js'
import { askForGrant } from './still-waiting.js'

/**
 * A poll of a call held for an auth token (AAuth 6.5.1). The same token gets the same answer, as long as it lives; any
 * other finds the request ended.
 */
export async function pollHeld(record: PendingRecord, poll: Poll, context: PollContext): Promise<Step> {
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
  return (await executeCall(record, poll, context)) ?? { next: record }
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
