import { hash } from 'node:crypto'
import type { EndMarks, Origin, TokenCaller, TokenName } from '../caller.js'
import type { HeldCall } from '../http/endpoint.js'
import type { ApprovalSubject, GivenApproval } from '../http/message.js'

/** What a pending request waits for: the `requirement` in its answers. */
export type PendingRequirement = 'interaction' | 'approval' | 'auth-token'

/** A pending request as opened. Written once; its settlement and its ending are separate entries. */
export interface PendingRecord {
  /** 256 random bits, base64url: the last segment of the pending URL. */
  readonly id: string
  /** Our identifier: another resource may keep its requests in the same store. */
  readonly resource: string
  /** Thumbprint of the key that signed the request; for every other key the request does not exist (R-218, G-39). */
  readonly jkt: string
  readonly requirement: PendingRequirement
  /** The caller, as verified when the request was opened. */
  readonly caller: TokenCaller
  /** The caller, and the callers of the requests that this one continues: if one of them is revoked, it ends. */
  readonly origins: readonly Origin[]
  /** Milliseconds; the time it was opened. */
  readonly opened: number
  /** Milliseconds; after this time nothing can settle the request. */
  readonly expires: number
  /** Milliseconds; after this time the request is no longer stored. */
  readonly forgotten: number
  /** Whether the agent's user may be asked questions (`AAuth-Capabilities: clarification`). */
  readonly clarification: boolean
  /** Present if it waits for somebody at a supplier that its handler has called (AAuth 10.1.2). */
  readonly chained?: true
  /** Present if a person must come to our page. */
  readonly interaction?: PendingInteraction
  /**
   * Present if a person is to be linked to a user of the application (AAuth 7.2.3). The resource token has the page's
   * URL and its code; nobody polls.
   */
  readonly link?: true
  /** Present if an approval begins a session. */
  readonly session?: PendingSession
  /** Present if a call is held. */
  readonly call?: PendingCall
}

/** The interaction page of a pending request (AAuth 11.6.3). */
export interface PendingInteraction {
  /** The last segment of the interaction URL. Not the pending id, so that the person's browser cannot poll. */
  readonly id: string
  /** The interaction code, normalised (AAuth 11.6.3.1). */
  readonly code: string
  /** Shown on the page: the purpose. */
  readonly description?: string | undefined
  /** The scopes that the page shows. */
  readonly scope: readonly string[]
  /** Who may approve, by the application's own names. Default: everyone who can sign in. */
  readonly by?: readonly string[] | undefined
  /** Present if the application remembers the approval of a call. */
  readonly lasting?: true | undefined
  /** Where our page sends the person on to, and with which code; then nobody signs in or approves here. */
  readonly onward?: {
    readonly url: string
    readonly code: string
    /**
     * Whether that page sends the person back to us. Person servers know our `callback_endpoint`; a supplier knows us
     * by the person's token, which names no agent provider, and would refuse it (G-38).
     */
    readonly returns: boolean
  }
}

/** The session that an approval begins. */
export interface PendingSession {
  readonly scope: readonly string[]
}

/** The grant that an auth token must carry. */
export interface GrantRequest {
  readonly scope: readonly string[]
  readonly account?: string
  /** Present if the person is not yet linked to a user, and comes to our page first. */
  readonly link?: true
}

/** A held call and what it waits for. */
export interface PendingCall {
  readonly held: HeldCall
  /** Present if approvers see the content (`content: true`). */
  readonly shown?: true | undefined
  /** The approvals that it has already been given. */
  readonly approvals: readonly GivenApproval[]
  /** The subject of the requested approval; absent with `requirement: 'auth-token'`. */
  readonly subject?: ApprovalSubject | undefined
  /** The sealed data that its handler needs to call suppliers when it runs (again) (`chaining/seal.ts`). */
  readonly chain?: string | undefined
  /** The number of pending requests in which it has waited already. */
  readonly waited: number
  /** The required grant of the auth token (G-41); only with `requirement: 'auth-token'`. */
  readonly grant?: GrantRequest
  /** The resource token of the first answer, and its `exp` in seconds. */
  readonly resourceToken?: { readonly jwt: string; readonly exp: number }
}

/** How a pending request was decided. The first settlement counts. */
export type Settlement = Approved | NotApproved

/** The settlement that lets the agent continue. */
export interface Approved extends Approval {
  readonly outcome: 'approved'
  /** Milliseconds; the time of the approval. */
  readonly at: number
  /** What had been ended before; anything ended since ends this request. */
  readonly marks: EndMarks
}

/** Who approved, and the data of the session. */
export interface Approval {
  /**
   * The application's own name of the person who approved. The session belongs to that person, and handlers see the
   * name in `approvedBy`.
   */
  readonly user?: string | undefined
  /** JSON for the session; handlers see it. */
  readonly data?: unknown
}

/** A settlement that ends the request without effect. */
export interface NotApproved {
  readonly outcome: 'denied' | 'abandoned' | 'expired' | 'invalid_code' | 'server_error'
}

/** Says that a pending request has got its last answer, or that its call is being carried out. */
export interface Ending {
  readonly state: 'running' | 'ended'
  /** Milliseconds; a call still running at this time counts as lost. */
  readonly until?: number
  /** The name of the claim to carry the call out; absent from every other ending. */
  readonly name?: string
  /** The auth token with which the call was carried out: a hash of (`iss`, `jti`) (G-43). */
  readonly token?: string | undefined
  /** The id of the pending request in which the call continues. */
  readonly next?: string | undefined
}

/** A hash that identifies a token, for {@link Ending.token} (G-43). */
export function tokenName({ iss, jti }: TokenName): string {
  return hash('sha256', `${iss}\n${jti}`, 'base64url')
}

/** Whether two callers presented the same token. */
export function isSameToken(a: TokenCaller, b: TokenCaller): boolean {
  return tokenName(a.token) === tokenName(b.token)
}

/** Limit on the pending requests of one call after its first: each poll reads all of them. */
export const mostWaits = 16
