import type { Awaitable } from '../awaitable.js'
import type { Answer, Carried, HttpRequest, PeerFacts, RawAnswer } from './message.js'

/** What an adapter lends to our endpoints beside the request. */
export interface Host {
  /** Sends a held call through the application. Without it no call can be carried out later. */
  readonly dispatch?: Dispatch
  /** Calls back when the client goes away; returns the way to stop listening. */
  readonly onGone?: (listener: () => void) => () => void
  /** The framework's own request, for the application's login. */
  readonly native?: unknown
}

/** One of our own endpoints: adapters mount it at its path and write what it answers. */
export interface Endpoint {
  /** Absolute path on the resource's origin; with `prefix`, what all its paths begin with, `/` at the end. */
  readonly path: string
  /** Whether one more segment follows. Default `false`. */
  readonly prefix?: boolean
  /** `HEAD` is answered as `GET` without content. */
  readonly methods: readonly string[]
  handle(request: HttpRequest, host?: Host): Awaitable<Answer>
}

/** An answer for a method that an endpoint has not (G-52, RFC 9110, 15.5.6). */
export function methodNotAllowed(endpoint: Endpoint): Answer {
  return {
    status: 405,
    headers: { Allow: endpoint.methods.join(', '), 'Cache-Control': 'no-store' },
    body: '',
  }
}

/** Sends a held call through the application; `undefined` when its answer is longer than `limit` bytes. Rejects when
 * the application gives no answer. */
export type Dispatch = (
  call: HeldCall,
  carried: Carried,
  limits: { readonly answer: number; readonly ms: number },
) => Promise<RawAnswer | undefined>

/** A call put aside: what its handler will be given. */
export interface HeldCall {
  readonly method: string
  readonly target: string
  /** Alternating name and value, in order. */
  readonly rawHeaders: readonly string[]
  /** Base64. */
  readonly content: string
  /** The connection that the call came by: what its handler sees of its own when it is carried out. */
  readonly peer: PeerFacts
}
