import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import {
  AAuthError,
  type Answered,
  createResourceServer,
  fromNode,
  isPending,
  nodeHost,
  type Outcome,
  type ResourceOptions,
  type ResourceServer,
  type RouteCaller,
  type RouteDefaults,
  type RouteView,
  writeAnswer,
} from '@countersign/core'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { attempt } from './attempt.js'
import { type OtherWay, runOther } from './other-way.js'
import type { Requirement } from './request.js'

/** Options of {@link aauth}: those of the resource server, and how Express is to be told of refusals. */
export interface ExpressOptions extends ResourceOptions<Request> {
  /**
   * `answer` (default): challenges and refusals are written here. `next`: they go to `next(error)` as an
   * {@link AAuthError} with `status` and `headers`, and the application's error handler has to send both.
   */
  readonly onError?: 'answer' | 'next'
}

/**
 * A middleware that lets through only callers of one kind; handlers after it see `req.aauth` typed as that kind. It is
 * spelt without types of Express, so that it fits the declarations of version 4 and of version 5.
 */
export type GuardHandler<C> = (
  req: IncomingMessage,
  res: ServerResponse & { locals: { aauth?: { caller: C } } },
  next: (error?: unknown) => void,
) => void

/** What Express adds to a request of Node's; absent where no application of Express has seen it (connect, `upgrade`). */
type MaybeExpress = Partial<Pick<Request, 'app' | 'originalUrl' | 'params'>>

/** The application that no other has mounted. */
function wholeApp({ app: own }: MaybeExpress): RequestListener | undefined {
  if (own === undefined) return undefined
  let app = own as typeof own & { parent?: typeof own }
  while (app.parent !== undefined) app = app.parent
  return app as unknown as RequestListener
}

type ObserveIn<Options> = Options extends { readonly observe?: infer Observe }
  ? unknown extends Observe
    ? undefined
    : Observe
  : undefined

/**
 * What {@link aauth} returns.
 *
 * @typeParam Observe whether routes are report-only by default; handlers of such routes may find nobody
 */
export interface ExpressGuard<Observe = false> {
  /**
   * Requires something of every caller of a route or router. Put it before body parsers: a refusal then costs no
   * parsing.
   *
   * @throws TypeError when the requirement is malformed or names a scope that the options do not describe
   */
  require<const R extends Requirement>(requirement: R): GuardHandler<RouteCaller<R, Observe>>
  /**
   * The same guard for a router, with something to say about all its routes: its policies come after the server's and
   * before a route's own.
   *
   * @throws TypeError when a policy is none
   */
  with<const D extends RouteDefaults<Request>>(
    defaults: D,
  ): ExpressGuard<ObserveIn<D> extends undefined ? Observe : ObserveIn<D>>
  /** Our own endpoints: metadata, keys, authorization. Mount it at the root of the application, before body parsers. */
  endpoints(): RequestHandler
  /** The resource server behind, for revocations and issuers. */
  readonly server: ResourceServer<Request, OtherWay>
}

/**
 * AAuth for Express 4.18 and 5.
 *
 * @throws TypeError naming the option at fault
 */
export function aauth<const O extends ExpressOptions>(options: O): ExpressGuard<ObserveIn<O>> {
  const { onError = 'answer', ...resourceOptions } = options as ExpressOptions
  if (onError !== 'answer' && onError !== 'next')
    throw new TypeError("option onError: must be 'answer' or 'next'")
  return guardOf(createResourceServer<Request, OtherWay>(resourceOptions), onError) as ExpressGuard<
    ObserveIn<O>
  >
}

function guardOf(
  server: ResourceServer<Request, OtherWay>,
  onError: NonNullable<ExpressOptions['onError']>,
): ExpressGuard<boolean> {
  const refuse = (outcome: Answered, res: Response, next: NextFunction): void => {
    const { code, detail, answer } = outcome
    // A `202` is no error: the call waits.
    const isAnswered = onError === 'answer' || answer.status < 400
    // Listeners of `upgrade` have no response, and call their middlewares with `{}`.
    if (isAnswered && typeof res.writeHead === 'function') writeAnswer(answer, res)
    else next(new AAuthError(code, answer.status, answer.headers, detail))
  }

  // What verification takes from the wire is not changed by it, but what handlers see is.
  let proxiesJudged = false
  const judgeProxies = (req: Request): void => {
    proxiesJudged = true
    const { app } = req as MaybeExpress
    if (app?.get('trust proxy') === true) server.diagnose('AAUTH_TRUST_PROXY')
  }

  const guard = (requirement: Requirement): RequestHandler => {
    const route = server.require(requirement)
    const other = typeof requirement === 'string' ? undefined : requirement.or
    const conclude = (outcome: Outcome, req: Request, res: Response, next: NextFunction): void => {
      // The application has answered meanwhile: whoever was told that it failed must not find it done.
      if (res.writableEnded) return
      if (outcome.observed !== undefined) req.aauthObserved = outcome.observed
      if (outcome.served) {
        if (outcome.headers !== undefined) setHeaders(res, outcome.headers)
        req.aauth = outcome.caller as Request['aauth']
        next()
      } else if (outcome.or === true && other !== undefined) runOther(other, outcome, [req, res, next])
      else refuse(outcome, res, next)
    }
    return (req, res, next) => {
      if (!proxiesJudged) judgeProxies(req)
      const outcome = route.check(fromNode(req, req.originalUrl), new ExpressRoute(req))
      // The usual request is decided at once; a promise would be its dearest part beside the verification.
      if (isPending(outcome))
        Promise.resolve(outcome)
          .then((late) => conclude(late, req, res, next))
          .catch(next)
      else conclude(outcome, req, res, next)
    }
  }

  return {
    // The one place where the type of the locals is stated; nothing is ever put there.
    require: <const R extends Requirement>(requirement: R) =>
      guard(requirement) as unknown as GuardHandler<RouteCaller<R, boolean>>,
    with: (defaults) => guardOf(server.with(defaults), onError) as never,
    endpoints: () => (req, res, next) =>
      attempt(next, async () => {
        const answer = await server.handle(fromNode(req, req.originalUrl, true), nodeHost(wholeApp(req), req))
        if (answer === undefined) next()
        else writeAnswer(answer, res)
      }),
    server,
  }
}

function setHeaders(res: Response, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader?.(name, value)
}

/** Looks at the parameters only where somebody asks for them. */
class ExpressRoute implements RouteView<Request> {
  readonly raw: Request

  constructor(raw: Request) {
    this.raw = raw
  }

  /** Express 5 gives a wildcard as the list of its segments. */
  get params(): RouteView['params'] {
    const { params = {} }: Partial<Readonly<Record<'params', Request['params']>>> = this.raw
    return Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, [value].flat().join('/')] as const),
    )
  }
}
