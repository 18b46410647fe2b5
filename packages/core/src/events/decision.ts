import type { Caller } from '../caller.js'
import type { ErrorFamily } from '../errors.js'
import type { EventBase } from './base.js'

/**
 * The decision on a request: one event for each guard that it reaches, and for each request to one of our endpoints.
 * It names nobody unless the option `audit.subjects` says so: hashes stand for persons. Unknown values are absent.
 */
export interface DecisionEvent extends EventBase {
  readonly name: 'decision'
  /** The identifier of the resource. */
  readonly resource: string
  readonly method: string
  /** The route as declared, `/notes/:id`, or one of our endpoints, `/aauth/pending/*`; never the path. */
  readonly route?: string
  /**
   * `served`: passed to its handler, or answered by our endpoint. `challenged`: asked to come again with a token.
   * `deferred`: must wait (`202`). `denied`: access denied (`403`). `refused`: any other error. `elsewhere`: left to
   * the route's other authentication (`or`). `observed`: served on a report-only route, where it would otherwise have
   * been answered `status` and `code`.
   */
  readonly outcome: DecisionOutcome
  /**
   * The error code, the requirement, or a policy's own code; absent if served. For `observed` it is `served` if the
   * route's other authentication (`or`) decides on a request that would have been served.
   */
  readonly code?: string
  /** For an error: who caused it. */
  readonly family?: ErrorFamily
  /** The status of our answer, or of the answer it would have got; absent if the handler answers. */
  readonly status?: number
  /**
   * `nobody`: unsigned. `unverified`: signed, but not verified or not examined. `server`: `iss` called for itself, to
   * revoke a token.
   */
  readonly caller: Caller['kind'] | 'server' | 'nobody' | 'unverified'
  /** `aauth:local@domain`, if an agent token was presented; other tokens do not name the agent. */
  readonly agent?: string
  /** The agent that it helps, if it is a sub-agent (AAuth 10.2). */
  readonly parentAgent?: string
  /** The agent provider. */
  readonly provider?: string
  /** The person server. */
  readonly ps?: string
  /** A keyed hash of the person: stable at this resource, and meaningless elsewhere. */
  readonly person?: string
  /** A keyed hash of the account. */
  readonly account?: string
  /** A keyed hash of the user, the application's own name for the person who connected the agent. */
  readonly user?: string
  /** The names behind those hashes. Only with `audit.subjects`. */
  readonly subjects?: DecisionSubjects
  readonly tenant?: string
  /** `mission_s256`. */
  readonly mission?: string
  /** The granted scope, or that of a session. */
  readonly scope?: readonly string[]
  /** RFC 7638 SHA-256 thumbprint of the key that signed the request. */
  readonly jkt?: string
  /** The issuer of the token that was presented, or the server that called. */
  readonly iss?: string
  /** The `jti` of the token that was presented. */
  readonly jti?: string
  /** Whether the token had been verified before, so that only the signature of the request was verified. */
  readonly remembered?: boolean
  /** If it had not been: whether the key of its issuer was in memory. */
  readonly keyHeld?: boolean
  /** Milliseconds for verifying the signature and the token, including fetches of keys and checks in the store. */
  readonly verification?: number
  /** The policy of the application that decided: the name of its function, or `policy` and its position. */
  readonly policy?: string
  /** Whether this was a held call that is now carried out; its `id` is that of the request that had to wait. */
  readonly held?: true
  /**
   * 2 for the second decision on the same request at this resource, and so on, when one guard comes after another or
   * before one of our endpoints. Absent for the first, so that each request has exactly one event without it.
   */
  readonly part?: number
  /** From the start of our part to its end, including all waiting. */
  readonly milliseconds: number
  /** The framework's own ID of the request: `request.id` of Fastify; `req.id` in Express, if something sets it. */
  readonly requestId?: string
}

/** How a request was decided. */
export type DecisionOutcome =
  | 'served'
  | 'challenged'
  | 'deferred'
  | 'refused'
  | 'denied'
  | 'elsewhere'
  | 'observed'

/** The persons behind a request, in clear text. */
export interface DecisionSubjects {
  /** The `sub` of the person at `ps`. */
  readonly sub?: string
  readonly account?: string
  readonly user?: string
}
