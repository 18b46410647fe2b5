import type { Awaitable } from '../awaitable.js'
import type { Logger } from '../configuration/logger.js'
import type { Answer, Carried, HttpRequest, PeerFacts, RawAnswer } from './message.js'

/** What an adapter gives our endpoints, beside the request. */
export interface Host {
  /** Sends a held call through the application. Without it, held calls cannot be carried out. */
  readonly dispatch?: Dispatch
  /** Calls the listener when the client closes the connection. @returns stops listening */
  readonly onGone?: (listener: () => void) => () => void
  /** The framework's own request: `request.raw` in the application's functions. */
  readonly raw?: unknown
  /** The framework's own id of the request, for logs. */
  readonly id?: string | undefined
  /** The log of this request, where the framework has one. */
  readonly log?: Logger
}

/** One of our own endpoints. Adapters mount it at its path and write its answers. */
export interface Endpoint {
  /** The absolute path on the resource's origin; with `prefix`, the beginning of its paths, which ends with `/`. */
  readonly path: string
  /** Whether one more path segment follows. Default `false`. */
  readonly prefix?: boolean
  /** The methods it answers; others get `405`. A `HEAD` is answered as `GET`, without content. */
  readonly methods: readonly string[]
  /** Whether it answers even if no evidence can be recorded: true for documents and revocations. */
  readonly unrecorded?: true
  handle(request: HttpRequest, host?: Host): Awaitable<Answer>
}

/** The `405` for a method that an endpoint does not support (G-52; RFC 9110, 15.5.6). */
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
 * @returns the handler's answer; `undefined` when it is longer than `limits.answer`. Rejects when the application
 * does not answer in time
 */
export type Dispatch = (
  call: HeldCall,
  carried: Carried,
  limits: { readonly answer: number; readonly ms: number },
) => Promise<RawAnswer | undefined>

/** A stored request that may be carried out later, as its handler will get it. */
export interface HeldCall {
  readonly method: string
  readonly target: string
  /** Field lines in order, alternating name and value. */
  readonly rawHeaders: readonly string[]
  /** The content in base64. */
  readonly content: string
  /** The addresses of the call's connection. Its handler sees them as those of its own connection. */
  readonly peer: PeerFacts
}
