import { hash } from 'node:crypto'
import type { EndMarks, Origin, TokenCaller, TokenName } from '../caller.js'
import type { HeldCall } from '../http/endpoint.js'
import type { ApprovalSubject, GivenApproval } from '../http/message.js'

/** What a pending request is waiting for; the value of `requirement` in its answers. */
export type PendingRequirement = 'interaction' | 'approval' | 'auth-token'

/** What a pending request was when it was opened. Written once; what becomes of it is written beside it. */
export interface PendingRecord {
  /** 256 random bits, base64url: the last segment of the pending URL. */
  readonly id: string
  /** Our identifier: what another resource put aside in the same store is none of ours. */
  readonly resource: string
  /** Thumbprint of the key that asked; nobody else learns that there is anything here (R-218, G-39). */
  readonly jkt: string
  readonly requirement: PendingRequirement
  /** Who asked, as verified then. */
  readonly caller: TokenCaller
  /** Everybody behind it: who asked, and whoever asked in the requests that this one goes on from. */
  readonly origins: readonly Origin[]
  /** Milliseconds. */
  readonly opened: number
  /** Milliseconds; after it nothing can settle the request any more. */
  readonly expires: number
  /** Milliseconds; after it nothing is known of the request. */
  readonly forgotten: number
  /** Whether questions may be put to the agent's user (`AAuth-Capabilities: clarification`). */
  readonly clarification: boolean
  /** The interaction page, when there is one. */
  readonly interaction?: PendingInteraction
  /** Set when the end is a session. */
  readonly session?: PendingSession
  /** Set when the end is the call itself, carried out. */
  readonly call?: PendingCall
}

/** How a person comes to a pending request. */
export interface PendingInteraction {
  /** The last segment of the interaction URL. Not the pending id: the person's browser cannot poll. */
  readonly id: string
  /** Normalised (11.6.3.1). */
  readonly code: string
  /** What the page says is asked for. */
  readonly description?: string
  /** Scopes named on the page. */
  readonly scope: readonly string[]
  /** Who may approve, by the application's own names. Default: whoever can sign in. */
  readonly by?: readonly string[]
}

/** What a session is asked for. */
export interface PendingSession {
  readonly scope: readonly string[]
}

/** A call that waits. */
export interface PendingCall {
  readonly held: HeldCall
  /** Set when whoever decides sees the content (`content: true`). */
  readonly shown?: true
  /** What had been approved for it before. */
  readonly approvals: readonly GivenApproval[]
  /** What this request asks for; none with `requirement: 'auth-token'`. */
  readonly subject?: ApprovalSubject
  /** In how many requests it had waited before. */
  readonly waited: number
  /** What an auth token has to be for (G-41); only with `requirement: 'auth-token'`. */
  readonly grant?: { readonly scope: readonly string[]; readonly account?: string }
  /** The resource token given out first, until its `exp` (seconds). */
  readonly resourceToken?: { readonly jwt: string; readonly exp: number }
}

/** How a pending request was decided. The first decision stands. */
export type Settlement = Approved | NotApproved

/** A settlement in the agent's favour. */
export interface Approved extends Approval {
  readonly outcome: 'approved'
  /** Milliseconds: when it was approved. */
  readonly at: number
  readonly marks: EndMarks
}

/** What goes with an approval. */
export interface Approval {
  /** The application's own name of the person who approved: whose session it becomes, or who is told to the handler. */
  readonly user?: string
  /** JSON that the session shall hold. */
  readonly data?: unknown
}

/** A settlement that ends the request. */
export interface NotApproved {
  readonly outcome: 'denied' | 'abandoned' | 'expired' | 'invalid_code' | 'server_error'
}

/** That a pending request has been answered for good, or that its call is being carried out. */
export interface Ending {
  readonly state: 'running' | 'ended'
  /** Milliseconds; a call still running then is lost. */
  readonly until?: number
  /** Which auth token's execution this is: a hash of (`iss`, `jti`) (G-43). */
  readonly token?: string
  /** The pending request this one went over into. */
  readonly next?: string
}

/** Names the token an execution belongs to (G-43). */
export function tokenName({ iss, jti }: TokenName): string {
  return hash('sha256', `${iss}\n${jti}`, 'base64url')
}

/** Whether two callers presented the same token. */
export function isSameToken(a: TokenCaller, b: TokenCaller): boolean {
  return tokenName(a.token) === tokenName(b.token)
}
