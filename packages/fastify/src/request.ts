import type {
  Caller,
  Onward,
  Policy as CorePolicy,
  Requirement as CoreRequirement,
  ResourceServer,
} from '@countersign/core'
import type {
  DeclaredRoute,
  HttpRequest,
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
 * Returns the requirement unchanged, with its exact type. TypeScript without `exactOptionalPropertyTypes` cannot tell what `policy` sees in
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

/** The type of `fastify.aauth`: the resource server behind the plugin. */
export interface FastifyGuard extends Omit<ResourceServer<FastifyRequest, OtherWay>, 'with' | 'onward'> {
  /**
   * The same server with defaults for all routes of a context: assign it to the context's own `aauth`. Its policies come
   * after the server's and before a route's own; its `observe` overrides the server's.
   *
   * @throws TypeError naming what is wrong in `defaults`
   */
  with(defaults: RouteDefaults<FastifyRequest>): FastifyGuard
  /**
   * What a handler calls suppliers with in the name of the caller whose request it serves (AAuth 10.1): as `fetch`. Needs
   * the option `onward`, and `onward: true` in the route's `config.aauth`. Call suppliers before doing anything else that
   * cannot be done twice: where the person has to be asked, it rejects, and the handler runs again from its beginning once
   * they have decided. What a handler lets go of it is answered; the application's error handler does not see it.
   *
   * @throws TypeError where the route does not say `onward: true`, or nobody has been verified
   */
  onward(request: FastifyRequest | HttpRequest): Onward
  /**
   * The routes of the plugin's scope that were declared after it, with what each declares; without our own endpoints.
   * Routes declared before the plugin are guarded as well, but not listed.
   */
  routes(): readonly DeclaredRoute<Requirement>[]
}

/** A policy of the application; its `request.raw` is the Fastify request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, FastifyRequest>

/**
 * Settings of the types for the whole application. Where the plugin or a context is report-only by default, merge
 * `observe: true` into this interface: in every handler `request.aauth` may then be `null`.
 */
export interface AAuthTypes {
  readonly framework: 'fastify'
}

type ObserveByDefault = AAuthTypes extends { readonly observe: infer Observe } ? Observe : false

/** The configuration that every route has. */
type AnyConfig = FastifyRequest['routeOptions']['config']

/**
 * The type of `request.aauth`: the callers that the route's `config.aauth` lets through; without one, any caller or `null`.
 * It is taken from the route's own part of the configuration, because Fastify intersects that with what any route may have.
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
    /** What the route requires of its callers. `false` declares it open; a route without this is open as well. */
    aauth?: Requirement | (false & NoIdentity)
  }
  interface FastifyRequest {
    /** The verified caller, of the kinds that the route's requirement lets through; elsewhere `null`. */
    aauth: CallerIn<this>
    /** On a report-only route: what would have been answered; `null` when the request would have been served, and elsewhere. */
    aauthObserved: Observed | null
  }
  interface FastifyInstance {
    /** The resource server behind the plugin, for its operation, and for what the routes declare. */
    aauth: FastifyGuard
  }
}
