import type { Logger } from '../configuration/logger.js'
import { Inquiry } from '../time/deadline.js'
import { type HttpRequest, type RequestTarget, splitTarget } from './message.js'
import { contentOf, type RequestContent } from './request-content.js'

/** What a framework made of a request: where its router sent it. */
export interface RouteView<Raw = unknown> {
  /** Parameters of the route, decoded by the framework; an Express wildcard is joined with `/`. */
  readonly params: Readonly<Record<string, string | undefined>>
  /** The framework's own request: an Express `Request`, a `FastifyRequest`. */
  readonly raw: Raw
  /** The route as it was declared, `/notes/:id`: for logs. Absent where the framework does not tell. */
  readonly route?: string | undefined
  /** The framework's own name of the request, for logs. Absent where it has none. */
  readonly id?: string | undefined
  /** The log of this request, where the framework has one. Default: the option `logger`. */
  readonly log?: Logger | undefined
}

/**
 * The request as every function of the application sees it: requirements, policies, `accounts`, `authorize`, the login and
 * `onEvent`. Everything in it is the caller's own word.
 */
export interface RequestView<Raw = unknown> extends RequestTarget, Pick<RouteView<Raw>, 'params' | 'raw'> {
  /** The route as it was declared, `/notes/:id`. Absent where the framework does not tell. */
  readonly route?: string
  /** What is sent, on routes with `content: true` and where there is some. */
  readonly content?: RequestContent
}

/** The view of a request that came by no router. */
export const noRoute: RouteView = { params: {}, raw: undefined }

/** Joins what came over the wire with what the framework made of it. */
export function viewRequest(request: HttpRequest, { params, raw, route }: RouteView): RequestView {
  const content = contentOf(request)
  return {
    ...splitTarget(request),
    params,
    raw,
    ...(route !== undefined && { route }),
    ...(content !== undefined && { content }),
  }
}

// By the request itself: whoever reports something of it has not been given its route.
const routes = new WeakMap<object, RouteView>()
let now: { readonly request: HttpRequest; readonly route: RouteView } | undefined

/** Keeps what the framework made of a request, for those who are given the request alone. */
export function noteRoute(request: HttpRequest, route: RouteView): void {
  routes.set(request, route)
}

/**
 * As {@link noteRoute}, for what `tell` tells of a request before it returns. The usual refusal needs no more, and an entry
 * in the map is dearer than all else of it.
 */
export function noteWhile<T>(request: HttpRequest, route: RouteView, tell: () => T): T {
  const before = now
  now = { request, route }
  try {
    return tell()
  } finally {
    now = before
  }
}

/** What was kept. */
export function routeOf(request: object): RouteView {
  return now?.request === request ? now.route : (routes.get(request) ?? noRoute)
}

/** A call of a function of the application about a request whose route was kept. */
export function inquiryOf(request: HttpRequest): Inquiry {
  return new Inquiry(request, routeOf(request).route)
}

/** The view of a request whose route was kept. */
export function viewNoted(request: HttpRequest): RequestView {
  return viewRequest(request, routeOf(request))
}
