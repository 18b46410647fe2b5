import { refusalAnswer } from '../answer/challenge.js'
import { refused } from '../answer/outcome.js'
import { type Refusal, refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import { goneAnswer, notFoundAnswer, waitingAnswer } from './answers.js'
import type { Poll, PollContext, Step } from './context.js'
import type { Ending, PendingRecord } from './record.js'

/** Gives an answer for good, unless another poll was given one. */
export async function lastAnswer(
  record: PendingRecord,
  answer: Answer,
  { records }: PollContext,
): Promise<Answer> {
  return (await records.end(record, { state: 'ended' })) ? answer : goneAnswer
}

/** The last answer of a request whose people have been stopped. Whoever polls may be somebody else, and stopped since. */
export async function stoppedAnswer(
  record: PendingRecord,
  { caller }: Poll,
  context: PollContext,
): Promise<Answer | undefined> {
  const stop = await context.stops.find(record, caller)
  return stop === undefined ? undefined : refusedAnswer(record, stop, context)
}

/** Refuses a request for good. */
async function refusedAnswer(record: PendingRecord, refusal: Refusal, context: PollContext): Promise<Answer> {
  return lastAnswer(record, refused(refusal, context.report).answer, context)
}

/** The last answer of a request of which an approval has been taken back. */
export function takenBack(record: PendingRecord, context: PollContext): Promise<Answer> {
  return refusedAnswer(record, refuse('revoked', 'The approval'), context)
}

/** What a poll gets once another has ended the request. */
export async function afterEnding(
  record: PendingRecord,
  ending: Ending,
  poll: Poll,
  context: PollContext,
): Promise<Step> {
  if (ending.state === 'running') {
    return (ending.until as number) > context.clock() ? waitingAnswer(record, context.places) : lostAnswer
  }
  return ending.next === undefined ? goneAnswer : nextOf(ending.next, poll, context)
}

/** The request that a call had to open on its way takes over. */
async function nextOf(id: string, { caller }: Poll, { records }: PollContext): Promise<Step> {
  const next = await records.find(id)
  return next?.jkt === caller.jkt ? { next } : notFoundAnswer
}

/** The process that carried the call out did not live to say how it went. It is not carried out again. */
const lostAnswer: Answer = refusalAnswer(
  refuse('server_error', 'The call was begun and its answer is lost; it is not carried out again'),
)
