import { refusalAnswer } from '../answer/challenge.js'
import { failed, refused } from '../answer/outcome.js'
import { type AuthenticationContext, authenticate } from '../authentication/authenticate.js'
import { Refusal, refuse } from '../errors.js'
import { readJsonObject } from '../http/content.js'
import type { Endpoint, Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import { fixedLimits } from '../limits.js'
import { unsigned } from '../signature/read.js'
import { goneAnswer, notFoundAnswer, waitingAnswer } from './answers.js'
import type { Poll, PollContext } from './context.js'
import { stoppedAnswer } from './ending.js'
import { createPace } from './pace.js'
import { answerPoll } from './poll.js'
import type { PendingRecord } from './record.js'
import { isPendingId, settlementOf } from './settle.js'
import { openQuestion } from './still-waiting.js'

/**
 * The pending URLs (AAuth 11.8): `GET` polls, `POST` answers a question, `DELETE` cancels.
 *
 * @param steady milliseconds that only ever grow
 */
export function pendingEndpoint(
  path: string,
  ofRoutes: AuthenticationContext,
  context: PollContext,
  steady: () => number,
): Endpoint {
  // What a poll brings is held as long as the poll waits, and is good for an answer to a question at most.
  const bodyLimit = fixedLimits.clarificationBody
  const authentication = { ...ofRoutes, bodyLimit, isOwnEndpoint: true } as const
  const allowed = createPace(steady)

  const handle = async (request: HttpRequest, host: Host): Promise<Answer> => {
    const caller = await authenticate(request, authentication)
    if (caller === unsigned) return refused(unsignedPoll(authentication), context.report).answer
    if (caller instanceof Refusal) return refused(caller, context.report).answer
    const id = request.target.slice(path.length).split('?', 1)[0] as string
    const record = isPendingId(id) ? await context.records.find(id) : undefined
    // Whoever did not start the request learns nothing of it, not even that it is there.
    if (record === undefined || record.jkt !== caller.jkt) return notFoundAnswer
    // The record's own name: one cut out of the target would keep the whole target with it.
    if (!allowed(record.id)) return slowDown(context)
    const used = await authentication.replays.use(request, authentication.replay)
    return used === undefined ? act(record, { request, caller, host }) : refused(used, context.report).answer
  }

  const act = (record: PendingRecord, poll: Poll): Promise<Answer> => {
    switch (poll.request.method) {
      case 'DELETE':
        return cancel(record, context)
      case 'POST':
        return answerQuestion(record, poll, context)
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
        (cause: unknown) => failed(cause, context.report).answer,
      )
      if (!isLasting(request, answer)) await authentication.replays.giveBack(request)
      return context.waits.closed ? last(answer) : answer
    },
  }
}

/** Whether something came of a request, be it that a held call was run; otherwise its signature stays unused (G-71). */
function isLasting({ method }: HttpRequest, { status, raw }: Answer): boolean {
  return raw !== undefined || (status < 400 && (status !== 202 || method === 'POST'))
}

/** An agent that polls keeps its connection, and a server that closes would wait for it. */
const last = (answer: Answer): Answer => ({
  ...answer,
  headers: { ...answer.headers, Connection: 'close' },
})

function unsignedPoll(authentication: AuthenticationContext): Refusal {
  return new Refusal('invalid_signature', {
    detail: 'Polls are signed',
    acceptScheme: authentication.signature.schemes,
  })
}

function slowDown({ settings }: PollContext): Answer {
  return refusalAnswer(new Refusal('slow_down', { retryAfter: settings.retryAfter + 5 }))
}

/** `DELETE`: the agent has lost interest. What has begun to be carried out cannot be called back. */
async function cancel(record: PendingRecord, context: PollContext): Promise<Answer> {
  if (!(await context.records.cancel(record))) return goneAnswer
  context.report({ name: 'settled', outcome: 'cancelled' })
  context.waits.wake(record.id)
  return { status: 204, headers: { 'Cache-Control': 'no-store' }, body: '' }
}

/** `POST` (AAuth 7.5.2): a resource knows one action, and only while a question stands. */
async function answerQuestion(record: PendingRecord, poll: Poll, context: PollContext): Promise<Answer> {
  const { records, places } = context
  if ((await records.ending(record)) !== undefined) return goneAnswer
  const stopped = await stoppedAnswer(record, poll, context)
  if (stopped !== undefined) return stopped
  const limit = fixedLimits.clarificationBody
  const { diagnose } = context.authentication
  const body = await readJsonObject(poll.request, { limit, diagnose, anyType: true })
  if (body instanceof Refusal) return refusalAnswer(body)
  const { action, clarification_response: response } = body
  if (action !== 'clarification_response')
    return refusalAnswer(refuse('invalid_request', 'The action is missing or not known here'))
  if (typeof response !== 'string')
    return refusalAnswer(refuse('invalid_request', 'clarification_response must be a string'))
  if ((await settlementOf(record, context)) !== undefined) return answerPoll(record, poll, context)
  if ((await openQuestion(record, context)) === undefined)
    return refusalAnswer(refuse('invalid_request', 'No question was asked'))
  await records.claim(record, 'answered', response)
  return waitingAnswer(record, places)
}
