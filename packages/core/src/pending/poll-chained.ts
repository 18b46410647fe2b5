import { randomBytes } from 'node:crypto'
import { refusalAnswer } from '../answer/challenge.js'
import { refused } from '../answer/outcome.js'
import { refusalFor } from '../chaining/onward-error.js'
import { SupplierFault, type Wait } from '../chaining/suppliers.js'
import { messageOf, refuse } from '../errors.js'
import type { Answer } from '../http/message.js'
import { endedAnswer } from './answers.js'
import { newCode } from './code.js'
import type { Poll, PollContext, Step } from './context.js'
import { afterEnding, approvalRevoked, lastAnswer, stoppedAnswer } from './ending.js'
import { callerFor, executeCall } from './execute.js'
import { preferredWait } from './long-polls.js'
import { mostWaits, type PendingCall, type PendingInteraction, type PendingRecord } from './record.js'
import { settlementOf } from './settle.js'
import { stillWaiting } from './still-waiting.js'

/** The result for a call that waits at a supplier: its last answer, the data to continue with, or nothing yet. */
type Found =
  | { readonly end: Answer }
  | { readonly later: Answer }
  | { readonly sealed: string; readonly goesOn?: undefined }
  | { readonly goesOn: Wait; readonly sealed: string }
  | undefined

/**
 * One step of a poll of a call whose handler has called a supplier, where somebody must decide. After the
 * decision the handler runs again, once and from its beginning; answered calls to suppliers are not repeated.
 */
export async function pollChained(record: PendingRecord, poll: Poll, context: PollContext): Promise<Step> {
  const ending = await context.records.ending(record)
  if (ending !== undefined) return afterEnding(record, ending, poll, context)
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return calledOff(record, stopped, context)
  const found = (await look(record, context)) ?? (await waitForIt(record, poll, context))
  if (found === 'gone' || found === undefined) return stillWaiting(record, context)
  if ('later' in found) return found.later
  if ('end' in found) return lastAnswer(record, found.end, context)
  if (found.goesOn !== undefined) return goOn(record, found.goesOn, found.sealed, context)
  return runAgain(record, found.sealed, poll, context)
}

async function look(record: PendingRecord, context: PollContext): Promise<Found> {
  const { records } = context
  const settlement = await settlementOf(record, context)
  // The person's browser has brought the result, or the time is over.
  if (settlement !== undefined && settlement.outcome !== 'approved')
    return { end: calledOff(record, endedAnswer(settlement.outcome), context) }
  const done = (await records.read(record, 'chain')) as string | undefined
  if (done !== undefined) return { sealed: done }
  const advance = await context.chainPolls?.poll(record)
  if (advance === undefined) return undefined
  if (advance instanceof SupplierFault) return afterFault(record, advance, context)
  if (advance.state === 'waiting')
    return advance.sealed === undefined ? undefined : { goesOn: advance.wait, sealed: advance.sealed }
  // The supplier reports it only once, so it is stored before anything is done with it.
  await records
    .note(record, 'chain', advance.sealed)
    .catch((cause: unknown) => context.report({ name: 'failed', reason: messageOf(cause) }))
  return { sealed: advance.sealed }
}

/** Ends a call that only the supplier's side still waits for. */
function calledOff(record: PendingRecord, end: Answer, { chaining }: PollContext): Answer {
  if (record.call?.chain !== undefined) void chaining?.cancel(record.call.chain)
  return end
}

async function afterFault(record: PendingRecord, fault: SupplierFault, context: PollContext): Promise<Found> {
  const answer = (): Answer => refused(refusalFor(fault), context.report).answer
  // The call still waits; agents come back after a `503`.
  if (fault.code === 'supplier_unavailable') return { later: answer() }
  if (fault.code !== 'gone') return { end: answer() }
  // Another process may have received the end, and be about to store it.
  const { records, clock } = context
  if (await records.claim(record, 'chain-gone', clock())) return undefined
  const since = (await records.read(record, 'chain-gone')) as number
  return clock() - since < graceMs ? undefined : { end: answer() }
}

const graceMs = 10_000

async function waitForIt(
  record: PendingRecord,
  { request, host }: Poll,
  context: PollContext,
): Promise<Found | 'gone'> {
  const seconds = preferredWait(request, context.settings.longestWait)
  if (seconds === 0) return undefined
  const gone = new AbortController()
  const release = host.onGone?.(() => gone.abort())
  let found: Found
  const ready = async (): Promise<boolean> => {
    found = await look(record, context)
    return found !== undefined
  }
  try {
    await context.longPolls.wait(record.id, seconds, ready, gone.signal)
    // Woken when the person comes back.
    if (found === undefined && !gone.signal.aborted) await ready()
  } finally {
    release?.()
  }
  // Nobody would receive the answer.
  return gone.signal.aborted ? 'gone' : found
}

/**
 * The supplier's side asks for the person again, or for the first time: the call continues to wait with a new page
 * and code.
 */
async function goOn(record: PendingRecord, wait: Wait, sealed: string, context: PollContext): Promise<Step> {
  const call = record.call as PendingCall
  if (call.waited >= mostWaits) {
    const reason = 'one page after the other is to be opened'
    const { answer } = refused(refusalFor(new SupplierFault('supplier_failed', reason)), context.report)
    return lastAnswer(record, calledOff(record, answer, context), context)
  }
  const interaction = chainedInteraction(wait)
  const { interaction: _, ...rest } = record
  const next: PendingRecord = {
    ...rest,
    id: randomBytes(32).toString('base64url'),
    requirement: interaction === undefined ? 'approval' : 'interaction',
    call: { ...call, waited: call.waited + 1, chain: sealed },
    ...(interaction === undefined ? {} : { interaction }),
  }
  context.chainPolls?.later(next.id, wait.retryAfter)
  await context.stops.begun(next)
  await context.records.add(next)
  const isFirst = await context.records.end(record, { state: 'ended', next: next.id })
  return { next: isFirst ? next : record }
}

/** Our page for a person who is sent on to another one. */
export function chainedInteraction({
  interaction,
  brings,
}: Pick<Wait, 'interaction' | 'brings'>): PendingInteraction | undefined {
  if (interaction === undefined) return undefined
  const onward = { ...interaction, returns: brings !== 'answer' }
  return { id: randomBytes(16).toString('base64url'), code: newCode(), scope: [], onward }
}

async function runAgain(
  record: PendingRecord,
  sealed: string,
  poll: Poll,
  context: PollContext,
): Promise<Step> {
  // A revocation may have come while the poll waited.
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  if (await context.stops.endedSince(record)) return approvalRevoked(record, context)
  const caller = callerFor(record, poll.caller, context)
  if (caller === undefined) return lastAnswer(record, tokenEnded, context)
  const answer = await executeCall(record, { ...poll, caller }, context, { chain: sealed })
  // Another poll has claimed it.
  return answer ?? { next: record }
}

const tokenEnded: Answer = refusalAnswer(
  refuse('expired', 'The token of the call has expired; call again with a new one'),
)
