import type { TokenCaller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { RequestTarget } from '../http/message.js'
import { splitTarget } from '../http/message.js'
import { describeContent, type RequestContent } from '../http/request-content.js'
import type { PendingCall, PendingRecord } from './record.js'

/** A held call, as the approver sees it. */
export interface HeldRequest extends RequestTarget {
  /** The content, where the route says `content: true`. */
  readonly content?: RequestContent
}

/** A pending request as the application sees it. */
export interface PendingView {
  /** For `pending.approve(id)` and the others. Approvers may see it; keep it from the agent's user. */
  readonly id: string
  readonly caller: TokenCaller
  /** The held call, where there is one. Everything in it is untrusted: the caller wrote it. */
  readonly request?: HeldRequest
  /** From then on nothing can settle it. */
  readonly expires: Date
}

/** A pending request as the application sees it. */
export function viewOf(record: PendingRecord): PendingView {
  const { id, caller, call, expires } = record
  return {
    id,
    caller,
    ...(call === undefined ? {} : { request: viewCall(call) }),
    expires: new Date(expires),
  }
}

/** The first line of a held call and, where the route shows it, its content. */
function viewCall({ held, shown }: PendingCall): HeldRequest {
  const target = splitTarget(held)
  if (shown !== true) return target
  const content = describeContent(held.rawHeaders, Buffer.from(held.content, 'base64'))
  return content instanceof Refusal ? target : { ...target, content }
}
