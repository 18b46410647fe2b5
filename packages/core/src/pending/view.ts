import type { TokenCaller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { RequestTarget } from '../http/message.js'
import { splitTarget } from '../http/message.js'
import { describeContent, type RequestContent } from '../http/request-content.js'
import type { PendingCall, PendingRecord } from './record.js'

/** A held call as shown to the approver. */
export interface HeldRequest extends RequestTarget {
  /** The content, if the route has `content: true`. */
  readonly content?: RequestContent
}

/** A pending request as shown to the application. */
export interface PendingView {
  /** For `pending.approve(id)` and the other methods. Approvers may see it; keep it from the agent's user. */
  readonly id: string
  readonly caller: TokenCaller
  /** The held call, if any. Everything in it is untrusted: the caller wrote it. */
  readonly request?: HeldRequest
  /** After this time nothing can settle it. */
  readonly expires: Date
}

/** The view of a pending request for the application. */
export function viewOf(record: PendingRecord): PendingView {
  const { id, caller, call, expires } = record
  return {
    id,
    caller,
    ...(call === undefined ? {} : { request: viewCall(call) }),
    expires: new Date(expires),
  }
}

/** The request target of a held call and, if the route shows it, its content. */
function viewCall({ held, shown }: PendingCall): HeldRequest {
  const target = splitTarget(held)
  if (shown !== true) return target
  const content = describeContent(held.rawHeaders, Buffer.from(held.content, 'base64'))
  return content instanceof Refusal ? target : { ...target, content }
}
