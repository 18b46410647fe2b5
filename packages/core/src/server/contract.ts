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

/** What is declared for all routes of a router. */
export interface RouteDefaults<Raw = unknown> {
  /** Policies for every route of the router; they see callers of every kind that its routes let through. */
  readonly policy?: Policies<Caller, Raw>
  /** Whether its routes are report-only, unless one says otherwise. */
  readonly observe?: boolean
  /** For which callers its report-only routes are enforced all the same. Default: as the server says. */
  readonly enforce?: Enforcement
}

/** What a server holds in this process. */
export interface ServerCounts {
  /** Verified tokens that are remembered. */
  readonly rememberedTokens: number
  /** Polls of waiting calls that are held open. */
  readonly openPolls: number
  /** Discoveries of issuers that are under way, and those that wait for their turn. */
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
  /** Answers a request to one of our endpoints; `undefined` when the path is none of ours. */
  handle(request: HttpRequest, host?: Host): Awaitable<Answer> | undefined
  /** The issuers and their keys, for the operator to inspect and to forget. */
  readonly issuers: IssuerKeys
  /** Tokens that their issuers have withdrawn. */
  readonly revocations: Revocations
  /** Revokes a resource token of ours at the server it was made for. */
  readonly revokeResourceToken: RevokeResourceToken
  /** The keys we sign with, and their rotation. */
  readonly keys: OwnKeys
  /** The deny list of the operator, shared by all instances that share the store. */
  readonly denials: Denials
  /** Lets the operator serve requests for a while although the store cannot be asked. */
  readonly breakGlass: BreakGlass
  /** What this process holds, for gauges; asks nobody. */
  counts(): ServerCounts
  /** The health of the server; asks the store. Never rejects. */
  health(): Promise<Health>
  /**
   * What report-only routes have seen in the last 14 days at all instances that share the store: how many requests of
   * which agents came to which end, observed or, with `enforce`, in earnest. Bounded: at most some 900 rows, shared fairly
   * between the sites of issuers, and counts without an agent for what finds no room. Instances write what they have
   * counted every half minute, or when the next request comes after that. Never rejects.
   */
  report(): Promise<AdoptionReport>
  /** Tells the operator of a misconfiguration that an adapter has noticed. */
  readonly diagnose: Diagnose
  /** Finds and decides pending requests. */
  readonly pending: Pending
  /** Ends sessions of connected agents. */
  readonly sessions: Sessions
  /** Ends links between persons and users of the application. */
  readonly users: Users
  /**
   * What a handler calls suppliers with, in the name of the caller of the request that it serves. The adapters have it for
   * the requests of their frameworks.
   *
   * @throws TypeError where the route does not say `onward: true`, or its guard has not served the request
   */
  onward(request: HttpRequest): Onward
  /**
   * What the caller is answered where a handler has let go what {@link onward} rejected with; `undefined` for all other
   * errors. A call that has to wait is put aside by this.
   */
  answerOnward(request: HttpRequest, error: unknown): Promise<Answered> | undefined
  /**
   * Answers all long polls and releases timers and connections. Call it at shutdown, before or after the HTTP server is
   * told to close. Requests are still answered, but no poll is held open and no issuer is asked any more.
   */
  close(): void
}
