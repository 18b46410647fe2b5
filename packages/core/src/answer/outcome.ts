import type { Caller } from '../caller.js'
import { askable, errorEntry, messageOf, Refusal } from '../errors.js'
import type {
  ChallengedEvent,
  ElsewhereEvent,
  RefusedEvent,
  Report,
  ServedEvent,
  UntimedEvent,
} from '../events.js'
import { type Answer, problemAnswer } from '../http/message.js'
import { StoreError, storeUnavailable } from '../store/store-error.js'
import { NoAnswer } from '../time/deadline.js'
import { refusalAnswer } from './challenge.js'

/** On report-only routes: the answer that a request would have got instead of being served. */
export interface Observed {
  /**
   * An error code, a requirement, or a policy's own code. `served`, on a route with another way in (`or`), where that has
   * decided although the request would have been served.
   */
  readonly code: string
  /** The status it would have been answered with. */
  readonly status: number
  readonly detail: string | undefined
  /** The verified caller; `undefined` where the request could not be verified. */
  readonly caller: Caller | undefined
}

/** The outcome of a request that goes on to its handler. */
export interface Served<C extends Caller | undefined = Caller | undefined> {
  readonly served: true
  /** `undefined`: the request was not signed, on an optional route, or would have been refused, on a report-only one. */
  readonly caller: C
  /** Only on report-only routes: what would have been answered; `null` when the request would have been served. */
  readonly observed?: Observed | null
  /** Fields that have to be in the response, whatever the handler answers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The outcome of a request that is answered instead of its handler. */
export interface Answered {
  readonly served: false
  readonly answer: Answer
  /** For logs and error handlers: the error code, the requirement or the policy's own code that `answer` carries. */
  readonly code: string
  readonly detail: string | undefined
  /**
   * The route's other way in decides instead: the adapter runs it, and adds the headers of `answer` if that answers `401`.
   * An adapter that ignores this sends `answer`, and nobody gets in.
   */
  readonly or?: true
  /** As in {@link Served}. */
  readonly observed?: Observed | null
}

/** The decision on a request at a guarded route. */
export type Outcome<C extends Caller | undefined = Caller | undefined> = Served<C> | Answered

/** Serves the request. */
export function served(caller: Caller | undefined, report: Report, request?: object): Served {
  report(serving(caller), request)
  return { served: true, caller }
}

const tellServed = (caller: ServedEvent['caller']): UntimedEvent<ServedEvent> =>
  Object.freeze({ name: 'served', caller })
// Every request that is served is told of, whether anybody listens or not.
const servedAs = {
  nobody: tellServed('nobody'),
  agent: tellServed('agent'),
  person: tellServed('person'),
  grant: tellServed('grant'),
  session: tellServed('session'),
}

// An agent's own tokens name it and whom it helps; an operator who reads of one sees the other.
function serving(caller: Caller | undefined): UntimedEvent<ServedEvent> {
  if (caller === undefined) return servedAs.nobody
  const { kind } = caller
  const who = kind === 'session' ? caller.by : caller
  if (who.kind !== 'agent') return servedAs[kind]
  const { agent, parentAgent } = who
  return parentAgent === undefined
    ? { name: 'served', caller: kind, agent }
    : { name: 'served', caller: kind, agent, parentAgent }
}

/** Adds the session's next token to an outcome, whatever it is. */
export function renewed(outcome: Outcome, token: string): Outcome {
  const field = { 'AAuth-Access': token }
  if (outcome.served) return { ...outcome, headers: { ...outcome.headers, ...field } }
  const { answer } = outcome
  return { ...outcome, answer: { ...answer, headers: { ...answer.headers, ...field } } }
}

/** An outcome, and the event that tells of it. */
interface Telling {
  readonly event: UntimedEvent<RefusedEvent | ChallengedEvent | ElsewhereEvent>
  readonly outcome: Answered
}

// What strangers can cause without end is made once: by the refusal or the answer, where that never changes.
const refusals = new WeakMap<Refusal, Telling>()
const challenges = new WeakMap<Answer, Telling>()
const others = new WeakMap<Answer, Telling>()

function tell({ event, outcome }: Telling, report: Report, request: object | undefined): Answered {
  report(event, request)
  return outcome
}

/** Frozen is what is made once: whoever derives something of it knows by that to remember it, and of what is not, not to. */
function keep<K extends object>(made: WeakMap<K, Telling>, key: K, telling: Telling): Telling {
  if (!Object.isFrozen(key)) return telling
  Object.freeze(telling.event)
  Object.freeze(telling.outcome)
  made.set(key, telling)
  return telling
}

/** Refuses the request with one of our error codes. */
export function refused(refusal: Refusal, report: Report, request?: object): Answered {
  const known = refusals.get(refusal)
  if (known !== undefined) return tell(known, report, request)
  const { code, details } = refusal
  const reason = details.reason ?? details.detail
  const { family } = errorEntry(code)
  const { event, outcome } = keep(refusals, refusal, {
    event: { name: 'refused', code, family, ...(reason === undefined ? {} : { reason }) },
    outcome: { served: false, answer: refusalAnswer(refusal), code, detail: details.detail },
  })
  report(event, request, details.cause)
  return outcome
}

/**
 * The refusal for something thrown: `503` where the store failed, the refusal of a {@link NoAnswer} (`503` where a function of
 * the application was too late, `403` where a policy engine could not be asked), otherwise `500`. The reason is for the
 * operator only.
 */
export function failure(thrown: unknown): Refusal {
  const cause = askable(thrown)
  if (cause instanceof StoreError) return storeUnavailable(cause)
  if (cause instanceof NoAnswer) return cause.refusal
  return new Refusal('server_error', { reason: messageOf(cause), cause })
}

/** Refuses the request because of something thrown; see {@link failure}. */
export function failed(cause: unknown, report: Report, request?: object): Answered {
  return refused(failure(cause), report, request)
}

/** Challenges the caller to bring a token. */
export function challenged(requirement: string, answer: Answer, report: Report, request?: object): Answered {
  const telling =
    challenges.get(answer) ??
    keep(challenges, answer, {
      event: { name: 'challenged', requirement },
      outcome: { served: false, answer, code: requirement, detail: undefined },
    })
  return tell(telling, report, request)
}

/** Challenges the caller to bring a token, once the person is linked to a user of the application. */
export function userNeeded(answer: Answer, report: Report, request?: object): Answered {
  report({ name: 'challenged', requirement: 'auth-token', code: 'user_required' }, request)
  return { served: false, answer, code: 'user_required', detail: undefined }
}

/** Answers `202`: the request is pending, which is no error. */
export function deferred(requirement: string, answer: Answer, report: Report, request?: object): Answered {
  report({ name: 'deferred', requirement }, request)
  return { served: false, answer, code: requirement, detail: undefined }
}

/** Answers the `403` of a policy; it never carries a signature field. */
export function denied(code: string, detail: string | undefined, report: Report, request?: object): Answered {
  report({ name: 'refused', code, family: 'caller' }, request)
  const problem = {
    title: 'Access is denied',
    status: 403,
    error: code,
    ...(detail === undefined ? {} : { detail }),
  }
  return { served: false, answer: problemAnswer(problem), code, detail }
}

/** Leaves the request to the route's other way in. */
export function elsewhere(requirement: string, answer: Answer, report: Report, request?: object): Answered {
  const telling =
    others.get(answer) ??
    keep(others, answer, {
      event: { name: 'elsewhere' },
      outcome: { served: false, answer, code: requirement, detail: undefined, or: true },
    })
  return tell(telling, report, request)
}
