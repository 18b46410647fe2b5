import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Onward, ResourceServer } from '@countersign/core'
import {
  type AdoptionReport,
  type DeclaredRoute,
  fromNode,
  type OnlyKnown,
  type RouteCaller,
  type RouteDefaults,
} from '@countersign/core/adapter'
import type { Request, RequestHandler, Response } from 'express'
import { attempt, fail } from './attempt.js'
import { answerEndpoints } from './endpoints.js'
import { enforce, refuse, type Shared } from './enforce.js'
import type { OtherWay } from './other-way.js'
import type { Requirement } from './request.js'
import { type AnyApplication, declarations, routesOf } from './routes.js'
import type { MaybeExpress } from './whole-app.js'

/**
 * A middleware that lets through only callers of one kind; later handlers see `req.aauth` with that type. It uses no
 * types of Express, so that it fits the declarations of version 4 and of version 5. `only` repeats the type, so that
 * TypeScript rejects handlers for narrower callers.
 */
export type GuardHandler<C> = (
  req: IncomingMessage,
  res: ServerResponse & { locals: { aauth?: { caller: C; only: (caller: C) => void } } },
  next: (error?: unknown) => void,
) => void

/** The value of `observe`, or where it is not given, that of the enclosing guard. */
type Otherwise<Observe, Around> = [Observe] extends [undefined] ? Around : Exclude<Observe, undefined>

/**
 * What `aauth` returns.
 *
 * @typeParam Observe whether routes are report-only by default; handlers of such routes may get no caller
 * @typeParam User what `users.find` returns: `aauth.user` on routes with `user`
 */
export interface ExpressGuard<Observe = false, User = object | string> {
  /**
   * A middleware that declares what a route or router requires of its callers, and enforces it. Put it before body
   * parsers, so that refused requests are not parsed.
   *
   * @throws TypeError when the requirement is malformed or names a scope that the options do not describe
   */
  require<const R extends Requirement>(
    requirement: R & OnlyKnown<R, Request, OtherWay>,
  ): GuardHandler<RouteCaller<R, Observe, undefined, User>>
  /**
   * The same guard with defaults for the routes of a router. The router's policies run after the server's and before
   * a route's own; its `observe` overrides the server's.
   *
   * @throws TypeError naming what is invalid in `defaults`
   */
  with<const Own extends boolean | undefined = undefined>(
    defaults: RouteDefaults<Request> & { readonly observe?: Own },
  ): ExpressGuard<Otherwise<Own, Observe>, User>
  /**
   * A `fetch` for calling suppliers in the name of the caller of this request (AAuth 10.1). Requires the option
   * `onward`, and `onward: true` on the route. Call suppliers before doing anything that must not happen twice: if
   * the person has to be asked, the call rejects, and the handler runs again from the beginning once they have
   * decided. Let that error go on to {@link ExpressGuard.errors}.
   *
   * @throws TypeError when the route does not set `onward: true`, or no caller was verified
   */
  onward(req: IncomingMessage): Onward
  /**
   * An error middleware that answers the errors of {@link ExpressGuard.onward}, and holds the call if it has to wait.
   * All other errors go on. Mount it after the routes and before the application's own error handler.
   */
  errors(): (
    error: unknown,
    req: IncomingMessage,
    res: ServerResponse,
    next: (error?: unknown) => void,
  ) => void
  /**
   * A middleware that declares a route open, for `secureByDefault` and {@link ExpressGuard.routes}. It lets every
   * request pass.
   */
  open(): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void
  /**
   * A middleware that serves our own endpoints: metadata, keys, authorization and others. Mount it at the root of the
   * application, before body parsers. If several resources share an application, each answers for its own host.
   */
  endpoints(): RequestHandler
  /**
   * The declared routes. With an application: its routes, and what each declares. Without one: the requirements so
   * far, in order, wherever they were mounted.
   */
  routes(app: AnyApplication): readonly DeclaredRoute<Requirement>[]
  routes(): readonly Pick<DeclaredRoute<Requirement>, 'aauth'>[]
  /** What report-only routes have seen, by route, code, issuer and agent, at all instances. Never rejects. */
  report(): Promise<AdoptionReport>
  /**
   * Answers all long polls, releases timers and connections, and closes the store of `AAUTH_REDIS_URL` if it was
   * opened; a store that the application gave stays open. Later requests that need the closed store are refused. So
   * call `server.close()` of the guard first, then this when the HTTP server has closed. Never rejects.
   */
  close(): Promise<void>
  /** The resource server behind the guard, for operators: `revocations`, `issuers`, `pending` and others. */
  readonly server: ResourceServer<Request, OtherWay>
}

/**
 * The guard of a resource server.
 *
 * @param close closes what was opened for the options
 * @param declared the requirements so far, of all guards made from the same options
 */
export function guardOf(
  server: ResourceServer<Request, OtherWay>,
  shared: Shared,
  close: () => Promise<void>,
  declared: Pick<DeclaredRoute<Requirement>, 'aauth'>[] = [],
): ExpressGuard<boolean> {
  const { onError, looked } = shared
  const declare = <H extends object>(handler: H, aauth: Requirement | false): H => {
    declarations.set(handler, aauth)
    declared.push({ aauth })
    return handler
  }
  return {
    // Only here the type of the locals is stated; nothing is put into them.
    require: ((requirement: Requirement, ...more: unknown[]) => {
      if (more.length > 0) throw calledByExpress('require({ … })')
      return declare(enforce(server, shared, requirement), requirement)
    }) as unknown as ExpressGuard<boolean>['require'],
    open: (...args: unknown[]) => {
      if (args.length > 0) throw calledByExpress('open()')
      const handler: ReturnType<ExpressGuard['open']> = (_req, _res, next) => next(looked.fault)
      return declare(handler, false)
    },
    onward: (req) => server.onward(fromNode(req, originalTarget(req))),
    errors: (...args: unknown[]) => {
      if (args.length > 0) throw calledByExpress('errors()')
      return (error, req, res, next) => {
        // A call that has been answered is not held as well.
        const answering = res.headersSent
          ? undefined
          : server.answerOnward(fromNode(req, originalTarget(req)), error)
        if (answering === undefined) fail(next, error)
        else
          attempt(next, async () => {
            const fault = refuse(await answering, res as Response, onError)
            if (fault !== undefined) next(fault)
          })
      }
    },
    with: (defaults) => guardOf(server.with(defaults), shared, close, declared) as never,
    endpoints: (...args: unknown[]) => {
      if (args.length > 0) throw calledByExpress('endpoints()')
      return answerEndpoints(server, shared.endpoints, looked)
    },
    routes: ((app?: AnyApplication, ...more: unknown[]) => {
      if (more.length > 0) throw new TypeError('guard.routes(app) lists routes; it is no middleware')
      return app === undefined ? [...declared] : routesOf(app)
    }) as ExpressGuard['routes'],
    report: () => server.report(),
    close: async () => {
      server.close()
      await close()
    },
    server,
  }
}

/** The error for a method that was passed to Express uncalled. */
function calledByExpress(call: string): TypeError {
  return new TypeError(`the parentheses are missing: write guard.${call}`)
}

/** The target of the request, wherever the handler is mounted. */
function originalTarget(req: IncomingMessage): string | undefined {
  return (req as IncomingMessage & MaybeExpress).originalUrl
}
