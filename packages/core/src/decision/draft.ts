import type { Caller, TokenCaller } from '../caller.js'
import type { AAuthEvent, DecisionEvent, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { RouteView } from '../http/request-view.js'
import type { ReadSignature } from '../signature/read.js'
import { callIdOf } from './call-id.js'

/** What is gathered of a request while it is decided on, where somebody wants to know. */
export class Draft {
  readonly request: HttpRequest
  readonly route: RouteView
  /** The place of this decision among those on the same request, from 1. */
  readonly part: number
  /** Milliseconds that only ever grow. */
  readonly began: number
  /** As it was read; absent where it could not be, or the request is a held call. */
  signature: ReadSignature | undefined
  caller: Caller | undefined
  /** The server that called, by its identifier, at an endpoint for servers. */
  server: string | undefined
  remembered: boolean | undefined
  /** Whether the issuer's key was in memory, where the token was not. */
  keyHeld: boolean | undefined
  policy: string | undefined
  /** The last event that says what became of the request. */
  ending: Ending | undefined
  /** When the last event about the request was told, by the option `clock`. */
  toldAt: number | undefined
  /** What listeners are given with an event about the request; made for the first of them. */
  about: object | undefined
  #id: string | undefined | null = null

  readonly #monotonic: () => number
  #verification: number | undefined
  /** Whether everything has been told. */
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

  /** Milliseconds that the verification took, of the request's signature and what else had to be verified for it. */
  get verification(): number | undefined {
    return this.#verification
  }

  /** Notes what an event says of what became of the request. */
  note(event: UntimedEvent<AAuthEvent>): void {
    if (isEnding(event)) this.ending = event
  }

  /** The signature has been read, and is now verified. */
  beginVerification(signature: ReadSignature, remembered: boolean): void {
    this.signature = signature
    this.remembered = remembered
    this.#verification = -this.#monotonic()
  }

  /** @param caller `undefined` where it has not verified */
  endVerification(caller: TokenCaller | undefined): void {
    this.caller = caller
    if (this.#verification !== undefined) this.#verification += this.#monotonic()
  }

  /** The id, where it has been made already; `null` where it has not. */
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
