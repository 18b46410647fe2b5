import type { Awaitable } from '../awaitable.js'
import type { Logger } from '../configuration/logger.js'
import type { Answer, Carried, HttpRequest, PeerFacts, RawAnswer } from './message.js'

/** What an adapter gives our endpoints beside the request. */
export interface Host {
  /** Sends a held call through the application. Without it no held call can be carried out. */
  readonly dispatch?: Dispatch
  /** Calls the listener when the client closes the connection. @returns stops listening */
  readonly onGone?: (listener: () => void) => () => void
  /** The framework's own request: `request.raw` of what functions of the application are given. */
  readonly raw?: unknown
  /** The framework's own name of the request, for logs. */
  readonly id?: string | undefined
  /** The log of this request, where the framework has one. */
  readonly log?: Logger
}

/** One of our own endpoints: adapters mount it at its path and write what it answers. */
export interface Endpoint {
  /** The absolute path on the resource's origin; with `prefix`, the beginning of its paths, which ends with `/`. */
  readonly path: string
  /** Whether one more path segment follows. Default `false`. */
  readonly prefix?: boolean
  /** The methods it answers; others get `405`. A `HEAD` is answered as `GET`, without content. */
  readonly methods: readonly string[]
  /** Whether it answers although no evidence of it can be kept: documents, and what makes tokens good for less. */
  readonly unrecorded?: true
  handle(request: HttpRequest, host?: Host): Awaitable<Answer>
}

/** The `405` for a method that an endpoint does not have (G-52; RFC 9110, 15.5.6). */
export function methodNotAllowed(endpoint: Endpoint): Answer {
  return {
    status: 405,
    headers: { Allow: endpoint.methods.join(', '), 'Cache-Control': 'no-store' },
    body: '',
  }
}

/**
 * Sends a held call through the application.
 *
 * @param limits the most bytes of the answer, and the milliseconds that the call may take
 * @returns the handler's answer; `undefined` when it is longer than `limits.answer`. Rejects when the application gives no
 * answer in time
 */
export type Dispatch = (
  call: HeldCall,
  carried: Carried,
  limits: { readonly answer: number; readonly ms: number },
) => Promise<RawAnswer | undefined>

/** A request that is stored until it may be carried out: what its handler will then be given. */
export interface HeldCall {
  readonly method: string
  readonly target: string
  /** Field lines in order, alternating name and value. */
  readonly rawHeaders: readonly string[]
  /** The content in base64. */
  readonly content: string
  /** The addresses of the connection that the call came by; its handler sees them as its own connection's. */
  readonly peer: PeerFacts
}
