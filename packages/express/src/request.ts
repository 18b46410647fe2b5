import type { Caller, Policy as CorePolicy, Requirement as CoreRequirement } from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import type { Request as ExpressRequest, NextFunction, Response } from 'express'
import type { OtherWay } from './other-way.js'

/** What a route requires of its callers. */
export type Requirement = CoreRequirement<ExpressRequest, OtherWay>

/** A policy of the application; its `request.raw` is the Express request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, ExpressRequest>

/**
 * The type of `req.aauth`. `require` states it in the type of the response's locals, which Express hands on to every later
 * handler of the same route; elsewhere it is any caller or `undefined`.
 */
export type CallerIn<Request> = Request extends { readonly res?: infer R }
  ? NonNullable<R> extends { readonly locals: { readonly aauth?: infer Stated } }
    ? unknown extends Stated
      ? Caller | undefined
      : NonNullable<Stated> extends { readonly caller: infer C }
        ? C
        : Caller | undefined
    : Caller | undefined
  : Caller | undefined

/** The locals of a response in which the caller is stated; nothing is ever put there. */
type Stating<C> = { aauth?: { caller: C } }

/** As {@link Stating}, whatever `require` states beside it: a content's type is one that everything fits. */
type Trusted<C> = { aauth?: { caller: C; only: ExpressRequest['body'] } }

/**
 * A request whose `aauth` is a caller of this kind: for controllers that are declared elsewhere than their route, and for
 * functions that handlers call. Where there may be nobody (`optional`, `or`, report-only), say so:
 * `AAuthRequest<Grant | undefined>`. It is taken at its word; what a route requires is compared with {@link AAuthHandler}.
 *
 * @typeParam C the caller: `Grant`, `Person | Grant`, `Agent`, `Connected`, `TokenCaller` or, as {@link CallerOf} says,
 * what a requirement lets through. Default: any caller
 * @typeParam Params of the path, as in Express's own `Request`; so are the others
 */
export type AAuthRequest<
  C extends Caller | undefined = Caller,
  Params = ExpressRequest['params'],
  ResBody = ExpressRequest['body'],
  ReqBody = ExpressRequest['body'],
  Query = ExpressRequest['query'],
> = ExpressRequest<Params, ResBody, ReqBody, Query, Trusted<C>>

/**
 * A handler that finds a caller of this kind in `req.aauth`. On a route whose requirement lets through another kind it does
 * not compile; on one that requires nothing itself, because its router does, it is taken at its word.
 *
 * @typeParam C the caller, as of {@link AAuthRequest}. Default: any caller
 * @typeParam Params of the path, as in Express's own `RequestHandler`; so are the others
 */
export type AAuthHandler<
  C extends Caller | undefined = Caller,
  Params = ExpressRequest['params'],
  ResBody = ExpressRequest['body'],
  ReqBody = ExpressRequest['body'],
  Query = ExpressRequest['query'],
> = <Locals extends Stating<C>>(
  req: ExpressRequest<Params, ResBody, ReqBody, Query, Locals>,
  res: Response<ResBody, Locals>,
  next: NextFunction,
) => unknown

declare global {
  namespace Express {
    interface Request {
      /** The verified caller, of the kinds that the route's requirement lets through; elsewhere `undefined`. */
      aauth: CallerIn<this>
      /** On a report-only route: what would have been answered; `null` when the request would have been served. */
      aauthObserved?: Observed | null | undefined
      /**
       * Behind a guard: the id of a signed request (`call_id`), by which logs are joined with events (`event.id`) and with
       * the agent's own records.
       */
      readonly aauthCallId?: string | undefined
    }
  }
}
