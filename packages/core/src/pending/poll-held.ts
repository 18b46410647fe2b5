import { refusalAnswer } from '../answer/challenge.js'
import type { Grant, Person, TokenCaller } from '../caller.js'
import { refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import { endedAnswer, goneAnswer, notFoundAnswer, waitingAnswer } from './answers.js'
import { executeCall, keptAnswer, tokenName } from './execute.js'
import { afterEnding, type Poll, type PollContext, samePerson, settlementOf } from './poll.js'
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
  if (ending !== undefined) {
    const own = caller.kind === 'grant' && ending.token === tokenName(caller.token)
    if (ending.state === 'running' || ending.next !== undefined)
      return afterEnding(record, ending, poll, context)
    return (own ? await keptAnswer(record, context) : undefined) ?? goneAnswer
  }
  if ((await settlementOf(record, context)) !== undefined) {
    return (await context.records.end(record, { state: 'ended' })) ? endedAnswer('expired') : goneAnswer
  }
  // What was begun on a token ends with it, whatever has been granted since (AAuth 11.12.4, G-58).
  if (await context.revocations.has(record.caller.token))
    return (await context.records.end(record, { state: 'ended' })) ? revokedAnswer : goneAnswer
  if (!isSufficient(caller, record)) return ask(record, caller, context)
  return (await executeCall(record, poll, context)) ?? pollHeld(record, poll, context)
}

const revokedAnswer: Answer = refusalAnswer(refuse('revoked', 'The token of the call'))

/** Whether this token is what the resource token asked for (G-41). */
function isSufficient(caller: TokenCaller, record: PendingRecord): caller is Grant {
  const { grant } = record.call as PendingCall
  const asked = record.caller as Person | Grant
  return (
    caller.kind === 'grant' &&
    grant !== undefined &&
    grant.scope.every((scope) => caller.scope.includes(scope)) &&
    caller.account === grant.account &&
    caller.mission === asked.mission &&
    caller.tenant === asked.tenant
  )
}

/** `202` again, with a resource token bound to what this poll presents (R-248, G-45). */
async function ask(record: PendingRecord, caller: TokenCaller, context: PollContext): Promise<Answer> {
  const { grant, resourceToken } = record.call as PendingCall
  if (caller.kind === 'agent' || grant === undefined) return waitingAnswer(record, context.places)
  const stillGood =
    resourceToken !== undefined &&
    resourceToken.jti === caller.token.jti &&
    resourceToken.exp * 1000 > context.clock()
  const jwt = stillGood ? resourceToken.jwt : await context.mint(caller, grant)
  return waitingAnswer(record, context.places, { resourceToken: jwt })
}
