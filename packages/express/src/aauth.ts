import type { IncomingMessage, RequestListener } from 'node:http'
import {
  AAuthError,
  type Answered,
  type CallerOf,
  createResourceServer,
  type FullRequirement,
  fromNode,
  nodeHost,
  type Outcome,
  type Requirement,
  type ResourceOptions,
  type ResourceServer,
  writeAnswer,
} from '@countersign/core'
import type { NextFunction, Request, RequestHandler, Response } from 'express'

/** Options of {@link aauth}: those of the resource server, and how Express is to be told of refusals. */
export interface ExpressOptions extends ResourceOptions {
  /**
   * `answer` (default): challenges and refusals are written here. `next`: they go to `next(error)` as an
   * {@link AAuthError} with `status` and `headers`, and the application's error handler has to send both.
   */
  readonly onError?: 'answer' | 'next'
}

/** A middleware that lets through only callers of one kind; handlers after it see `req.aauth` typed as that kind. */
export type GuardHandler<C> = (
  req: IncomingMessage,
  res: Response<unknown, { aauth: C }>,
  next: NextFunction,
) => void

/** The application that no other has mounted. */
function wholeApp(req: Request): RequestListener {
  let app = req.app as typeof req.app & { parent?: typeof req.app }
  while (app.parent !== undefined) app = app.parent
  return app as unknown as RequestListener
}

/** What {@link aauth} returns. */
export interface ExpressGuard {
  /**
   * Requires something of every caller of a route or router. Put it before body parsers: a refusal then costs no
   * parsing.
   *
   * @throws TypeError when the requirement is malformed or names a scope that the options do not describe
   */
  require<const R extends FullRequirement>(requirement: R): GuardHandler<CallerOf<R>>
  require<const R extends Requirement>(requirement: R): GuardHandler<CallerOf<R>>
  /** Our own endpoints: metadata and keys. Mount it at the root of the application. */
  endpoints(): RequestHandler
  /** The resource server behind, for revocations and issuers. */
  readonly server: ResourceServer
}

/**
 * AAuth for Express 4.18 and 5.
 *
 * @throws TypeError naming the option at fault
 */
export function aauth(options: ExpressOptions): ExpressGuard {
  const { onError = 'answer', ...resourceOptions } = options
  if (onError !== 'answer' && onError !== 'next')
    throw new TypeError("option onError: must be 'answer' or 'next'")
  const server = createResourceServer(resourceOptions)

  const refuse = (outcome: Answered, res: Response, next: NextFunction): void => {
    const { code, detail, answer } = outcome
    // A `202` is no error: the call waits.
    if (onError === 'answer' || answer.status < 400) writeAnswer(answer, res)
    else next(new AAuthError(code, answer.status, answer.headers, detail))
  }

  // What verification takes from the wire is not changed by it, but what handlers see is.
  let proxiesJudged = false
  const judgeProxies = (req: Request): void => {
    proxiesJudged = true
    if (req.app.get('trust proxy') === true) server.diagnose('AAUTH_TRUST_PROXY')
  }

  const guard = (requirement: Requirement): RequestHandler => {
    const route = server.require(requirement)
    const conclude = (outcome: Outcome, req: Request, res: Response, next: NextFunction): void => {
      if (!outcome.served) refuse(outcome, res, next)
      else {
        req.aauth = outcome.caller as Request['aauth']
        next()
      }
    }
    return (req, res, next) => {
      if (!proxiesJudged) judgeProxies(req)
      const outcome = route.check(fromNode(req, req.originalUrl))
      // The usual request is decided at once; a promise would be its dearest part beside the verification.
      return outcome instanceof Promise
        ? outcome.then((late) => conclude(late, req, res, next))
        : conclude(outcome, req, res, next)
    }
  }

  return {
    // The one place where the type of the locals is stated; nothing is ever put there.
    require: <const R extends Requirement>(requirement: R) =>
      guard(requirement) as unknown as GuardHandler<CallerOf<R>>,
    endpoints: () => async (req, res, next) => {
      const answer = await server.handle(fromNode(req, req.originalUrl), nodeHost(wholeApp(req), req))
      if (answer === undefined) next()
      else writeAnswer(answer, res)
    },
    server,
  }
}
