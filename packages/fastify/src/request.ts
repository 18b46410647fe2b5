import type {
  Caller,
  Policy as CorePolicy,
  Requirement as CoreRequirement,
  ResourceServer,
} from '@countersign/core'
import type {
  DeclaredRoute,
  NoIdentity,
  Observed,
  RouteCaller,
  RouteDefaults,
} from '@countersign/core/adapter'
import type { FastifyRequest } from 'fastify'
import type { OtherWay } from './other-way.js'

/** What a route requires of its callers. */
export type Requirement = CoreRequirement<FastifyRequest, OtherWay>

/**
 * Gives back what it is given, typed. TypeScript without `exactOptionalPropertyTypes` cannot tell what `policy` sees in
 * a route's `config` where `scope` is no single name; inside this it can.
 *
 * @example
 * ```ts
 * import { allow, deny, requirement } from '@countersign/fastify'
 * import Fastify from 'fastify'
 *
 * const app = Fastify()
 * const reading = requirement({
 *   scope: { anyOf: ['notes.read', 'notes.admin'] },
 *   policy: ({ caller }) => (caller.tenant === undefined ? allow() : deny('not_for_work')),
 * })
 * app.get('/notes', { config: { aauth: reading } }, async () => [])
 * ```
 */
export function requirement<const R extends Requirement>(given: R): R {
  return given
}

/** What `fastify.aauth` is: the resource server behind the plugin. */
export interface FastifyGuard extends Omit<ResourceServer<FastifyRequest, OtherWay>, 'with'> {
  /**
   * The same server, with something to say about all routes of a context: assign it to the context's own `aauth`. Its
   * policies come after the server's and before a route's own, and its `observe` before the server's.
   *
   * @throws TypeError naming what is wrong
   */
  with(defaults: RouteDefaults<FastifyRequest>): FastifyGuard
  /**
   * The routes that were declared after the plugin in its scope, ours left out, with what each says. Those that were
   * there before are guarded as well, and not listed.
   */
  routes(): readonly DeclaredRoute<Requirement>[]
}

/** A rule of the resource's own; `request.raw` is the Fastify request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, FastifyRequest>

/**
 * What is true of the whole application, for the types only. Where the plugin or a context is report-only by default,
 * merge `observe: true` into it: every handler then has to expect nobody.
 */
export interface AAuthTypes {
  readonly framework: 'fastify'
}

type ObserveByDefault = AAuthTypes extends { readonly observe: infer Observe } ? Observe : false

/** What Fastify adds to every route's configuration. */
type AnyConfig = FastifyRequest['routeOptions']['config']

/**
 * The caller a handler sees: what its route's `config.aauth` lets through; without one, anybody or nobody. Taken from
 * the route's own part of the configuration, because Fastify intersects it with what any route may say.
 */
export type CallerIn<Request> = Request extends { readonly routeOptions: { readonly config: infer Config } }
  ? Config extends AnyConfig & infer Own
    ? Own extends { readonly aauth: infer R }
      ? [R] extends [object | string]
        ? RouteCaller<R, ObserveByDefault, null>
        : Caller | null
      : Caller | null
    : Caller | null
  : Caller | null

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route requires of its callers. `false` says that it is open, which is the default. */
    aauth?: Requirement | (false & NoIdentity)
  }
  interface FastifyRequest {
    /** Who is calling. On a route with `config.aauth` it is what the requirement lets through; elsewhere `null`. */
    aauth: CallerIn<this>
    /** On a report-only route: what would have been; `null` when nothing would have been refused, and elsewhere. */
    aauthObserved: Observed | null
  }
  interface FastifyInstance {
    /** The resource server behind the plugin, for revocations and issuers, and what the routes declare. */
    aauth: FastifyGuard
  }
}
