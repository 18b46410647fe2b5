import type { Caller } from '../caller.js'
import type { ErrorFamily } from '../errors.js'
import type { EventBase } from './base.js'

// What a guard or one of our endpoints does with a request, each step when it happens; the final result is its
// decision.

/** A guarded request was passed to its handler. */
export interface ServedEvent extends EventBase {
  readonly name: 'served'
  /** `nobody`: the route is optional, and the request was not signed. */
  readonly caller: Caller['kind'] | 'nobody'
  /** `aauth:local@domain`, if an agent token was presented; other tokens do not name the agent. */
  readonly agent?: string
  /** The agent that it helps, if it is a sub-agent (AAuth 10.2). */
  readonly parentAgent?: string
}

/**
 * In report-only mode: a request was served that would otherwise have been challenged or refused; or, on a route with
 * another authentication (`or`), one that would have been served.
 */
export interface ObservedEvent extends EventBase {
  readonly name: 'observed'
  /** An error code, a requirement, a policy's own code, or `served`. */
  readonly code: string
  readonly status: number
}

/** A request was left to the other authentication that the route accepts (`or`). */
export interface ElsewhereEvent extends EventBase {
  readonly name: 'elsewhere'
}

/** The authorization endpoint issued a resource token, or said that none is needed. */
export interface AuthorizedEvent extends EventBase {
  readonly name: 'authorized'
  readonly by: 'resource-token' | 'resource'
}

/** A request was challenged for a token that it did not bring, which is part of a normal exchange. */
export interface ChallengedEvent extends EventBase {
  readonly name: 'challenged'
  readonly requirement: string
  /** `user_required`: the person is not yet linked to a user of the application, and is sent to our page first. */
  readonly code?: 'user_required'
}

/** A request was refused. */
export interface RefusedEvent extends EventBase {
  readonly name: 'refused'
  readonly code: string
  readonly family: ErrorFamily
  /** For the operator only: what exactly was wrong, or the message of the failure behind a `500`. */
  readonly reason?: string
}

/**
 * A function of the application did not answer within the option `policyTimeout`. The request was answered `503
 * policy_unavailable`, or would have been.
 */
export interface PolicyTimeoutEvent extends EventBase {
  readonly name: 'policy-timeout'
  /** `policy shopHours` or `policy 2`, `accounts`, `authorize`, `person`, `interaction.login` and so on. */
  readonly function: string
  /** The route as declared, or the path of one of our endpoints; absent if the framework does not tell. */
  readonly route?: string
  /** The time limit of the function. */
  readonly milliseconds: number
}
