import { refusalAnswer } from '../answer/challenge.js'
import { refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import { endedAnswer } from './answers.js'
import type { Poll, PollContext, Step } from './context.js'
import { afterEnding, approvalRevoked, lastAnswer, stoppedAnswer } from './ending.js'
import { callerFor, executeCall } from './execute.js'
import { preferredWait } from './long-polls.js'
import { pollChained } from './poll-chained.js'
import { pollHeld } from './poll-held.js'
import type { Approved, PendingRecord, Settlement } from './record.js'
import { settlementOf } from './settle.js'
import { stillWaiting } from './still-waiting.js'

/** Answers a poll (AAuth 11.8.3, 11.8.4), following all requests in which a call has continued. */
export async function answerPoll(record: PendingRecord, poll: Poll, context: PollContext): Promise<Answer> {
  let step: Step = { next: record }
  while ('next' in step) {
    const next: PendingRecord = step.next
    step =
      next.requirement === 'auth-token'
        ? await pollHeld(next, poll, context)
        : next.chained === true
          ? await pollChained(next, poll, context)
          : await pollDecision(next, poll, context)
  }
  return step
}

/** One step of a poll of a request that somebody must decide. */
async function pollDecision(record: PendingRecord, poll: Poll, context: PollContext): Promise<Step> {
  const ending = await context.records.ending(record)
  if (ending !== undefined) return afterEnding(record, ending, poll, context)
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  const settlement = (await settlementOf(record, context)) ?? (await waitForSettlement(record, poll, context))
  if (settlement === 'gone' || settlement === undefined) return stillWaiting(record, context)
  return settlement.outcome === 'approved'
    ? approved(record, settlement, poll, context)
    : lastAnswer(record, endedAnswer(settlement.outcome), context)
}

async function waitForSettlement(
  record: PendingRecord,
  { request, host }: Poll,
  context: PollContext,
): Promise<Settlement | 'gone' | undefined> {
  const seconds = preferredWait(request, context.settings.longestWait)
  if (seconds === 0) return undefined
  const gone = new AbortController()
  const release = host.onGone?.(() => gone.abort())
  const ready = async (): Promise<boolean> => (await settlementOf(record, context)) !== undefined
  try {
    await context.longPolls.wait(record.id, seconds, ready, gone.signal)
  } finally {
    // Also when the store fails: the connection is used for other requests.
    release?.()
  }
  // Nobody would receive the answer, so the approval must not be used up.
  return gone.signal.aborted ? 'gone' : settlementOf(record, context)
}

async function approved(
  record: PendingRecord,
  settlement: Approved,
  poll: Poll,
  context: PollContext,
): Promise<Step> {
  // A revocation may have come while the poll waited.
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  if (await context.stops.endedSince(record, settlement)) return approvalRevoked(record, context)
  if (record.call === undefined)
    return lastAnswer(record, await context.beginSession(record, settlement), context)
  const caller = callerFor(record, poll.caller, context)
  if (caller === undefined)
    return lastAnswer(
      record,
      refusalAnswer(refuse('expired', 'The token of the call has expired; call again with a new one')),
      context,
    )
  const answer = await executeCall(record, { ...poll, caller }, context, { approved: settlement })
  // Another poll has claimed it.
  return answer ?? { next: record }
}
