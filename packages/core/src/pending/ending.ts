import { refusalAnswer } from '../answer/challenge.js'
import { refused } from '../answer/outcome.js'
import { type Refusal, refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import { goneAnswer, notFoundAnswer, waitingAnswer } from './answers.js'
import type { Poll, PollContext, Step } from './context.js'
import type { Ending, PendingRecord } from './record.js'

/** Ends a request with this answer. If another poll has ended it before, the answer is `410`. */
export async function lastAnswer(
  record: PendingRecord,
  answer: Answer,
  { records }: PollContext,
): Promise<Answer> {
  return (await records.end(record, { state: 'ended' })) ? answer : goneAnswer
}

/**
 * The last answer of a request that may not continue, because somebody it was begun for, or the polling caller, has
 * been revoked or denied since. `undefined` if nobody has.
 */
export async function stoppedAnswer(
  record: PendingRecord,
  { caller }: Poll,
  context: PollContext,
): Promise<Answer | undefined> {
  const stop = await context.stops.find(record, caller)
  return stop === undefined ? undefined : refusedAnswer(record, stop, context)
}

/** Ends a request with a refusal. */
async function refusedAnswer(record: PendingRecord, refusal: Refusal, context: PollContext): Promise<Answer> {
  return lastAnswer(record, refused(refusal, context.report).answer, context)
}

/** Ends a request one of whose approvals has been revoked. */
export function approvalRevoked(record: PendingRecord, context: PollContext): Promise<Answer> {
  return refusedAnswer(record, refuse('revoked', 'The approval has been revoked'), context)
}

/** The answer to a poll when another poll has ended the request, or is carrying its call out. */
export async function afterEnding(
  record: PendingRecord,
  ending: Ending,
  poll: Poll,
  context: PollContext,
): Promise<Step> {
  if (ending.state === 'running') {
    const isLost = (ending.until as number) <= context.clock() && (await context.records.lose(record, ending))
    return isLost ? lostAnswer : waitingAnswer(record, context.urls)
  }
  return ending.next === undefined ? goneAnswer : nextOf(ending.next, poll, context)
}

/** The pending request that the call opened when it was carried out and had to wait again. */
async function nextOf(id: string, { caller }: Poll, { records }: PollContext): Promise<Step> {
  const next = await records.find(id)
  return next?.jkt === caller.jkt ? { next } : notFoundAnswer
}

/** For a call whose process ended before its answer was stored. It may have taken effect, so it is never repeated. */
const lostAnswer: Answer = refusalAnswer(
  refuse(
    'server_error',
    'The call was begun and its answer is lost; it is not carried out again. Check what it did before repeating it',
  ),
)
