import type { Caller, TokenCaller } from '../caller.js'
import type { AAuthEvent, DecisionEvent, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { RouteView } from '../http/request-view.js'
import type { ReadSignature } from '../signature/read.js'
import { callIdOf } from './call-id.js'

/** The facts gathered about a request while it is decided on, if there is a listener. */
export class Draft {
  readonly request: HttpRequest
  readonly route: RouteView
  /** The number of this decision among those on the same request, from 1. */
  readonly part: number
  /** Milliseconds that only ever grow. */
  readonly began: number
  /** As read; absent if it could not be read, or the request is a held call. */
  signature: ReadSignature | undefined
  caller: Caller | undefined
  /** The server that called, by its identifier, at an endpoint for servers. */
  server: string | undefined
  remembered: boolean | undefined
  /** Whether the issuer's key was in memory, when the token was not. */
  keyHeld: boolean | undefined
  policy: string | undefined
  /** The last event about the outcome of the request. */
  ending: Ending | undefined
  /** When the last event about the request was reported, by the option `clock`. */
  toldAt: number | undefined
  /** What listeners get with an event about the request; made for the first of them. */
  about: object | undefined
  #id: string | undefined | null = null

  readonly #monotonic: () => number
  #verification: number | undefined
  /** Whether everything has been reported. */
  isConcluded = false

  constructor(request: HttpRequest, route: RouteView, part: number, monotonic: () => number) {
    this.request = request
    this.route = route
    this.part = part
    this.#monotonic = monotonic
    this.began = monotonic()
  }

  /** Milliseconds since the request came. */
  get milliseconds(): number {
    return this.#monotonic() - this.began
  }

  /** How long the verification took, of the request's signature and everything that it required. */
  get verification(): number | undefined {
    return this.#verification
  }

  /** Records an event about the outcome. */
  note(event: UntimedEvent<AAuthEvent>): void {
    if (isEnding(event)) this.ending = event
  }

  /** Records that the signature was read and is being verified. */
  beginVerification(signature: ReadSignature, remembered: boolean): void {
    this.signature = signature
    this.remembered = remembered
    this.#verification = -this.#monotonic()
  }

  /** @param caller `undefined` if it has not verified */
  endVerification(caller: TokenCaller | undefined): void {
    this.caller = caller
    if (this.#verification !== undefined) this.#verification += this.#monotonic()
  }

  /** The id if it has been computed; `null` if not. */
  get madeId(): string | undefined | null {
    return this.#id
  }

  get id(): string | undefined {
    if (this.#id === null) this.#id = callIdOf(this.request)
    return this.#id
  }
}

type Ending = Extract<
  UntimedEvent<AAuthEvent>,
  { readonly name: 'challenged' | 'deferred' | 'refused' | 'elsewhere' | 'observed' }
>

/** How a request ended. */
export interface End {
  readonly outcome: DecisionEvent['outcome']
  readonly code?: string | undefined
  readonly family?: DecisionEvent['family']
  readonly status?: number | undefined
}

function isEnding(event: UntimedEvent<AAuthEvent>): event is Ending {
  const { name } = event
  return (
    name === 'challenged' ||
    name === 'deferred' ||
    name === 'refused' ||
    name === 'elsewhere' ||
    name === 'observed'
  )
}
