import type { Caller } from '../caller.js'
import { errorEntry, Refusal } from '../errors.js'
import { type Answer, problemAnswer } from '../http.js'
import type { Report } from '../observe/events.js'
import { StoreError, storeUnavailable } from '../store/store-error.js'
import { refusalAnswer } from './answers.js'

/** The request may go on to its handler. */
export interface Served<C extends Caller = Caller> {
  readonly served: true
  readonly caller: C
}

/** The request is answered here. */
export interface Answered {
  readonly served: false
  readonly answer: Answer
  /** An error code, a requirement, or a policy's own code; what `answer` says, for logs and error handlers. */
  readonly code: string
  readonly detail: string | undefined
}

/** What becomes of a request at a guarded route. */
export type Outcome<C extends Caller = Caller> = Served<C> | Answered

/** The caller is let through. */
export function served(caller: Caller, report: Report): Served {
  report({ name: 'served', caller: caller.kind })
  return { served: true, caller }
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
export function failed(cause: unknown, report: Report): Answered {
  if (cause instanceof StoreError) return refused(storeUnavailable(cause), report)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return refused(new Refusal('server_error', { reason }), report)
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
