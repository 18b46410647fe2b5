import { randomUUID } from 'node:crypto'
import { refusalAnswer } from '../answer/challenge.js'
import { refused } from '../answer/outcome.js'
import { standsFor, type TokenCaller } from '../caller.js'
import type { CarriedChain } from '../chaining/chain.js'
import { messageOf, Refusal, refuse } from '../errors.js'
import type { Answer, Carried, RawAnswer } from '../http/message.js'
import { instanceSkew, issuerSkew } from '../limits.js'
import type { Poll, PollContext } from './context.js'
import { type Approved, type PendingCall, type PendingRecord, tokenName } from './record.js'
import { waitingAgain } from './still-waiting.js'

/** The stored answer of a held call. */
interface KeptAnswer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  /** Base64. */
  readonly content: string
}

/** Options of {@link executeCall}. */
export interface Execution {
  readonly approved?: Approved
  /** The sealed data for its calls to suppliers. Default: as stored when the call was put on hold. */
  readonly chain?: string | undefined
}

// A call counts as lost once, by every instance's clock, it can neither still be running nor its answer still be
// written.
const marginMs = instanceSkew * 1000 + 5000

/**
 * Carries a held call out. It is claimed first, so that it never happens twice, whatever happens to this process.
 * `undefined` if another poll has claimed it. The handler's answer is stored for repeated polls if the call waited
 * for an auth token. If a guard cannot judge the call now, its `503` is the answer of this poll, and the next poll
 * tries again for as long as the request is kept: no approval is lost because a policy was slow. If the guard makes
 * the call wait again, the answer is the `202` of the request that it opened; the token of this poll has then been
 * judged, and is not judged again.
 */
export async function executeCall(
  record: PendingRecord,
  poll: Poll,
  context: PollContext,
  { approved, chain: sealed = record.call?.chain }: Execution = {},
): Promise<Answer | undefined> {
  const { records, clock, settings } = context
  const keeps = record.requirement === 'auth-token'
  const token = keeps ? tokenName(poll.caller.token) : undefined
  const until = clock() + settings.callTime * 1000 + marginMs
  const dispatch = poll.host.dispatch
  if (dispatch === undefined)
    throw new TypeError('a held call cannot be carried out: the adapter gave no dispatch')
  // Before the claim: a failure here has done nothing, so it may be tried again.
  const chain = await context.chaining?.carry(sealed, poll.request, poll.caller)
  // Without it the handler would repeat what it has done. Another process may have the secret.
  if (sealed !== undefined && chain === undefined) return refused(unreadable, context.report).answer
  const name = randomUUID()
  if (!(await records.end(record, { state: 'running', until, name, token }))) return undefined
  const { answer, next, unjudged } = await carryOut(record, poll, context, { approved, chain })
  if (unjudged !== undefined) {
    // If the claim cannot be given back, the call counts as lost later, because it must not begin twice.
    await records
      .giveBack(record, name)
      .catch((cause: unknown) =>
        context.report({ name: 'failed', reason: messageOf(cause) }, poll.request, cause),
      )
    return unjudged
  }
  try {
    const keep = keeps ? (poll.caller.token.exp + issuerSkew) * 1000 : 0
    if (keeps && next === undefined) await records.note(record, 'answer', kept(answer), keep)
    await records.conclude(record, { state: 'ended', token, next }, keep + settings.retention * 1000)
  } catch (cause) {
    // The call has been made: its answer is sent even if it cannot be stored. Repeated polls are told that it is
    // lost.
    context.report({ name: 'failed', reason: messageOf(cause) }, poll.request, cause)
  }
  context.longPolls.wake(record.id)
  return next === undefined ? answer : waitingAgain(next, poll, context)
}

/**
 * The caller for whom the call is carried out. Many agents poll with their agent token, whichever token they called
 * with. The key is the same, so the token of the call counts until it expires. The polling token replaces it only if
 * it names the same person or agent, account, tenant and mission.
 */
export function callerFor(
  { caller }: PendingRecord,
  polling: TokenCaller,
  { clock }: PollContext,
): TokenCaller | undefined {
  if (standsFor(polling, caller)) return polling
  return caller.token.exp * 1000 > clock() ? caller : undefined
}

/** The stored answer, for a repeated poll; `undefined` if it is no longer stored. */
export async function keptAnswer(record: PendingRecord, context: PollContext): Promise<Answer | undefined> {
  const stored = (await context.records.read(record, 'answer')) as KeptAnswer | undefined
  if (stored === undefined) return undefined
  return toAnswer({ ...stored, content: Buffer.from(stored.content, 'base64') })
}

async function carryOut(
  record: PendingRecord,
  poll: Poll,
  { settings, report, authentication }: PollContext,
  { approved, chain }: { readonly approved: Approved | undefined; readonly chain: CarriedChain | undefined },
): Promise<{
  readonly answer: Answer
  readonly next?: string | undefined
  readonly unjudged?: Answer | undefined
}> {
  const { caller, host } = poll
  const { held, approvals, subject, waited } = record.call as PendingCall
  let next: string | undefined
  let unjudged: Answer | undefined
  const given =
    subject === undefined || approved === undefined
      ? []
      : [{ subject, user: approved.user, marks: approved.marks }]
  const carried: Carried = {
    server: authentication.issuers,
    caller,
    approvals: [...approvals, ...given],
    origins: record.origins,
    waited: waited + 1,
    chain,
    waitsAgain(id) {
      next = id
    },
    unjudged(answer) {
      unjudged = answer
    },
  }
  const limits = { answer: settings.callAnswer, ms: settings.callTime * 1000 }
  try {
    const raw = await host.dispatch?.(held, carried, limits)
    const answer = raw === undefined ? tooLong : toAnswer(raw)
    // An answer that the application has turned into another one is final. So is one that opened another request: its
    // approver was told, and would be told again at each poll.
    const isLater = answer.status === 503 && next === undefined
    return isLater && unjudged !== undefined ? { answer, unjudged } : { answer, next }
  } catch (cause) {
    report({ name: 'failed', reason: messageOf(cause) }, poll.request, cause)
    return { answer: unanswered }
  }
}

function toAnswer({ status, rawHeaders, content }: RawAnswer): Answer {
  // The guard sets `private` if the handler sets nothing (G-75); the answer to a poll must not be cached at all.
  const fields = rawHeaders.flatMap((name, i) => {
    const value = rawHeaders[i + 1] as string
    if (i % 2 === 1 || (isCacheControl(name) && value.trim().toLowerCase() === 'private')) return []
    return [name, value]
  })
  const isSaid = fields.some((name, i) => i % 2 === 0 && isCacheControl(name))
  const said = isSaid ? fields : [...fields, 'Cache-Control', 'no-store']
  return { status, headers: {}, body: '', raw: { rawHeaders: said, content } }
}

const isCacheControl = (name: string): boolean => name.toLowerCase() === 'cache-control'

function kept({ status, headers, body, raw }: Answer): KeptAnswer {
  const content = raw?.content ?? Buffer.from(body)
  return {
    status,
    rawHeaders: raw?.rawHeaders ?? Object.entries(headers).flat(),
    content: Buffer.from(content).toString('base64'),
  }
}

const unreadable = new Refusal('store_unavailable', {
  retryAfter: 5,
  reason:
    'what was stored of a call that calls suppliers cannot be read: was a secret replaced, or onward removed?',
})

const tooLong: Answer = refusalAnswer(
  refuse('server_error', 'The call was carried out, but its answer is longer than this server keeps'),
)
const unanswered: Answer = refusalAnswer(
  refuse('server_error', 'The call was carried out, but it gave no answer; it is not carried out again'),
)
