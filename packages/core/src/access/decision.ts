import type { Caller, Grant, Person, TokenCaller } from '../caller.js'
import type { Refusal } from '../errors.js'
import type { SessionRequest } from '../pending/open.js'
import type { Wanted } from './approvals.js'

/** Serve the caller, as far as the protocol goes; the policy still has the last word. */
export interface Serve {
  readonly act: 'serve'
  /** `undefined`: nobody, where the route is optional. */
  readonly caller: Caller | undefined
}

/** Challenge with a requirement that needs no token of ours. */
export interface AskToken {
  readonly act: 'ask'
  readonly requirement: 'agent-token' | 'person-token'
}

/** Challenge with a resource token for these scopes, minted from this caller. */
export interface AskGrant {
  readonly act: 'ask-grant'
  readonly caller: Person | Grant
  readonly scope: readonly string[]
  /** Those of the scopes without which it is no use asking. */
  readonly essential: readonly string[]
  readonly account: string | undefined
  /** Present where the person is linked to no user yet, and comes to our page first. */
  readonly link?: true
}

/** Access is denied: nothing the caller could bring would help. */
export interface Forbid {
  readonly act: 'forbid'
  readonly code: string
  readonly detail: string | undefined
}

/** Put the call aside until somebody has approved it; only a policy says so. */
export interface Hold {
  readonly act: 'hold'
  readonly caller: Caller
  readonly wanted: Wanted
}

/** The route has a flow of our own: look for a session, then decide once more (`decideSession`). No end of it. */
export interface Connect {
  readonly act: 'connect'
  readonly caller: TokenCaller
}

/** A person has to connect the agent first. */
export interface AskSession {
  readonly act: 'ask-session'
  readonly caller: TokenCaller
  readonly asked: SessionRequest
}

/** The signature, the token or something behind them is at fault. */
export interface Refuse {
  readonly act: 'refuse'
  readonly refusal: Refusal
}

/** What the matrix says of a request whose signature and token are good, or which has none at all. */
export type MatrixDecision = Serve | AskToken | AskGrant | Connect | Forbid

/** What becomes of a request. */
export type Decision = Exclude<MatrixDecision, Connect> | Hold | AskSession | Refuse
