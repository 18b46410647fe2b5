import type { Caller } from '../caller.js'
import type { ErrorFamily } from '../errors.js'
import type { EventBase } from './base.js'

/**
 * What became of a request: one event for each guard that it has reached, and for each request to an endpoint of ours.
 * Nobody is named in it, unless the option `audit.subjects` says so: hashes stand for persons. What is not known is absent.
 */
export interface DecisionEvent extends EventBase {
  readonly name: 'decision'
  /** The resource, by its identifier. */
  readonly resource: string
  readonly method: string
  /** The route as it was declared, `/notes/:id`, or an endpoint of ours, `/aauth/pending/*`; never the path. */
  readonly route?: string
  /**
   * `served`: it went on to its handler, or our endpoint answered it. `challenged`: it is to come again with a token.
   * `deferred`: it has to wait (`202`). `denied`: access is denied (`403`). `refused`: all other errors. `elsewhere`: it was
   * left to the route's other way in (`or`). `observed`: it was served, and would have been answered `status` and `code`, on
   * a report-only route.
   */
  readonly outcome: DecisionOutcome
  /**
   * The error code, the requirement, or a policy's own code; absent where it was served. `observed` has `served` where the
   * route's other way in (`or`) decides on a request that would have been served.
   */
  readonly code?: string
  /** Of an error: whose fault it is. */
  readonly family?: ErrorFamily
  /** Of our answer, or of the answer it would have got; absent where the handler answers. */
  readonly status?: number
  /**
   * `nobody`: it was not signed. `unverified`: it was signed, and not verified or not looked at. `server`: `iss` has called
   * in its own right, to revoke a token.
   */
  readonly caller: Caller['kind'] | 'server' | 'nobody' | 'unverified'
  /** `aauth:local@domain`, where an agent token was presented; other tokens do not name the agent. */
  readonly agent?: string
  /** The agent it helps, where it is a sub-agent (AAuth 10.2). */
  readonly parentAgent?: string
  /** The agent provider. */
  readonly provider?: string
  /** The person server. */
  readonly ps?: string
  /** A keyed hash of the person: the same for the same person at this resource, and nothing elsewhere. */
  readonly person?: string
  /** A keyed hash of the account. */
  readonly account?: string
  /** A keyed hash of the user: the application's own name of the person who connected the agent. */
  readonly user?: string
  /** Whom those hashes stand for. Only with `audit.subjects`. */
  readonly subjects?: DecisionSubjects
  readonly tenant?: string
  /** `mission_s256`. */
  readonly mission?: string
  /** What was granted, or what a session is for. */
  readonly scope?: readonly string[]
  /** RFC 7638 SHA-256 thumbprint of the key that signed the request. */
  readonly jkt?: string
  /** The issuer of the token that was presented, or the server that called. */
  readonly iss?: string
  /** The token that was presented: its name. */
  readonly jti?: string
  /** Whether the token had been verified before, so that only the signature of the request was. */
  readonly remembered?: boolean
  /** Where it had not been: whether the key of its issuer was in memory. */
  readonly keyHeld?: boolean
  /** Milliseconds that the verification of the signature and the token took, with fetches of keys and checks in the store. */
  readonly verification?: number
  /** Which policy of the application decided: the name of its function, or `policy` and its place. */
  readonly policy?: string
  /** Whether it was a call that had waited and is now carried out; its `id` is that of the request that had to wait. */
  readonly held?: true
  /**
   * 2 for the second decision on the same request at this resource, and so on: one guard behind another, or before an
   * endpoint of ours. Absent of the first, so that there is one without it for each request.
   */
  readonly part?: number
  /** From the beginning of our part to its end, with everything that was waited for. */
  readonly milliseconds: number
  /** The framework's own name of the request: `request.id` of Fastify, `req.id` in Express where something sets it. */
  readonly requestId?: string
}

/** What became of a request. */
export type DecisionOutcome =
  | 'served'
  | 'challenged'
  | 'deferred'
  | 'refused'
  | 'denied'
  | 'elsewhere'
  | 'observed'

/** Who a request was for, in clear. */
export interface DecisionSubjects {
  /** Of the person, at `ps`. */
  readonly sub?: string
  readonly account?: string
  readonly user?: string
}
