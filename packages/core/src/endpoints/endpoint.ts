import type { Answer, HttpRequest } from '../http.js'
import type { Awaitable } from '../store/store.js'

/** One of our own endpoints: adapters mount it at its path and write what it answers. */
export interface Endpoint {
  /** Absolute path on the resource's origin. */
  readonly path: string
  /** `HEAD` is answered as `GET` without content. */
  readonly methods: readonly string[]
  handle(request: HttpRequest): Awaitable<Answer>
}

/** An answer for a method that an endpoint has not (G-52, RFC 9110, 15.5.6). */
export function methodNotAllowed(endpoint: Endpoint): Answer {
  return {
    status: 405,
    headers: { Allow: endpoint.methods.join(', '), 'Cache-Control': 'no-store' },
    body: '',
  }
}
