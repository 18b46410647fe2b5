import { standsFor } from '../caller.js'
import { Refusal } from '../errors.js'
import type { Answer } from '../http/message.js'
import { inquiryOf } from '../http/request-view.js'
import { notFoundAnswer, type Question, waitingAnswer } from './answers.js'
import type { Poll, PollContext } from './context.js'
import { isSameToken, type PendingCall, type PendingRecord } from './record.js'
import type { SettleContext } from './settle.js'

/** The `202` of a request that must still be decided, with the open question, if any. */
export async function stillWaiting(record: PendingRecord, context: PollContext): Promise<Answer> {
  const { records, urls } = context
  const interacting =
    record.interaction !== undefined && (await records.read(record, 'arrival')) !== undefined
  const question = record.clarification ? await openQuestion(record, context) : undefined
  return waitingAnswer(record, urls, { interacting, question })
}

/** The question that was asked and not yet answered; `undefined` if there is none. */
export async function openQuestion(
  record: PendingRecord,
  { records }: SettleContext,
): Promise<Question | undefined> {
  const question = (await records.read(record, 'question')) as Question | undefined
  return question !== undefined && (await records.read(record, 'answered')) === undefined
    ? question
    : undefined
}

/** The `202` of a call that waits for an auth token, with a resource token for the token of this poll (R-248, G-45). */
export async function askForGrant(
  record: PendingRecord,
  { caller, request }: Poll,
  context: PollContext,
): Promise<Answer> {
  const { grant, resourceToken } = record.call as PendingCall
  if (caller.kind === 'agent' || grant === undefined) return waitingAnswer(record, context.urls)
  const stillGood =
    resourceToken !== undefined &&
    isSameToken(caller, record.caller) &&
    standsFor(caller, record.caller) &&
    resourceToken.exp * 1000 > context.clock()
  if (stillGood) return waitingAnswer(record, context.urls, { resourceToken: resourceToken.jwt })
  const { link, ...asked } = grant
  // A person who has been linked in the meantime need not come to our page.
  const unlinked = link === true && (await context.users?.find(caller, inquiryOf(request))) === undefined
  const jwt = await context.grantToken(caller, unlinked ? grant : asked, request)
  // Too many pages are open: without a resource token the agent keeps polling, and gets one later.
  return waitingAnswer(record, context.urls, jwt instanceof Refusal ? {} : { resourceToken: jwt })
}

/** The `202` of a call that must wait again, in the pending request `id` that it has opened. */
export async function waitingAgain(id: string, poll: Poll, context: PollContext): Promise<Answer> {
  const next = await context.records.find(id)
  if (next === undefined) return notFoundAnswer
  return next.requirement === 'auth-token' ? askForGrant(next, poll, context) : stillWaiting(next, context)
}
