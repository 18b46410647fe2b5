import type { TokenCaller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { RequestTarget } from '../http/message.js'
import { splitTarget } from '../http/message.js'
import { describeContent, type RequestContent } from '../http/request-content.js'
import type { PendingCall, PendingRecord } from './record.js'

/** A call that waits, as whoever decides sees it. */
export interface HeldRequest extends RequestTarget {
  /** What is sent, where the route says `content: true`. */
  readonly content?: RequestContent
}

/** A pending request as the application sees it. */
export interface PendingView {
  /** Settles it: `pending.approve(id)`. Keep it from the agent's user; it is not secret from approvers. */
  readonly id: string
  readonly caller: TokenCaller
  /** The call that waits, where it is one. Everything in it is the caller's own word. */
  readonly request?: HeldRequest
  /** After this nothing can settle it. */
  readonly expires: Date
}

export function viewOf(record: PendingRecord): PendingView {
  const { id, caller, call, expires } = record
  return {
    id,
    caller,
    ...(call === undefined ? {} : { request: viewCall(call) }),
    expires: new Date(expires),
  }
}

/** What a call that waits says: its first line and, where the route shows it, its content. */
function viewCall({ held, shown }: PendingCall): HeldRequest {
  const target = splitTarget(held)
  if (shown !== true) return target
  const content = describeContent(held.rawHeaders, Buffer.from(held.content, 'base64'))
  return content instanceof Refusal ? target : { ...target, content }
}
