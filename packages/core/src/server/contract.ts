import type { Policies } from '../access/policy.js'
import type { Requirement } from '../access/requirement.js'
import type { RouteCaller } from '../access/route-caller.js'
import type { RouteGuard } from '../access/route-guard.js'
import type { AdoptionReport } from '../adoption/adoption.js'
import type { Enforcement } from '../adoption/dial.js'
import type { Answered } from '../answer/outcome.js'
import type { Awaitable } from '../awaitable.js'
import type { Caller } from '../caller.js'
import type { Onward } from '../chaining/run.js'
import type { Denials } from '../denial/denials.js'
import type { Diagnose } from '../diagnostics.js'
import type { MetadataLink } from '../endpoints/metadata-link.js'
import type { Endpoint, Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import type { IssuerReport } from '../issuer/report.js'
import type { OwnKeys } from '../own-keys/key-ring.js'
import type { Pending } from '../pending/settle.js'
import type { Revocations } from '../revocation/revocations.js'
import type { RevokeResourceToken } from '../revocation/revoke-resource-token.js'
import type { Sessions } from '../session/sessions.js'
import type { BreakGlass } from '../store/break-glass.js'
import type { Users } from '../users/unlinks.js'
import type { Health } from './health.js'

/** Declarations for all routes of a router. */
export interface RouteDefaults<Raw = unknown> {
  /** Policies for every route of the router. They see callers of every kind that its routes let through. */
  readonly policy?: Policies<Caller, Raw>
  /** Whether its routes are report-only unless they set `observe` themselves. */
  readonly observe?: boolean
  /** The callers for which its report-only routes are enforced already. Default: as the server says. */
  readonly enforce?: Enforcement
}

/** How much a server holds in this process. */
export interface ServerCounts {
  /** Verified tokens that are remembered. */
  readonly rememberedTokens: number
  /** Polls for held calls that are open now. */
  readonly openPolls: number
  /** Discoveries of issuers that are running, and those that are queued. */
  readonly discoveries: IssuerReport['discoveries']
}

/** A resource server without a framework. Adapters turn requests into {@link HttpRequest} and write what it answers. */
export interface ResourceServer<Raw = unknown, Hook = never> {
  /** Our identifier. */
  readonly resource: string
  /**
   * Declares what a route requires.
   *
   * @throws TypeError when the requirement is malformed or names a scope that the options do not describe
   */
  require<const R extends Requirement<Raw, Hook>>(requirement: R): RouteGuard<RouteCaller<R>, Raw>
  /**
   * The same server with defaults for the routes that are declared on the result. A router's policies come after the
   * server's and before a route's own; its `observe` overrides the server's.
   *
   * @throws TypeError naming what is wrong in `defaults`
   */
  with(defaults: RouteDefaults<Raw>): ResourceServer<Raw, Hook>
  /** The link to our metadata, for documentation pages: `metadataLink.element` (AAuth 11.2.5). */
  readonly metadataLink: MetadataLink
  /** Our own endpoints, for adapters to mount. */
  readonly endpoints: readonly Endpoint[]
  /** Answers a request to one of our endpoints; `undefined` when the path is not one of them. */
  handle(request: HttpRequest, host?: Host): Awaitable<Answer> | undefined
  /** The issuers and their keys, for the operator. */
  readonly issuers: IssuerKeys
  /** Tokens that their issuers have revoked. */
  readonly revocations: Revocations
  /** Revokes a resource token of ours at the server it was made for. */
  readonly revokeResourceToken: RevokeResourceToken
  /** The keys we sign with, and their rotation. */
  readonly keys: OwnKeys
  /** The deny list of the operator, shared by all instances that share the store. */
  readonly denials: Denials
  /** Lets the operator serve requests for a while although the store cannot be reached. */
  readonly breakGlass: BreakGlass
  /** How much this process holds, for gauges. Reads nothing but memory. */
  counts(): ServerCounts
  /** The health of the server. Uses the store. Never rejects. */
  health(): Promise<Health>
  /**
   * What report-only routes have seen in the last 14 days, at all instances that share the store: how many requests
   * of which agents ended in which way, observed or, with `enforce`, enforced. At most some 900 rows, shared fairly
   * between the sites of issuers; what does not fit is counted without an agent. Instances write their counts every
   * half minute, or with the next request after that. Never rejects.
   */
  report(): Promise<AdoptionReport>
  /** Tells the operator of a misconfiguration that an adapter has found. */
  readonly diagnose: Diagnose
  /** Finds and decides pending requests. */
  readonly pending: Pending
  /** Ends sessions of connected agents. */
  readonly sessions: Sessions
  /** Ends links between persons and users of the application. */
  readonly users: Users
  /**
   * A `fetch` for handlers that call suppliers in the name of the caller of their request. The adapters offer it for
   * their frameworks' requests.
   *
   * @throws TypeError when the route does not set `onward: true`, or its guard has not served the request
   */
  onward(request: HttpRequest): Onward
  /**
   * The answer to a request whose handler let an error of {@link onward} escape; `undefined` for all other errors. If
   * the call has to wait, this puts it on hold.
   */
  answerOnward(request: HttpRequest, error: unknown): Promise<Answered> | undefined
  /**
   * Answers all long polls and releases timers and connections. Call it at shutdown, before or after the HTTP server
   * is told to close. Requests are still answered, but polls are no longer held open and issuers no longer contacted.
   */
  close(): void
}
