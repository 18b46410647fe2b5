import type { Caller } from '../caller.js'
import { errorEntry, Refusal } from '../errors.js'
import type { Report } from '../events.js'
import { type Answer, problemAnswer } from '../http/message.js'
import { StoreError, storeUnavailable } from '../store/store-error.js'
import { refusalAnswer } from './challenge.js'

/** In report-only mode: what a request would have met. */
export interface Observed {
  /** An error code, a requirement, or a policy's own code. */
  readonly code: string
  /** The status it would have been answered with. */
  readonly status: number
  readonly detail: string | undefined
  /** Who signed, where that much could be verified. */
  readonly caller: Caller | undefined
}

/** The request may go on to its handler. */
export interface Served<C extends Caller | undefined = Caller | undefined> {
  readonly served: true
  /** `undefined`: nobody, on a route that is optional or only observed. */
  readonly caller: C
  /** Only in report-only mode: what would have been; `null` when nothing would have been refused. */
  readonly observed?: Observed | null
  /** What the response has to carry, whatever the handler answers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The request is answered here. */
export interface Answered {
  readonly served: false
  readonly answer: Answer
  /** An error code, a requirement, or a policy's own code; what `answer` says, for logs and error handlers. */
  readonly code: string
  readonly detail: string | undefined
  /**
   * The route's other way in decides instead: run it, and add the headers of `answer` if it answers `401`. An adapter
   * that does not know of it sends `answer`, and nobody gets in.
   */
  readonly or?: true
  /** As in {@link Served}. */
  readonly observed?: Observed | null
}

/** What becomes of a request at a guarded route. */
export type Outcome<C extends Caller | undefined = Caller | undefined> = Served<C> | Answered

/** The caller is let through. */
export function served(caller: Caller | undefined, report: Report): Served {
  report({ name: 'served', caller: caller?.kind ?? 'nobody' })
  return { served: true, caller }
}

/** The session's next token goes with whatever the answer is. */
export function renewed(outcome: Outcome, token: string): Outcome {
  const field = { 'AAuth-Access': token }
  if (outcome.served) return { ...outcome, headers: { ...outcome.headers, ...field } }
  const { answer } = outcome
  return { ...outcome, answer: { ...answer, headers: { ...answer.headers, ...field } } }
}

/** The request is refused with a code of ours. */
export function refused(refusal: Refusal, report: Report): Answered {
  const { code, details } = refusal
  const reason = details.reason ?? details.detail
  report({
    name: 'refused',
    code,
    family: errorEntry(code).family,
    ...(reason === undefined ? {} : { reason }),
  })
  return { served: false, answer: refusalAnswer(refusal), code, detail: details.detail }
}

/** A failure of ours: `503` if it is the store's, otherwise `500`; never a pass. The reason is for the operator only. */
export function failure(cause: unknown): Refusal {
  if (cause instanceof StoreError) return storeUnavailable(cause)
  return new Refusal('server_error', { reason: cause instanceof Error ? cause.message : String(cause) })
}

/** The answer to a failure of ours. */
export function failed(cause: unknown, report: Report): Answered {
  return refused(failure(cause), report)
}

/** The caller is told what to bring. */
export function challenged(requirement: string, answer: Answer, report: Report): Answered {
  report({ name: 'challenged', requirement })
  return { served: false, answer, code: requirement, detail: undefined }
}

/** The caller is told to wait: a `202`, which is no error. */
export function deferred(requirement: string, answer: Answer, report: Report): Answered {
  report({ name: 'deferred', requirement })
  return { served: false, answer, code: requirement, detail: undefined }
}

/** A `403` of the local policy; no signature field is ever on it. */
export function denied(code: string, detail: string | undefined, report: Report): Answered {
  report({ name: 'refused', code, family: 'caller' })
  const problem = {
    title: 'Access is denied',
    status: 403,
    error: code,
    ...(detail === undefined ? {} : { detail }),
  }
  return { served: false, answer: problemAnswer(problem), code, detail }
}

/** The other way in is asked. */
export function elsewhere(requirement: string, answer: Answer, report: Report): Answered {
  report({ name: 'elsewhere' })
  return { served: false, answer, code: requirement, detail: undefined, or: true }
}
