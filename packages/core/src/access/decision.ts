import type { Caller, Grant, Person, TokenCaller } from '../caller.js'
import type { Refusal } from '../errors.js'
import type { SessionRequest } from '../pending/open.js'
import type { Wanted } from './approvals.js'

/** Serve the caller, as far as the protocol is concerned. Policies still run. */
export interface Serve {
  readonly act: 'serve'
  /** `undefined`: an unsigned request on an optional route. */
  readonly caller: Caller | undefined
}

/** Challenge for a token that agents get without a resource token. */
export interface AskToken {
  readonly act: 'ask'
  readonly requirement: 'agent-token' | 'person-token'
}

/** Challenge with a resource token for these scopes, minted from this caller. */
export interface AskGrant {
  readonly act: 'ask-grant'
  readonly caller: Person | Grant
  readonly scope: readonly string[]
  /** The scopes without which the new grant would be useless. */
  readonly essential: readonly string[]
  readonly account: string | undefined
  /** Present if the person is linked to no user yet and has to come to our page first. */
  readonly link?: true
}

/** Deny access. No other token would help the caller. */
export interface Forbid {
  readonly act: 'forbid'
  readonly code: string
  readonly detail: string | undefined
}

/** Hold the call until somebody approves it. Only a policy decides so. */
export interface Hold {
  readonly act: 'hold'
  readonly caller: Caller
  readonly wanted: Wanted
}

/** The route requires a session: look it up, then decide again (`decideSession`). Never the final decision. */
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

/** Refuse: the signature or token is invalid, or something needed to check it failed. */
export interface Refuse {
  readonly act: 'refuse'
  readonly refusal: Refusal
}

/** What the matrix decides on a request that is unsigned, or whose signature and token are valid. */
export type MatrixDecision = Serve | AskToken | AskGrant | Connect | Forbid

/** The final decision on a request. */
export type Decision = Exclude<MatrixDecision, Connect> | Hold | AskSession | Refuse
