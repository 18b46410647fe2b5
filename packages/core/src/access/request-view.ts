import type { HttpRequest, RequestTarget } from '../http/message.js'
import { splitTarget } from '../http/message.js'
import { contentOf, type RequestContent } from '../http/request-content.js'

/** What a framework made of a request: where its router sent it. */
export interface RouteView<Raw = unknown> {
  /** Parameters of the route, decoded by the framework; an Express wildcard is joined with `/`. */
  readonly params: Readonly<Record<string, string | undefined>>
  /** The framework's own request: an Express `Request`, a `FastifyRequest`. */
  readonly raw: Raw
}

/** The request as requirements and policies see it. Everything in it is the caller's own word. */
export interface RequestView<Raw = unknown> extends RequestTarget, RouteView<Raw> {
  /** What is sent, on routes with `content: true` and where there is some. */
  readonly content?: RequestContent
}

/** The view of a request that came by no router. */
export const noRoute: RouteView = { params: {}, raw: undefined }

/** Joins what came over the wire with what the framework made of it. */
export function viewRequest(request: HttpRequest, { params, raw }: RouteView): RequestView {
  const content = contentOf(request)
  const view = { ...splitTarget(request), params, raw }
  return content === undefined ? view : { ...view, content }
}
