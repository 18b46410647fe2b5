import type { Caller, Policy as CorePolicy, Requirement as CoreRequirement } from '@countersign/core'
import type { Observed } from '@countersign/core/adapter'
import type { Request as ExpressRequest } from 'express'
import type { OtherWay } from './other-way.js'

/** What a route requires of its callers. */
export type Requirement = CoreRequirement<ExpressRequest, OtherWay>

/** A rule of the resource's own; `request.raw` is the Express request. */
export type Policy<C extends Caller = Caller> = CorePolicy<C, ExpressRequest>

/**
 * The caller a handler sees. `require` states it in the type of the response's locals, which Express hands on to every
 * later handler of the same route; elsewhere it may be anybody or nobody.
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
      /** Who is calling. On a route with `require` it is what the requirement lets through; elsewhere `undefined`. */
      aauth: CallerIn<this>
      /** On a report-only route: what would have been; `null` when nothing would have been refused. */
      aauthObserved?: Observed | null | undefined
    }
  }
}
