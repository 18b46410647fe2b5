import type { Caller } from '@countersign/core'

/**
 * The caller a handler sees. `require` states it in the type of the response's locals, which Express hands on to every
 * later handler of the same route; elsewhere it may be anybody or nobody.
 */
export type CallerIn<Request> = Request extends { readonly res?: infer R }
  ? NonNullable<R> extends { readonly locals: { readonly aauth: infer C } }
    ? unknown extends C
      ? Caller | undefined
      : C
    : Caller | undefined
  : Caller | undefined

declare global {
  namespace Express {
    interface Request {
      /** Who is calling. On a route with `require` it is what the requirement lets through; elsewhere `undefined`. */
      aauth: CallerIn<this>
    }
  }
}
