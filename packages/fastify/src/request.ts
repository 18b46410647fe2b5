import type {
  Caller,
  CallerOf,
  Policy as CorePolicy,
  Requirement as CoreRequirement,
  Onward,
  ResourceServer,
} from '@countersign/core'
import type {
  DeclaredRoute,
  HttpRequest,
  NoIdentity,
  NoSuchMember,
  Observed,
  OnlyKnown,
  RouteCaller,
  RouteDefaults,
  StrayIn,
  UserRule,
} from '@countersign/core/adapter'
import type {
  FastifyInstance,
  FastifyRequest,
  FastifySchema,
  FastifyTypeProviderDefault,
  RouteGenericInterface,
  RouteHandlerMethod,
} from 'fastify'
import type { OtherWay } from './other-way.js'

/** What a route requires of its callers. */
export type Requirement = CoreRequirement<FastifyRequest, OtherWay>

/**
 * Returns the requirement unchanged, with its exact type. TypeScript without `exactOptionalPropertyTypes` cannot tell
 * what `policy` sees in a route's `config` where `scope` is no single name; inside this it can.
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
export function requirement<const R extends Requirement>(
  given: R & OnlyKnown<R, FastifyRequest, OtherWay>,
): R {
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
   * The routes of the plugin's scope, with what each declares; without our own endpoints. The plugin has to be registered
   * and awaited before any route is declared, at the root or in a context: nobody tells of a route that is there already.
   *
   * @throws Error where routes were declared before the plugin: they are guarded as well, but a list without them would be
   * taken for the whole
   */
  routes(): readonly DeclaredRoute<Requirement>[]
}

/** A policy of the application; its `request.raw` is the Fastify request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, FastifyRequest>

/**
 * Settings of the types for the whole application. Where the plugin or a context is report-only by default, merge
 * `observe: true` into this interface: in every handler `request.aauth` may then be `null`. With the option `users`, merge
 * `user: YourUser`: it is the type of `request.aauth.user` on routes with `user`, and what `users.find` has to answer.
 */
export interface AAuthTypes {
  readonly framework: 'fastify'
}

/** What `users.find` answers. */
export type UserByDefault = AAuthTypes extends { readonly user: infer User extends object | string }
  ? User
  : object | string

type ObserveByDefault = AAuthTypes extends { readonly observe: infer Observe } ? Observe : false

/** The configuration that every route has. */
type AnyConfig = FastifyRequest['routeOptions']['config']

/** The requirements that let through only this kind of caller, with what they have to insist on. */
type RequirementFor<C> = RequirementOf<Requirement, NonNullable<C>> &
  (null extends C ? unknown : ForCertain) &
  Insisting<C>

type RequirementOf<R, C> = R extends unknown
  ? CallerOf<R>['kind'] extends (C extends Caller ? C['kind'] : never)
    ? R
    : never
  : never

/**
 * In an error of the compiler: who comes by another way has not been verified, so where a route has `or` its caller is
 * `Grant | null`, not `Grant`. No value is of this type.
 */
export interface SayOrNull {
  readonly name: 'or'
  readonly value: never
}

/** What a requirement with which nobody comes through says, or does not say. */
type ForCertain = { readonly optional?: false; readonly or?: SayOrNull } & (ObserveByDefault extends false
  ? { readonly observe?: false }
  : { readonly observe: false })

type Insisting<C> = (C extends { readonly account: string } ? Pick<Insistent, 'account'> : unknown) &
  (C extends { readonly tenant: string } ? Pick<Insistent, 'tenant'> : unknown) &
  (C extends { readonly mission: string } ? Pick<Insistent, 'mission'> : unknown) &
  (C extends { readonly kind: 'session' }
    ? unknown
    : C extends { readonly user: NonNullable<unknown> }
      ? { readonly user: UserRule }
      : unknown)

type Insistent = { readonly [Name in 'account' | 'tenant' | 'mission']: NonNullable<unknown> }

/**
 * The configuration of a route whose requirement lets through this kind of caller: the second type argument of a route,
 * wherever there is a first one, since TypeScript then no longer infers it. A requirement that lets through others does not
 * compile.
 *
 * @typeParam C the caller, as of {@link AAuthRequest}
 *
 * @example
 * ```ts
 * import type { AAuthConfig, Grant } from '@countersign/fastify'
 * import Fastify from 'fastify'
 *
 * const app = Fastify()
 * app.get<{ Params: { id: string } }, AAuthConfig<Grant>>(
 *   '/notes/:id',
 *   { config: { aauth: { scope: 'notes.read' } } },
 *   async (request) => ({ id: request.params.id, owner: request.aauth.person.sub }),
 * )
 * ```
 */
export interface AAuthConfig<C extends Caller | null = Caller> {
  /** What the route requires of its callers. */
  readonly aauth: RequirementFor<C>
  /** Never there; it holds the type. */
  readonly aauthCaller?: C
}

/**
 * A request whose `aauth` is a caller of this kind: for controllers that are declared elsewhere than their route, and for
 * functions that handlers call. Where there may be nobody (`optional`, `or`, report-only), say so:
 * `AAuthRequest<Grant | null>`.
 *
 * @typeParam C the caller: `Grant`, `Person | Grant`, `Agent`, `Connected`, `TokenCaller` or, as {@link CallerOf} says,
 * what a requirement lets through. Default: any caller
 * @typeParam Route as of `FastifyRequest`: `{ Params: … }` and others
 * @typeParam App the application, where it has a `loggerInstance` or HTTP/2: `typeof app`
 */
export type AAuthRequest<
  C extends Caller | null = Caller,
  Route extends RouteGenericInterface = RouteGenericInterface,
  App = FastifyInstance,
> =
  App extends FastifyInstance<infer Server, infer Raw, infer _, infer Logger, infer __>
    ? FastifyRequest<Route, Server, Raw, FastifySchema, FastifyTypeProviderDefault, AAuthConfig<C>, Logger>
    : never

/**
 * A handler that finds a caller of this kind in `request.aauth`. On a route whose `config.aauth` lets through another kind it
 * does not compile.
 *
 * @typeParam C the caller, as of {@link AAuthRequest}. Default: any caller
 * @typeParam Route as of `FastifyRequest`: `{ Params: … }` and others
 * @typeParam App the application, where it has a `loggerInstance` or HTTP/2: `typeof app`
 */
export type AAuthHandler<
  C extends Caller | null = Caller,
  Route extends RouteGenericInterface = RouteGenericInterface,
  App = FastifyInstance,
> =
  App extends FastifyInstance<infer Server, infer Raw, infer Reply, infer Logger, infer _>
    ? RouteHandlerMethod<
        Server,
        Raw,
        Reply,
        Route,
        AAuthConfig<C>,
        FastifySchema,
        FastifyTypeProviderDefault,
        Logger
      >
    : never

/**
 * The type of `request.aauth`: the callers that the route's `config.aauth` lets through; without one, any caller or `null`.
 * It is taken from the route's own part of the configuration, because Fastify intersects that with what any route may have.
 * Where that has a member that nobody reads, it is {@link NoSuchMember} with its name.
 */
export type CallerIn<Request> = Request extends { readonly routeOptions: { readonly config: infer Config } }
  ? Config extends AnyConfig & infer Own
    ? Own extends { readonly aauth: infer R; readonly aauthCaller?: infer C }
      ? unknown extends C
        ? [R] extends [object | string]
          ? CallerBy<R>
          : Caller | null
        : Exclude<C, undefined>
      : Caller | null
    : Caller | null
  : Caller | null

type CallerBy<R> = [StrayIn<R, FastifyRequest, OtherWay>] extends [never]
  ? RouteCaller<R, ObserveByDefault, null, UserByDefault>
  : NoSuchMember<StrayIn<R, FastifyRequest, OtherWay>>

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
    /**
     * The id of a signed request (`call_id`), by which logs are joined with events (`event.id`) and with the agent's own
     * records. Before verification it is the caller's own word.
     */
    readonly aauthCallId: string | undefined
  }
  interface FastifyInstance {
    /** The resource server behind the plugin, for its operation, and for what the routes declare. */
    aauth: FastifyGuard
  }
}
