import type { TokenCaller } from '../caller.js'
import type { RequestTarget } from '../http/message.js'
import { splitTarget } from '../http/message.js'
import type { PendingRecord } from './record.js'

/** A pending request as the application sees it. */
export interface PendingView {
  /** Settles it: `pending.approve(id)`. Keep it from the agent's user; it is not secret from approvers. */
  readonly id: string
  readonly caller: TokenCaller
  /** The call that waits, where it is one. Everything in it is the caller's own word. */
  readonly request?: RequestTarget
  /** After this nothing can settle it. */
  readonly expires: Date
}

export function viewOf(record: PendingRecord): PendingView {
  const { id, caller, call, expires } = record
  return {
    id,
    caller,
    ...(call === undefined ? {} : { request: splitTarget(call.held) }),
    expires: new Date(expires),
  }
}
