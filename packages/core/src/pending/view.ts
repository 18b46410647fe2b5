import type { PolicyRequest } from '../access/policy.js'
import type { Caller } from '../caller.js'
import type { PendingRecord } from './record.js'

/** A pending request as the application sees it. */
export interface PendingView {
  /** Settles it: `pending.approve(id)`. Keep it from the agent's user; it is not secret from approvers. */
  readonly id: string
  readonly caller: Caller
  /** The call that waits, where it is one. Everything in it is the caller's own word. */
  readonly request?: PolicyRequest
  /** After this nothing can settle it. */
  readonly expires: Date
}

export function viewOf(record: PendingRecord): PendingView {
  const { id, caller, call, expires } = record
  return {
    id,
    caller,
    ...(call === undefined ? {} : { request: requestView(call.held) }),
    expires: new Date(expires),
  }
}

/** Splits a target as a policy wants it. */
export function requestView({
  method,
  target,
}: {
  readonly method: string
  readonly target: string
}): PolicyRequest {
  const question = target.indexOf('?')
  return question === -1
    ? { method, path: target, query: '' }
    : { method, path: target.slice(0, question), query: target.slice(question + 1) }
}
