import type { Caller, Policy as CorePolicy, Requirement as CoreRequirement } from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import type { Request as ExpressRequest, NextFunction, Response } from 'express'
import type { OtherWay } from './other-way.js'

/** What a route requires of its callers. */
export type Requirement = CoreRequirement<ExpressRequest, OtherWay>

/** A policy of the application; its `request.raw` is the Express request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, ExpressRequest>

/**
 * The type of `req.aauth`. `require` states it in the type of the response's locals, which Express passes on to every
 * later handler of the same route. Elsewhere it is any caller or `undefined`.
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

/** The locals of a response that state the caller's type. Nothing is put there at run time. */
type Stating<C> = { aauth?: { caller: C } }

/** As {@link Stating}, and compatible with whatever `require` states: the type of `only` accepts anything. */
type Trusted<C> = { aauth?: { caller: C; only: ExpressRequest['body'] } }

/**
 * A request whose `aauth` has this type: for controllers declared apart from their route, and for functions that
 * handlers call. If there may be no caller (`optional`, `or`, report-only), say so: `AAuthRequest<Grant |
 * undefined>`. It is not compared with the requirement of the route; {@link AAuthHandler} is.
 *
 * @typeParam C the caller: `Grant`, `Person | Grant`, `Agent`, `Connected`, `TokenCaller`, or {@link CallerOf} a
 * requirement. Default: any caller
 * @typeParam Params of the path, as in Express's own `Request`, like the further parameters
 */
export type AAuthRequest<
  C extends Caller | undefined = Caller,
  Params = ExpressRequest['params'],
  ResBody = ExpressRequest['body'],
  ReqBody = ExpressRequest['body'],
  Query = ExpressRequest['query'],
> = ExpressRequest<Params, ResBody, ReqBody, Query, Trusted<C>>

/**
 * A handler that gets a caller of this type in `req.aauth`. It does not compile on a route whose requirement lets
 * other callers through. On a route without a requirement, such as one whose router has it, the type is not compared.
 *
 * @typeParam C the caller, as of {@link AAuthRequest}. Default: any caller
 * @typeParam Params of the path, as in Express's own `RequestHandler`, like the further parameters
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
      /**
       * The verified caller, of the kinds that the route's requirement lets through; without a requirement
       * `undefined`.
       */
      aauth: CallerIn<this>
      /** On a report-only route: the answer that the request would have got; `null` when it would have been served. */
      aauthObserved?: Observed | null | undefined
      /**
       * Behind a guard: the id of a signed request (`call_id`), for joining logs with events (`event.id`) and with
       * the agent's own records.
       */
      readonly aauthCallId?: string | undefined
    }
  }
}
