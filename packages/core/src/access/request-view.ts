import type { HttpRequest } from '../http/message.js'
import { contentOf, type RequestContent } from '../http/request-content.js'

/** What a framework made of a request: where its router sent it. */
export interface RouteView<Raw = unknown> {
  /** Parameters of the route, decoded by the framework; an Express wildcard is joined with `/`. */
  readonly params: Readonly<Record<string, string | undefined>>
  /** The framework's own request: an Express `Request`, a `FastifyRequest`. */
  readonly raw: Raw
}

/** What a request says in its first line. */
export interface RequestTarget {
  readonly method: string
  /**
   * As received: not decoded, not normalised, without the query. Routers match more than one spelling (`/Tobacco`,
   * `/%74obacco`), so decide by the route and its parameters, never by what this begins with.
   */
  readonly path: string
  /** As received, without the `?`; empty when there is none. */
  readonly query: string
}

/** The request as requirements and policies see it. Everything in it is the caller's own word. */
export interface RequestView<Raw = unknown> extends RequestTarget, RouteView<Raw> {
  /** What is sent, on routes with `content: true` and where there is some. */
  readonly content?: RequestContent
}

/** The view of a request that came by no router. */
export const noRoute: RouteView = { params: {}, raw: undefined }

/** Splits a target as a policy wants it. */
export function splitTarget({ method, target }: Pick<HttpRequest, 'method' | 'target'>): RequestTarget {
  const question = target.indexOf('?')
  return question === -1
    ? { method, path: target, query: '' }
    : { method, path: target.slice(0, question), query: target.slice(question + 1) }
}

/** Joins what came over the wire with what the framework made of it. */
export function viewRequest(request: HttpRequest, { params, raw }: RouteView): RequestView {
  const content = contentOf(request)
  const view = { ...splitTarget(request), params, raw }
  return content === undefined ? view : { ...view, content }
}
