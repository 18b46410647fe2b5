import type { Caller, Policy as CorePolicy, Requirement as CoreRequirement } from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import type { Request as ExpressRequest } from 'express'
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

declare global {
  namespace Express {
    interface Request {
      /** The verified caller, of the kinds that the route's requirement lets through; elsewhere `undefined`. */
      aauth: CallerIn<this>
      /** On a report-only route: what would have been answered; `null` when the request would have been served. */
      aauthObserved?: Observed | null | undefined
    }
  }
}
