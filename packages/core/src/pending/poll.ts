import { refusalAnswer } from '../answer/challenge.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { Grant, Person, TokenCaller } from '../caller.js'
import { Refusal, refuse } from '../errors.js'
import type { Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import type { Revocations } from '../revocation/revocations.js'
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
import { pollHeld } from './poll-held.js'
import type { Ending, PendingRecord, Settlement } from './record.js'
import type { SettleContext } from './settle.js'
import { settle } from './settle.js'

/** What polls work with. */
export interface PollContext extends SettleContext {
  readonly places: DeferralPlaces
  readonly mint: ResourceTokenMint
  readonly revocations: Revocations
  readonly authentication: Pick<AuthenticationContext, 'denials' | 'issuers' | 'diagnose'>
  /** The answer that begins a session. */
  beginSession(record: PendingRecord, approval: Approved): Promise<Answer>
}

/** A settlement in the agent's favour. */
export type Approved = Extract<Settlement, { outcome: 'approved' }>

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
  const settlement = (await settlementOf(record, context)) ?? (await waitForSettlement(record, poll, context))
  if (settlement === 'gone' || settlement === undefined) return stillWaiting(record, context)
  return settlement.outcome === 'approved'
    ? approved(record, settlement, poll, context)
    : lastAnswer(record, endedAnswer(settlement.outcome), context)
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
  try {
    await context.waits.wait(record.id, seconds, ready, gone.signal)
  } finally {
    // The store may fail meanwhile, and the connection goes on to other requests.
    release?.()
  }
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
  if (record.call === undefined)
    return lastAnswer(record, await context.beginSession(record, settlement), context)
  const caller = await callerFor(record, poll.caller, context)
  if ('status' in caller) return lastAnswer(record, caller, context)
  const answer = await executeCall(record, { ...poll, caller }, context)
  return answer ?? answerPoll(record, poll, context)
}

/** Gives an answer for good, unless another poll was given one. */
async function lastAnswer(record: PendingRecord, answer: Answer, { records }: PollContext): Promise<Answer> {
  return (await records.end(record, { state: 'ended' })) ? answer : goneAnswer
}

/**
 * In whose name the call is carried out. Agents in the field poll with their agent token whatever they called with; the
 * same key has proved itself, and the token of the call counts as long as it would be accepted today. Another token
 * takes its place only if it says the same of what was approved.
 */
async function callerFor(
  record: PendingRecord,
  polling: TokenCaller,
  { clock, revocations, authentication }: PollContext,
): Promise<TokenCaller | Answer> {
  const { caller } = record
  if (standsFor(polling, caller)) return polling
  if (await revocations.has(caller.token)) return refusalAnswer(refuse('revoked', 'The token of the call'))
  const denied = await authentication.denials.find(caller)
  if (denied !== undefined) {
    const reason = `the caller of the held call is denied by the operator (${denied})`
    return refusalAnswer(new Refusal('access_denied', { reason }))
  }
  return caller.token.exp * 1000 > clock()
    ? caller
    : refusalAnswer(refuse('expired', 'The token of the call has expired'))
}

/** Whether a token presented later says the same of its bearer: nobody approved the call for another account. */
function standsFor(later: TokenCaller, caller: TokenCaller): boolean {
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

/** The process that carried the call out did not live to say how it went. It is not carried out again. */
const lostAnswer: Answer = refusalAnswer(
  refuse('server_error', 'The call was begun and its answer is lost; it is not carried out again'),
)
