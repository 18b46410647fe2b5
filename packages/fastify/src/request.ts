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
 * Returns the requirement unchanged, with its exact type. Without `exactOptionalPropertyTypes`, TypeScript cannot
 * infer the caller of `policy` in a route's `config` when `scope` is not a single name; inside this function it can.
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
   * The same server with defaults for all routes of a context; assign it to the context's own `aauth`. The context's
   * policies run after the server's and before a route's own; its `observe` overrides the server's.
   *
   * @throws TypeError naming what is invalid in `defaults`
   */
  with(defaults: RouteDefaults<FastifyRequest>): FastifyGuard
  /**
   * A `fetch` for calling suppliers in the name of the caller of this request (AAuth 10.1). Requires the option
   * `onward`, and `onward: true` in the route's `config.aauth`. Call suppliers before doing anything that must not
   * happen twice: if the person has to be asked, the call rejects, and the handler runs again from the beginning once
   * they have decided. An error that the handler lets escape is answered; the application's error handler does not
   * see it.
   *
   * @throws TypeError when the route does not set `onward: true`, or no caller was verified
   */
  onward(request: FastifyRequest | HttpRequest): Onward
  /**
   * The routes of the plugin's scope and what each declares, without our own endpoints. Register and await the plugin
   * before any route is declared, at the root or in a context: Fastify does not report earlier routes.
   *
   * @throws Error when routes were declared before the plugin. They are guarded, but would be missing from the list
   */
  routes(): readonly DeclaredRoute<Requirement>[]
}

/** A policy of the application; its `request.raw` is the Fastify request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, FastifyRequest>

/**
 * Type settings for the whole application. If the plugin or a context is report-only by default, merge `observe:
 * true` into this interface: `request.aauth` may then be `null` in every handler. With the option `users`, merge
 * `user: YourUser`: it becomes the type of `request.aauth.user` on routes with `user`, and what `users.find` must
 * return.
 */
export interface AAuthTypes {
  readonly framework: 'fastify'
}

/** What `users.find` returns. */
export type UserByDefault = AAuthTypes extends { readonly user: infer User extends object | string }
  ? User
  : object | string

type ObserveByDefault = AAuthTypes extends { readonly observe: infer Observe } ? Observe : false

/** The configuration that every route has. */
type AnyConfig = FastifyRequest['routeOptions']['config']

/** The requirements that let through only this kind of caller, with the members that they must set for it. */
type RequirementFor<C> = RequirementOf<Requirement, NonNullable<C>> &
  (null extends C ? unknown : ForCertain) &
  Insisting<C>

type RequirementOf<R, C> = R extends unknown
  ? CallerOf<R>['kind'] extends (C extends Caller ? C['kind'] : never)
    ? R
    : never
  : never

/**
 * Appears in compiler errors: on a route with `or` the caller may be unverified, so its type is `Grant | null`, not
 * `Grant`. No value has this type.
 */
export interface SayOrNull {
  readonly name: 'or'
  readonly value: never
}

/** The members that a requirement must set, or leave out, so that there is always a caller. */
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
 * The configuration of a route whose requirement lets through this kind of caller. Use it as the second type argument
 * of a route that has a first one, because TypeScript then no longer infers it. A requirement that lets other callers
 * through does not compile.
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
  /** Never set; it carries the type. */
  readonly aauthCaller?: C
}

/**
 * A request whose `aauth` has this type: for controllers declared apart from their route, and for functions that
 * handlers call. If there may be no caller (`optional`, `or`, report-only), say so: `AAuthRequest<Grant | null>`.
 *
 * @typeParam C the caller: `Grant`, `Person | Grant`, `Agent`, `Connected`, `TokenCaller`, or {@link CallerOf} a
 * requirement. Default: any caller
 * @typeParam Route as of `FastifyRequest`: `{ Params: … }` and others
 * @typeParam App the application, if it has a `loggerInstance` or HTTP/2: `typeof app`
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
 * A handler that gets a caller of this type in `request.aauth`. It does not compile on a route whose `config.aauth`
 * lets other callers through.
 *
 * @typeParam C the caller, as of {@link AAuthRequest}. Default: any caller
 * @typeParam Route as of `FastifyRequest`: `{ Params: … }` and others
 * @typeParam App the application, if it has a `loggerInstance` or HTTP/2: `typeof app`
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
 * The type of `request.aauth`: the callers that the route's `config.aauth` lets through; without one, any caller or
 * `null`. It is inferred from the route's own part of the configuration, because Fastify intersects that with the
 * configuration of any route. If the requirement has an unknown member, it is {@link NoSuchMember} with that name.
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
    /** What the route requires of its callers. `false` declares it open; a route without this member is open as well. */
    aauth?: Requirement | (false & NoIdentity)
  }
  interface FastifyRequest {
    /** The verified caller, of the kinds that the route's requirement lets through; without a requirement `null`. */
    aauth: CallerIn<this>
    /**
     * On a report-only route: the answer that the request would have got; `null` when it would have been served, and
     * on other routes.
     */
    aauthObserved: Observed | null
    /**
     * The id of a signed request (`call_id`), for joining logs with events (`event.id`) and with the agent's own
     * records. Before verification it is unverified input.
     */
    readonly aauthCallId: string | undefined
  }
  interface FastifyInstance {
    /** The resource server behind the plugin, for operators, and the declarations of the routes. */
    aauth: FastifyGuard
  }
}
