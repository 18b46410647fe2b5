import { refusalAnswer } from '../answer/challenge.js'
import { refused } from '../answer/outcome.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { Grant, Person, TokenCaller } from '../caller.js'
import { type Refusal, refuse } from '../errors.js'
import type { Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import {
  type DeferralPlaces,
  endedAnswer,
  goneAnswer,
  notFoundAnswer,
  type Question,
  waitingAnswer,
} from './answers.js'
import { executeCall } from './execute.js'
import { preferredWait } from './long-polls.js'
import { askForGrant, pollHeld } from './poll-held.js'
import type { Approved, Ending, PendingRecord, Settlement } from './record.js'
import type { SettleContext } from './settle.js'
import { settle } from './settle.js'

/** What polls work with. */
export interface PollContext extends SettleContext {
  readonly places: DeferralPlaces
  readonly mint: ResourceTokenMint
  readonly authentication: Pick<AuthenticationContext, 'issuers'>
  /** The answer that begins a session. */
  beginSession(record: PendingRecord, approval: Approved): Promise<Answer>
}

/** One poll, by the agent that started the request. */
export interface Poll {
  readonly request: HttpRequest
  readonly caller: TokenCaller
  readonly host: Host
}

/** Answers a poll (AAuth 11.8.3, 11.8.4). */
export async function answerPoll(record: PendingRecord, poll: Poll, context: PollContext): Promise<Answer> {
  if (record.requirement === 'auth-token') return pollHeld(record, poll, context)
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

/** The last answer of a request whose people have been stopped. Whoever polls may be somebody else, and stopped since. */
export async function stoppedAnswer(
  record: PendingRecord,
  { caller }: Poll,
  context: PollContext,
): Promise<Answer | undefined> {
  const stop = await context.stops.find(record, caller)
  return stop === undefined ? undefined : refusedAnswer(record, stop, context)
}

async function refusedAnswer(record: PendingRecord, refusal: Refusal, context: PollContext): Promise<Answer> {
  return lastAnswer(record, refused(refusal, context.report).answer, context)
}

/** The last answer of a request of which an approval has been taken back. */
export function takenBack(record: PendingRecord, context: PollContext): Promise<Answer> {
  return refusedAnswer(record, refuse('revoked', 'The approval'), context)
}

/** How the request was decided; one whose time is up is thereby decided. */
export async function settlementOf(
  record: PendingRecord,
  context: SettleContext,
): Promise<Settlement | undefined> {
  const settlement = await context.records.settlement(record)
  if (settlement !== undefined || context.clock() < record.expires) return settlement
  const expired: Settlement = { outcome: 'expired' }
  return (await settle(record, expired, context)) ? expired : context.records.settlement(record)
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
  await context.waits.wait(record.id, seconds, ready, gone.signal)
  release?.()
  // What nobody is there to receive is not spent.
  return gone.signal.aborted ? 'gone' : settlementOf(record, context)
}

async function stillWaiting(record: PendingRecord, context: PollContext): Promise<Answer> {
  const { records, places } = context
  const interacting =
    record.interaction !== undefined && (await records.read(record, 'arrival')) !== undefined
  const question = record.clarification ? await openQuestion(record, context) : undefined
  return waitingAnswer(record, places, { interacting, ...(question === undefined ? {} : { question }) })
}

/** A question that has been asked and not been answered. */
export async function openQuestion(
  record: PendingRecord,
  { records }: SettleContext,
): Promise<Question | undefined> {
  const question = (await records.read(record, 'question')) as Question | undefined
  return question !== undefined && (await records.read(record, 'answered')) === undefined
    ? question
    : undefined
}

async function approved(
  record: PendingRecord,
  settlement: Approved,
  poll: Poll,
  context: PollContext,
): Promise<Answer> {
  // Both may have come while the poll waited.
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  if (await context.stops.endedSince(record, settlement)) return takenBack(record, context)
  if (record.call === undefined)
    return lastAnswer(record, await context.beginSession(record, settlement), context)
  const caller = callerFor(record, poll.caller, context)
  if (caller === undefined)
    return lastAnswer(record, refusalAnswer(refuse('expired', 'The token of the call has expired')), context)
  const answer = await executeCall(record, { ...poll, caller }, context, settlement)
  return answer ?? answerPoll(record, poll, context)
}

/** Gives an answer for good, unless another poll was given one. */
export async function lastAnswer(
  record: PendingRecord,
  answer: Answer,
  { records }: PollContext,
): Promise<Answer> {
  return (await records.end(record, { state: 'ended' })) ? answer : goneAnswer
}

/**
 * In whose name the call is carried out. Agents in the field poll with their agent token whatever they called with; the
 * same key has proved itself, and the token of the call counts until it expires. Another token takes its place only if
 * it says the same of what was approved.
 */
function callerFor(
  { caller }: PendingRecord,
  polling: TokenCaller,
  { clock }: PollContext,
): TokenCaller | undefined {
  if (standsFor(polling, caller)) return polling
  return caller.token.exp * 1000 > clock() ? caller : undefined
}

/** Whether a token presented later says the same of its bearer: nobody approved the call for another account. */
export function standsFor(later: TokenCaller, caller: TokenCaller): boolean {
  if (later.kind !== caller.kind || !samePerson(later, caller)) return false
  if (later.kind === 'agent' || caller.kind === 'agent') return true
  const account = (one: Person | Grant): string | undefined =>
    one.kind === 'grant' ? one.account : undefined
  return (
    later.tenant === caller.tenant && later.mission === caller.mission && account(later) === account(caller)
  )
}

/** Whether two callers act for the same person, or are the same agent. */
export function samePerson(a: TokenCaller, b: TokenCaller): boolean {
  if (a.kind === 'agent' || b.kind === 'agent')
    return a.kind === 'agent' && b.kind === 'agent' && a.agent === b.agent && a.provider === b.provider
  return a.person.ps === b.person.ps && a.person.sub === b.person.sub
}

/** What a poll gets once another has ended the request. */
export async function afterEnding(
  record: PendingRecord,
  ending: Ending,
  poll: Poll,
  context: PollContext,
): Promise<Answer> {
  if (ending.state === 'running') {
    return (ending.until as number) > context.clock() ? waitingAnswer(record, context.places) : lostAnswer
  }
  return ending.next === undefined ? goneAnswer : answerNext(ending.next, poll, context)
}

/** The request that a call had to open on its way takes over. */
export async function answerNext(id: string, poll: Poll, context: PollContext): Promise<Answer> {
  const next = await context.records.find(id)
  return next?.jkt === poll.caller.jkt ? answerPoll(next, poll, context) : notFoundAnswer
}

/** What a poll gets whose call has to wait once more. */
export async function waitingAgain(id: string, { caller }: Poll, context: PollContext): Promise<Answer> {
  const next = await context.records.find(id)
  if (next === undefined) return notFoundAnswer
  return next.requirement === 'auth-token' ? askForGrant(next, caller, context) : stillWaiting(next, context)
}

/** The process that carried the call out did not live to say how it went. It is not carried out again. */
const lostAnswer: Answer = refusalAnswer(
  refuse('server_error', 'The call was begun and its answer is lost; it is not carried out again'),
)
