import type { IncomingMessage, ServerResponse } from 'node:http'
import { connectSuppliers } from '@countersign/agent'
import {
  AAuthError,
  createResourceServer,
  type Onward,
  type ResourceOptions,
  type ResourceServer,
} from '@countersign/core'
import {
  type AdoptionReport,
  type Answered,
  callIdOf,
  type DeclaredRoute,
  fromEnvironment,
  fromNode,
  isPromiseLike,
  keepPrivate,
  nodeHost,
  type OnlyKnown,
  type Outcome,
  type PartialOptions,
  type RouteCaller,
  type RouteDefaults,
  type RouteView,
  readOn,
  wholeApplication,
  writeAnswer,
} from '@countersign/core/adapter'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { attempt, fail } from './attempt.js'
import { type OtherWay, runOther } from './other-way.js'
import { lookForParsers } from './parsers.js'
import type { Requirement } from './request.js'
import { type AnyApplication, declarations, layersOf, mountOf, routesOf, stackOf } from './routes.js'
import { wholeApp } from './whole-app.js'

/**
 * The options of {@link aauth}: those of the resource server, and some for Express.
 *
 * @typeParam User what `users.find` answers
 */
export interface ExpressOptions<User extends object | string = object | string>
  extends PartialOptions<ResourceOptions<Request, User>> {
  /**
   * `answer` (default): the guard writes challenges and refusals. `next`: they go to `next(error)` as an
   * {@link AAuthError} with `status` and `headers`, and the application's error handler has to send both.
   */
  readonly onError?: 'answer' | 'next'
  /**
   * Whether every route of the application has to declare what it requires, or `guard.open()` where it is open on
   * purpose; otherwise nothing is served. Express has no moment at which it starts, so this is looked at when the first request comes to one
   * of our handlers, and again when the application has got more; all are then answered `500`. Put `guard.endpoints()`
   * before every route: what stands before our first handler is not stopped. `guard.routes(app)` tells before any
   * request. Default `false`.
   */
  readonly secureByDefault?: boolean
}

/**
 * A middleware that lets through only callers of one kind; handlers after it see `req.aauth` typed as that kind. It is
 * spelt without types of Express, so that it fits the declarations of version 4 and of version 5. In `only` the kind is
 * stated a second time, so that TypeScript takes no handler for narrower callers.
 */
export type GuardHandler<C> = (
  req: IncomingMessage,
  res: ServerResponse & { locals: { aauth?: { caller: C; only: (caller: C) => void } } },
  next: (error?: unknown) => void,
) => void

/** What Express adds to a request of Node's; absent where no Express application has received it (connect, `upgrade`). */
type MaybeExpress = Partial<Pick<Request, 'app' | 'originalUrl' | 'params' | 'hostname'>>

/** What options say of `observe`, or where they say nothing, what holds around them. */
type Otherwise<Observe, Around> = [Observe] extends [undefined] ? Around : Exclude<Observe, undefined>

/**
 * What {@link aauth} returns.
 *
 * @typeParam Observe whether routes are report-only by default; handlers of such routes may find nobody
 * @typeParam User what `users.find` answers: `aauth.user` on routes with `user`
 */
export interface ExpressGuard<Observe = false, User = object | string> {
  /**
   * A middleware that declares what a route or router requires of its callers, and enforces it. Put it before body
   * parsers: a refusal then costs no parsing.
   *
   * @throws TypeError when the requirement is malformed or names a scope that the options do not describe
   */
  require<const R extends Requirement>(
    requirement: R & OnlyKnown<R, Request, OtherWay>,
  ): GuardHandler<RouteCaller<R, Observe, undefined, User>>
  /**
   * The same guard with defaults for the routes of a router: its policies come after the server's and before a route's
   * own; its `observe` overrides the server's.
   *
   * @throws TypeError naming what is wrong in `defaults`
   */
  with<const Own extends boolean | undefined = undefined>(
    defaults: RouteDefaults<Request> & { readonly observe?: Own },
  ): ExpressGuard<Otherwise<Own, Observe>, User>
  /**
   * What a handler calls suppliers with in the name of the caller whose request it serves (AAuth 10.1): as `fetch`. Needs
   * the option `onward`, and `onward: true` on the route. Call suppliers before doing anything else that cannot be done
   * twice: where the person has to be asked, it rejects, and the handler runs again from its beginning once they have
   * decided. Let what it rejects with go on to {@link ExpressGuard.errors}.
   *
   * @throws TypeError where the route does not say `onward: true`, or nobody has been verified
   */
  onward(req: IncomingMessage): Onward
  /**
   * An error middleware that answers what {@link ExpressGuard.onward} rejects with, and puts the call aside where it has to
   * wait; all other errors go on. Mount it behind the routes, before the application's own error handler.
   */
  errors(): (
    error: unknown,
    req: IncomingMessage,
    res: ServerResponse,
    next: (error?: unknown) => void,
  ) => void
  /** A middleware that declares a route open, for `secureByDefault` and {@link ExpressGuard.routes}. It lets everything pass. */
  open(): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void
  /**
   * A middleware that answers requests to our own endpoints: metadata, keys, authorization and others. Mount it at the
   * root of the application, before body parsers. Where several resources share an application, each answers for its own
   * host.
   */
  endpoints(): RequestHandler
  /**
   * What is declared: with an application, its routes and what each says; without one, what was required so far, in
   * order, whatever it was put before.
   */
  routes(app: AnyApplication): readonly DeclaredRoute<Requirement>[]
  routes(): readonly Pick<DeclaredRoute<Requirement>, 'aauth'>[]
  /** What report-only routes have seen, by route, code, issuer and agent, at all instances. Never rejects. */
  report(): Promise<AdoptionReport>
  /**
   * Answers all long polls, releases timers and connections, and closes the store of `AAUTH_REDIS_URL` if that was
   * opened; a store that was given is not closed. Requests that come later and need that store are refused, so call
   * `server.close()` of the guard first, then this when the HTTP server has closed. Never rejects.
   */
  close(): Promise<void>
  /** The resource server behind the guard, for its operation: `revocations`, `issuers`, `pending` and others. */
  readonly server: ResourceServer<Request, OtherWay>
}

/**
 * AAuth for Express 4.18 and 5. `resource`, `signingKeys` and `store` may be left to the environment, and outside
 * production a key is made where there is none.
 *
 * @throws TypeError naming the option or variable at fault
 *
 * @example
 * ```ts
 * import { aauth } from '@countersign/express'
 * import express from 'express'
 *
 * const guard = aauth({
 *   resource: 'https://notes.example',
 *   signingKeys: process.env['NOTES_KEY'] ?? '', // or leave it to AAUTH_SIGNING_KEYS
 *   scopes: { 'notes.read': 'Read your notes' },
 * })
 * const app = express()
 * app.use(guard.endpoints())
 * app.get('/notes', guard.require({ scope: 'notes.read' }), (req, res) => {
 *   res.json({ owner: req.aauth.person.sub })
 * })
 * ```
 */
export function aauth<
  const Observe extends boolean | undefined = undefined,
  User extends object | string = object | string,
>(
  options: ExpressOptions<User> & { readonly observe?: Observe } = {},
): ExpressGuard<Otherwise<Observe, false>, User> {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(
      'option resource: is missing; options are an object with at least the https:// origin of this API',
    )
  const given = options as ExpressOptions
  const { onError = 'answer', secureByDefault = false, ...resourceOptions } = given
  if (('onError' in given && given.onError === undefined) || (onError !== 'answer' && onError !== 'next'))
    throw new TypeError("option onError: must be 'answer' or 'next'")
  if ('secureByDefault' in given && typeof given.secureByDefault !== 'boolean')
    throw new TypeError('option secureByDefault: must be a boolean')
  const { options: complete, close } = fromEnvironment<ResourceOptions<Request>>(connected(resourceOptions), {
    from: import.meta.url,
  })
  const shared: Shared = {
    onError,
    secureByDefault,
    declared: [],
    close,
    endpoints: { handlers: new WeakSet(), seen: false, minted: 0 },
  }
  return guardOf(createResourceServer<Request, OtherWay>(complete), shared) as unknown as ExpressGuard<
    Otherwise<Observe, false>,
    User
  >
}

/** Call chaining needs an agent, and this package has one. */
function connected(options: PartialOptions<ResourceOptions<Request>>): typeof options {
  const { onward } = options
  return typeof onward === 'object' && onward !== null
    ? { ...options, onward: { connect: connectSuppliers, ...onward } }
    : options
}

/** The state of a guard, shared with those made from it by `with`. */
interface Shared {
  readonly onError: NonNullable<ExpressOptions['onError']>
  readonly secureByDefault: boolean
  readonly declared: Pick<DeclaredRoute<Requirement>, 'aauth'>[]
  /** Closes what was opened for the options. */
  close(): Promise<void>
  /** The error that `secureByDefault` found when the routes were last looked at. */
  fault?: TypeError | undefined
  /** Our endpoints: the handlers, whether a request has come to one, and how many resource tokens have been made before. */
  readonly endpoints: { readonly handlers: WeakSet<object>; seen: boolean; minted: number }
  /** How many layers it had then; where that does not matter, any number. */
  layers?: number
}

// The hosts of all resources whose `endpoints()` are mounted in this process.
const hosts = new Set<string>()

/** The handlers of our endpoints. */
const ownEndpoints = new WeakSet<object>()

function guardOf(server: ResourceServer<Request, OtherWay>, shared: Shared): ExpressGuard<boolean> {
  const { onError, secureByDefault, declared } = shared
  /** Answers, or gives the error that the application is to answer. */
  const refuse = (outcome: Answered, res: Response): AAuthError | undefined => {
    const { code, detail, answer } = outcome
    // A `202` is no error: the call waits.
    const isAnswered = onError === 'answer' || answer.status < 400
    // Listeners of `upgrade` have no response, and call their middlewares with `{}`.
    if (!isAnswered || typeof res.writeHead !== 'function')
      return new AAuthError(code, answer.status, answer.headers, detail)
    writeAnswer(answer, res)
    return undefined
  }

  const lookAt = (req: Request): void => {
    if (shared.layers !== undefined && !secureByDefault) return
    const inner = (req as MaybeExpress).app
    const app = inner === undefined ? undefined : wholeApp(req)
    const layers = app === undefined ? 0 : layersOf(app)
    if (shared.layers === layers) return
    const isFirst = shared.layers === undefined
    shared.layers = layers
    // What verification takes from the wire is not changed by it, but what handlers see is.
    if (inner?.get('trust proxy') === true) server.diagnose('AAUTH_TRUST_PROXY')
    if (app === undefined) return
    if (isFirst)
      lookForParsers(
        stackOf(app),
        (handle) => declarations.has(handle) || ownEndpoints.has(handle),
        (parser) =>
          server.diagnose(
            'AAUTH_CONTENT_CONSUMED',
            `${parser} stands before us; to keep the bytes: ${parser}({ verify: (req, res, bytes) => { req.rawBody = bytes } })`,
          ),
      )
    if (!secureByDefault) return
    const silent = routesOf(app).filter(({ aauth }) => aauth === undefined)
    if (silent.length === 0) return
    const names = silent.map(({ method, path }) => `${method} ${path}`).join(', ')
    shared.fault = new TypeError(
      `option secureByDefault: guard.require(…) or guard.open() is missing, or behind the handler: ${names}`,
    )
  }

  const { endpoints } = shared
  /** A resource token has been made: whoever is given it looks at our documents. */
  const missEndpoints = (req: Request): void => {
    const app = (req as MaybeExpress).app === undefined ? undefined : wholeApp(req)
    const mount = app === undefined ? '' : mountOf(stackOf(app), (handle) => endpoints.handlers.has(handle))
    if (mount === undefined) server.diagnose('AAUTH_ENDPOINTS', 'they are not mounted in this application')
    else if (mount !== '') server.diagnose('AAUTH_ENDPOINTS', `they are mounted under ${mount}`)
    else if (++endpoints.minted === manyTokens)
      server.diagnose('AAUTH_ENDPOINTS', 'no request has come to them: something before them answers')
  }

  const guard = (requirement: Requirement): RequestHandler => {
    const route = server.require(requirement)
    const other = typeof requirement === 'string' ? undefined : requirement.or
    const conclude = (outcome: Outcome, req: Request, res: Response, next: NextFunction): void => {
      // The application has answered meanwhile: whoever was told that it failed must not find it done.
      if (res.writableEnded) return
      let fault: AAuthError | undefined
      try {
        if (!outcome.served && !endpoints.seen && asksForToken(outcome.code)) missEndpoints(req)
        // Whatever a guard before this one has found holds no more.
        req.aauth = (outcome.served ? outcome.caller : undefined) as Request['aauth']
        if (outcome.observed !== req.aauthObserved) req.aauthObserved = outcome.observed
        if (!outcome.served || outcome.observed !== undefined) readOn(req, res)
        if (outcome.served) {
          if (outcome.headers !== undefined) setHeaders(res, outcome.headers)
        } else if (outcome.or !== true || other === undefined) {
          fault = refuse(outcome, res)
          if (fault === undefined) return
        }
      } catch (error) {
        fail(next, error)
        return
      }
      if (!outcome.served && fault === undefined && other !== undefined)
        runOther(other, outcome, [req, res, next])
      else next(fault)
    }
    const handler: RequestHandler = (req, res, next) => {
      let outcome: ReturnType<typeof route.check>
      // In a listener without a framework nobody catches what is thrown, and the process ends.
      try {
        lookAt(req)
        if (shared.fault !== undefined) throw shared.fault
        giveCallId(req)
        keepPrivate(res)
        outcome = route.check(fromNode(req, req.originalUrl), new ExpressRoute(req))
      } catch (error) {
        fail(next, error)
        return
      }
      // The usual request is decided at once; a promise would be its dearest part beside the verification.
      if (isPromiseLike(outcome))
        Promise.resolve(outcome)
          .then((late) => conclude(late, req, res, next))
          .catch((error: unknown) => fail(next, error))
      else conclude(outcome, req, res, next)
    }
    declarations.set(handler, requirement)
    declared.push({ aauth: requirement })
    return handler
  }

  const own = new URL(server.resource).host
  const isAnothers = (req: Request): boolean => {
    // Express's word on the host, or in an application that is none of its, the client's.
    const { hostname, headers }: Partial<Pick<Request, 'hostname' | 'headers'>> = req
    const named = hostname ?? headers?.host?.replace(/:\d*$/, '')
    const host = named?.toLowerCase().replace(/\.$/, '')
    return host !== undefined && host !== own && hosts.has(host)
  }

  return {
    // The one place where the type of the locals is stated; nothing is ever put there.
    require: ((requirement: Requirement, ...more: unknown[]) => {
      if (more.length > 0) throw calledByExpress('require({ … })')
      return guard(requirement)
    }) as unknown as ExpressGuard<boolean>['require'],
    open: (...args: unknown[]) => {
      if (args.length > 0) throw calledByExpress('open()')
      const handler: ReturnType<ExpressGuard['open']> = (_req, _res, next) => next(shared.fault)
      declarations.set(handler, false)
      declared.push({ aauth: false })
      return handler
    },
    onward: (req) => server.onward(fromNode(req, originalTarget(req))),
    errors: (...args: unknown[]) => {
      if (args.length > 0) throw calledByExpress('errors()')
      return (error, req, res, next) => {
        // What has been answered is not put aside as well.
        const answering = res.headersSent
          ? undefined
          : server.answerOnward(fromNode(req, originalTarget(req)), error)
        if (answering === undefined) fail(next, error)
        else
          attempt(next, async () => {
            const fault = refuse(await answering, res as Response)
            if (fault !== undefined) next(fault)
          })
      }
    },
    with: (defaults) => guardOf(server.with(defaults), shared) as never,
    endpoints: (...args: unknown[]) => {
      if (args.length > 0) throw calledByExpress('endpoints()')
      hosts.add(own)
      const handler: RequestHandler = (req, res, next) => {
        lookAt(req)
        if (shared.fault !== undefined) next(shared.fault)
        else if (hosts.size > 1 && isAnothers(req)) next()
        else
          attempt(next, async () => {
            const { baseUrl = '', url }: Partial<Pick<Request, 'baseUrl' | 'url'>> = req
            if (baseUrl === '') endpoints.seen = true
            // Where the whole path is what they are mounted under, nothing of it is in their way.
            else if (!endpoints.seen && !/^\/?(?:\?|$)/.test(url ?? ''))
              server.diagnose('AAUTH_ENDPOINTS', `they are mounted under ${printable(baseUrl)}`)
            const known = (req as MaybeExpress).app === undefined ? undefined : wholeApp(req)
            const host = { ...nodeHost(wholeApplication(req, known), req), id: idOf(req) }
            const answer = await server.handle(fromNode(req, req.originalUrl, true), host)
            if (answer === undefined) next()
            else {
              endpoints.seen = true
              writeAnswer(answer, res)
            }
          })
      }
      ownEndpoints.add(handler)
      endpoints.handlers.add(handler)
      return handler
    },
    routes: ((app?: AnyApplication, ...more: unknown[]) => {
      if (more.length > 0) throw new TypeError('guard.routes(app) lists routes; it is no middleware')
      return app === undefined ? [...declared] : routesOf(app)
    }) as ExpressGuard['routes'],
    report: () => server.report(),
    close: async () => {
      server.close()
      await shared.close()
    },
    server,
  }
}

/** Whether an answer with this code carries a resource token. */
const asksForToken = (code: string): boolean => code === 'auth-token' || code === 'user_required'

/** Resource tokens that agents have been given, without anybody having looked at our documents. */
const manyTokens = 3

/** A path may be a stranger's, and a terminal takes more than text. */
const printable = (path: string): string => path.slice(0, 100).replace(/[^\x21-\x7e]/g, '?')

/** The error where a method was given to Express instead of its result. */
function calledByExpress(call: string): TypeError {
  return new TypeError(`the parentheses are missing: write guard.${call}`)
}

/** What was asked for, wherever the application has mounted what asks. */
function originalTarget(req: IncomingMessage): string | undefined {
  return (req as IncomingMessage & MaybeExpress).originalUrl
}

function setHeaders(res: Response, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader?.(name, value)
}

// The prototypes that have it.
const withCallId = new WeakSet<object>()

/** Puts `aauthCallId` where the application's requests inherit from, since it is computed for few of them. */
function giveCallId(req: Request): void {
  const { app }: MaybeExpress = req
  const to = app === undefined ? req : (app as unknown as { readonly request: object }).request
  if (withCallId.has(to)) return
  withCallId.add(to)
  Object.defineProperty(to, 'aauthCallId', {
    configurable: true,
    get(this: Request) {
      return callIdOf(fromNode(this, this.originalUrl))
    },
  })
}

function idOf({ id }: Request & { readonly id?: unknown }): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/** A request as a policy sees it. The parameters are read only when a policy asks for them. */
class ExpressRoute implements RouteView<Request> {
  readonly raw: Request

  constructor(raw: Request) {
    this.raw = raw
  }

  get route(): string | undefined {
    const { route, baseUrl = '' }: Partial<Readonly<{ route: { path?: unknown }; baseUrl: string }>> =
      this.raw
    return route?.path === undefined ? undefined : `${baseUrl}${String(route.path)}`
  }

  /** Express has none itself; what sets one (`pino-http` and others) calls it so. */
  get id(): string | undefined {
    return idOf(this.raw)
  }

  /** Express 5 gives a wildcard as the list of its segments. */
  get params(): RouteView['params'] {
    const { params = {} }: Partial<Readonly<Record<'params', Request['params']>>> = this.raw
    return Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')] as const),
    )
  }
}
