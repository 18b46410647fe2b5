import { hash } from 'node:crypto'
import type { EndMarks, Origin, TokenCaller, TokenName } from '../caller.js'
import type { HeldCall } from '../http/endpoint.js'
import type { ApprovalSubject, GivenApproval } from '../http/message.js'

/** What a pending request waits for: the value of `requirement` in its answers. */
export type PendingRequirement = 'interaction' | 'approval' | 'auth-token'

/** A pending request as it was opened. Written once; its settlement and its ending are entries of their own. */
export interface PendingRecord {
  /** 256 random bits, base64url: the last segment of the pending URL. */
  readonly id: string
  /** Our identifier: another resource may keep its requests in the same store. */
  readonly resource: string
  /** Thumbprint of the key that signed the request; for every other key there is nothing here (R-218, G-39). */
  readonly jkt: string
  readonly requirement: PendingRequirement
  /** The caller, as verified when the request was opened. */
  readonly caller: TokenCaller
  /** The caller, and the callers of the requests that this one goes on from: if one of them is revoked, it ends. */
  readonly origins: readonly Origin[]
  /** Milliseconds: when it was opened. */
  readonly opened: number
  /** Milliseconds; from then on nothing can settle the request. */
  readonly expires: number
  /** Milliseconds; from then on the request is not stored. */
  readonly forgotten: number
  /** Whether the agent's user may be asked questions (`AAuth-Capabilities: clarification`). */
  readonly clarification: boolean
  /** Present when it waits for somebody on the side of a supplier that its handler has called (AAuth 10.1.2). */
  readonly chained?: true
  /** Present when a person has to come to our page. */
  readonly interaction?: PendingInteraction
  /**
   * Present when a person is to be linked to a user of the application (AAuth 7.2.3). A resource token has the page's URL
   * and its code; nobody polls.
   */
  readonly link?: true
  /** Present when an approval begins a session. */
  readonly session?: PendingSession
  /** Present when a call is held. */
  readonly call?: PendingCall
}

/** The interaction page of a pending request (AAuth 11.6.3). */
export interface PendingInteraction {
  /** The last segment of the interaction URL. Not the pending id, so that the person's browser cannot poll. */
  readonly id: string
  /** The interaction code, normalised (AAuth 11.6.3.1). */
  readonly code: string
  /** Shown on the page: what it is for. */
  readonly description?: string | undefined
  /** The scopes that the page shows. */
  readonly scope: readonly string[]
  /** Who may approve, by the application's own names. Default: whoever can sign in. */
  readonly by?: readonly string[] | undefined
  /** Present where the application remembers the approval of a call. */
  readonly lasting?: true | undefined
  /** Where our page sends the person on to, and with which code; then nobody signs in or approves here. */
  readonly onward?: {
    readonly url: string
    readonly code: string
    /**
     * Whether that page sends the person back to us. Person servers know our `callback_endpoint`; a supplier knows us by a
     * token of the person's, which names no agent provider, and would refuse it (G-38).
     */
    readonly returns: boolean
  }
}

/** The session that an approval begins. */
export interface PendingSession {
  readonly scope: readonly string[]
}

/** The grant that an auth token has to carry. */
export interface GrantRequest {
  readonly scope: readonly string[]
  readonly account?: string
  /** Present where the person is linked to no user yet, and comes to our page first. */
  readonly link?: true
}

/** A held call, and what it waits for. */
export interface PendingCall {
  readonly held: HeldCall
  /** Present when approvers see the content (`content: true`). */
  readonly shown?: true | undefined
  /** The approvals that it has been given already. */
  readonly approvals: readonly GivenApproval[]
  /** The subject of the approval that this request asks for; absent with `requirement: 'auth-token'`. */
  readonly subject?: ApprovalSubject | undefined
  /** What its handler needs to call suppliers when it runs (again), sealed (`chaining/seal.ts`). */
  readonly chain?: string | undefined
  /** In how many pending requests it has waited already. */
  readonly waited: number
  /** What the auth token has to grant (G-41); only with `requirement: 'auth-token'`. */
  readonly grant?: GrantRequest
  /** The resource token of the first answer, and its `exp` in seconds. */
  readonly resourceToken?: { readonly jwt: string; readonly exp: number }
}

/** How a pending request was decided. The first settlement counts. */
export type Settlement = Approved | NotApproved

/** The settlement that lets the agent go on. */
export interface Approved extends Approval {
  readonly outcome: 'approved'
  /** Milliseconds: when it was approved. */
  readonly at: number
  /** What had been ended before; anything ended since ends this request. */
  readonly marks: EndMarks
}

/** Who approved, and what the session is to hold. */
export interface Approval {
  /** The application's own name of the person who approved: the session is theirs, and handlers see it in `approvedBy`. */
  readonly user?: string | undefined
  /** JSON for the session; handlers see it. */
  readonly data?: unknown
}

/** A settlement that ends the request without effect. */
export interface NotApproved {
  readonly outcome: 'denied' | 'abandoned' | 'expired' | 'invalid_code' | 'server_error'
}

/** That a pending request has been given its last answer, or that its call is being carried out. */
export interface Ending {
  readonly state: 'running' | 'ended'
  /** Milliseconds; a call that is still running then counts as lost. */
  readonly until?: number
  /** The name of the claim to carry the call out; absent from every other ending. */
  readonly name?: string
  /** The auth token that the call was carried out with: a hash of (`iss`, `jti`) (G-43). */
  readonly token?: string | undefined
  /** The id of the pending request in which the call goes on. */
  readonly next?: string | undefined
}

/** A hash that names a token, for {@link Ending.token} (G-43). */
export function tokenName({ iss, jti }: TokenName): string {
  return hash('sha256', `${iss}\n${jti}`, 'base64url')
}

/** Whether two callers presented the same token. */
export function isSameToken(a: TokenCaller, b: TokenCaller): boolean {
  return tokenName(a.token) === tokenName(b.token)
}

/** How many more pending requests one call may go through, after its first: each poll reads all of them. */
export const mostWaits = 16
