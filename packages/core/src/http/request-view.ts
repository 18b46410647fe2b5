import type { Logger } from '../configuration/logger.js'
import { Inquiry } from '../time/deadline.js'
import { type HttpRequest, type RequestTarget, splitTarget } from './message.js'
import { contentOf, type RequestContent } from './request-content.js'

/** A request as its framework routed it. */
export interface RouteView<Raw = unknown> {
  /** Parameters of the route, decoded by the framework. The segments of an Express wildcard are joined with `/`. */
  readonly params: Readonly<Record<string, string | undefined>>
  /** The framework's own request: an Express `Request`, a `FastifyRequest`. */
  readonly raw: Raw
  /** The route as declared, `/notes/:id`: for logs. Absent if the framework does not tell. */
  readonly route?: string | undefined
  /** The framework's own id of the request, for logs. Absent if it has none. */
  readonly id?: string | undefined
  /** The logger of this request, if the framework has one. Default: the option `logger`. */
  readonly log?: Logger | undefined
}

/**
 * The request as all functions of the application see it: requirements, policies, `accounts`, `authorize`, the login
 * and `onEvent`. All of it is unverified input from the caller.
 */
export interface RequestView<Raw = unknown> extends RequestTarget, Pick<RouteView<Raw>, 'params' | 'raw'> {
  /** The route as declared, `/notes/:id`. Absent if the framework does not tell. */
  readonly route?: string
  /** The content, on routes with `content: true` and if there is any. */
  readonly content?: RequestContent
}

/** The view of a request that no router has seen. */
export const noRoute: RouteView = { params: {}, raw: undefined }

/** Combines the request as received with its view by the framework. */
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

// By the request itself: code that reports about it may not have its route.
const routes = new WeakMap<object, RouteView>()
let now: { readonly request: HttpRequest; readonly route: RouteView } | undefined

/** Remembers the framework's view of a request, for code that only has the request. */
export function noteRoute(request: HttpRequest, route: RouteView): void {
  routes.set(request, route)
}

/**
 * As {@link noteRoute}, but only while `tell` runs. The usual refusal needs no more, and an entry in the map costs
 * more than everything else about it.
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

/** The remembered view of a request. */
export function routeOf(request: object): RouteView {
  return now?.request === request ? now.route : (routes.get(request) ?? noRoute)
}

/** A call of a function of the application about a request whose view is remembered. */
export function inquiryOf(request: HttpRequest): Inquiry {
  return new Inquiry(request, routeOf(request).route)
}

/** The view of a request, from what is remembered. */
export function viewNoted(request: HttpRequest): RequestView {
  return viewRequest(request, routeOf(request))
}
