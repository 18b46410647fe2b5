import { refusalAnswer } from '../answer/challenge.js'
import { failed, refused } from '../answer/outcome.js'
import { type AuthenticationContext, authenticate } from '../authentication/authenticate.js'
import { Refusal, refuse } from '../errors.js'
import { reportOn } from '../events.js'
import { readJsonObject } from '../http/content.js'
import type { Endpoint, Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { fixedLimits } from '../limits.js'
import { unsigned } from '../signature/read.js'
import { goneAnswer, notFoundAnswer, waitingAnswer } from './answers.js'
import type { Poll, PollContext } from './context.js'
import { stoppedAnswer } from './ending.js'
import { answerPoll } from './poll.js'
import { createPollRate } from './poll-rate.js'
import { mostWaits, type PendingRecord } from './record.js'
import { isPendingId, settlementOf } from './settle.js'
import { openQuestion } from './still-waiting.js'

/**
 * The endpoint behind all pending URLs (AAuth 11.8): `GET` polls, `POST` answers a question, `DELETE` cancels.
 *
 * @param path prefix of all pending URLs
 * @param ofRoutes how requests at guarded routes are authenticated; polls are authenticated in the same way
 * @param steady a monotonic clock, in milliseconds
 */
export function pendingEndpoint(
  path: string,
  ofRoutes: AuthenticationContext,
  shared: PollContext,
  steady: () => number,
): Endpoint {
  // The content of a poll is kept in memory while the poll waits, and is at most an answer to a question.
  const bodyLimit = fixedLimits.clarificationBody
  const authentication = { ...ofRoutes, bodyLimit, isOwnEndpoint: true } as const
  const allowed = createPollRate(steady)

  const handle = async (request: HttpRequest, host: Host): Promise<Answer> => {
    const context = { ...shared, report: reportOn(shared.report, request) }
    const caller = await authenticate(request, authentication)
    if (caller === unsigned) return refused(unsignedPoll(authentication), context.report).answer
    if (caller instanceof Refusal) return refused(caller, context.report).answer
    const id = request.target.slice(path.length).split('?', 1)[0] as string
    const record = isPendingId(id) ? await context.records.find(id) : undefined
    // Callers who did not start the request learn nothing of it, not even that it exists.
    if (record === undefined || record.jkt !== caller.jkt) return notFoundAnswer
    // The record's own ID: a slice of the target would keep the whole target in memory.
    if (!allowed(record.id)) return slowDown(context)
    const used = await authentication.replays.use(request, authentication.replay)
    return used === undefined
      ? act(record, { request, caller, host }, context)
      : refused(used, context.report).answer
  }

  const act = async (record: PendingRecord, poll: Poll, context: PollContext): Promise<Answer> => {
    switch (poll.request.method) {
      case 'DELETE':
        return cancel(await currentOf(record, context), context)
      case 'POST':
        return answerQuestion(await currentOf(record, context), poll, context)
      default:
        return answerPoll(record, poll, context)
    }
  }

  return {
    path,
    prefix: true,
    methods: ['GET', 'POST', 'DELETE'],
    async handle(request, host = {}) {
      const answer = await handle(request, host).catch(
        (cause: unknown) => failed(cause, shared.report, request).answer,
      )
      if (!isLasting(request, answer)) await authentication.replays.giveBack(request)
      return shared.longPolls.closed ? last(answer) : answer
    },
  }
}

/** Whether a request had an effect, such as carrying out a held call; otherwise its signature stays unused (G-71). */
function isLasting({ method }: HttpRequest, { status, raw }: Answer): boolean {
  return raw !== undefined || (status < 400 && (status !== 202 || method === 'POST'))
}

/**
 * An answer after which the connection is closed, because a server that shuts down would wait for one that is kept
 * alive.
 */
const last = (answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, Connection: 'close' },
})

function unsignedPoll(authentication: AuthenticationContext): Refusal {
  return new Refusal('invalid_signature', {
    detail: 'A poll must be signed with the key that started the request',
    acceptScheme: authentication.signature.schemes,
  })
}

function slowDown({ settings }: PollContext): Answer {
  return refusalAnswer(new Refusal('slow_down', { retryAfter: settings.retryAfter + 5 }))
}

/** The request in which a call is waiting now: agents that keep polling the first one mean this one. */
async function currentOf(record: PendingRecord, { records }: PollContext): Promise<PendingRecord> {
  let current = record
  for (let waited = 0; waited <= mostWaits; waited++) {
    const id = (await records.ending(current))?.next
    const next = id === undefined ? undefined : await records.find(id)
    if (next?.jkt !== record.jkt) break
    current = next
  }
  return current
}

/** `DELETE`: the agent cancels the request. A call that is being carried out can no longer be cancelled. */
async function cancel(record: PendingRecord, context: PollContext): Promise<Answer> {
  if (!(await context.records.cancel(record))) return goneAnswer
  context.report({ name: 'settled', outcome: 'cancelled' })
  context.longPolls.wake(record.id)
  // The answer need not wait for the supplier's side.
  if (record.chained === true && record.call?.chain !== undefined)
    void context.chaining?.cancel(record.call.chain)
  return { status: 204, headers: { 'Cache-Control': 'no-store' }, body: '' }
}

/**
 * `POST` (AAuth 7.5.2): the answer to a question. It is the only action of a resource, and requires an open question.
 */
async function answerQuestion(record: PendingRecord, poll: Poll, context: PollContext): Promise<Answer> {
  const { records, urls } = context
  if ((await records.ending(record)) !== undefined) return goneAnswer
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  const limit = fixedLimits.clarificationBody
  const { diagnose } = context.authentication
  const body = await readJsonObject(poll.request, { limit, diagnose, anyType: true })
  if (body instanceof Refusal) return refusalAnswer(body)
  const { action, clarification_response: response } = body
  if (action !== 'clarification_response')
    return refusalAnswer(refuse('invalid_request', 'action must be clarification_response'))
  if (typeof response !== 'string')
    return refusalAnswer(refuse('invalid_request', 'clarification_response must be a string'))
  if ((await settlementOf(record, context)) !== undefined) return answerPoll(record, poll, context)
  if ((await openQuestion(record, context)) === undefined)
    return refusalAnswer(refuse('invalid_request', 'There is no open question; poll with GET'))
  await records.claim(record, 'answered', response)
  return waitingAnswer(record, urls)
}
