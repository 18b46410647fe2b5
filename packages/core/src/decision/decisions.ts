import { channel } from 'node:diagnostics_channel'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { Caller, TokenCaller } from '../caller.js'
import type { AAuthEvent, DecisionEvent, Untold } from '../events.js'
import { fieldLines, type HttpRequest } from '../http/message.js'
import type { RouteView } from '../http/request-view.js'
import type { ReadSignature } from '../signature/read.js'
import { requests, traced } from '../tracing.js'
import { callIdOf } from './call-id.js'
import type { NameSubjects } from './subjects.js'

/** Every decision is published here, whoever else is told of it: a {@link DecisionEvent} as `event`. */
export const decisionChannel: ReturnType<typeof channel> = channel('countersign:decision')

/** Every event but decisions is published here, whoever else is told of it: `event`, and `about` as `onEvent` is given it. */
export const eventChannel: ReturnType<typeof channel> = channel('countersign:event')

/** What is gathered of a request while it is decided on, where somebody wants to know. */
export class Draft {
  readonly request: HttpRequest
  readonly route: RouteView
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
  #id: string | undefined | null = null

  /** The place of this decision among those on the same request, from 1. */
  readonly part: number
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
  note(event: Untold<AAuthEvent>): void {
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

  get id(): string | undefined {
    if (this.#id === null) this.#id = callIdOf(this.request)
    return this.#id
  }
}

type Ending = Extract<
  Untold<AAuthEvent>,
  { readonly name: 'challenged' | 'deferred' | 'refused' | 'elsewhere' | 'observed' }
>

/** How a request ended. */
export interface End {
  readonly outcome: DecisionEvent['outcome']
  readonly code?: string | undefined
  readonly family?: DecisionEvent['family']
  readonly status?: number | undefined
}

/** The dependencies of {@link Decisions}. */
export interface DecisionsContext {
  readonly resource: string
  /** Whether the application listens. */
  readonly listens: boolean
  readonly subjects: NameSubjects
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  readonly tell: (event: Untold<DecisionEvent>, draft: Draft) => DecisionEvent
}

/** Gathers what decisions tell. Without a listener there is nothing to gather, and nothing is. */
export class Decisions {
  readonly #context: DecisionsContext
  readonly #drafts = new WeakMap<object, Draft>()
  /** Most requests are decided on before the next one comes, and the map is dearer than everything else here. */
  #last: Draft | undefined
  /** Kept at the request itself: a weak map of all requests costs a multiple. */
  readonly #part = Symbol('countersign decisions')

  constructor(context: DecisionsContext) {
    this.#context = context
  }

  /** Whether anybody wants to know. */
  get wanted(): boolean {
    return (
      this.#context.listens ||
      decisionChannel.hasSubscribers ||
      eventChannel.hasSubscribers ||
      requests.hasSubscribers
    )
  }

  /** Begins to gather, where somebody wants to know. */
  begin(request: HttpRequest, route: RouteView): Draft | undefined {
    if (!this.wanted) return undefined
    const draft = new Draft(request, route, this.#partOf(request), this.#context.monotonic)
    const last = this.#last
    if (last !== undefined && !last.isConcluded) this.#drafts.set(last.request, last)
    this.#last = draft
    return draft
  }

  /** How many decisions on a request there are now: one guard may stand behind another. */
  #partOf({ identity, rawHeaders }: HttpRequest): number {
    const of = (identity ?? rawHeaders) as { [part: symbol]: number | undefined }
    const part = (of[this.#part] ?? 0) + 1
    if (Object.isExtensible(of)) of[this.#part] = part
    return part
  }

  /** What is being gathered of a request. */
  draftOf(request: object): Draft | undefined {
    if (!this.wanted) return undefined
    return this.#last?.request === request ? this.#last : this.#drafts.get(request)
  }

  /** Decides on a request, and tells what became of it. */
  follow<T>(
    draft: Draft,
    decide: () => Awaitable<T>,
    endOf: (outcome: T, draft: Draft) => End,
  ): Awaitable<T> {
    const message: { readonly request: HttpRequest; event?: DecisionEvent } = { request: draft.request }
    const decided = (): Awaitable<T> =>
      andThen(decide(), (outcome) => {
        message.event = this.#conclude(draft, endOf(outcome, draft))
        return outcome
      })
    return requests.hasSubscribers ? traced(requests, message, decided) : decided()
  }

  #conclude(draft: Draft, end: End): DecisionEvent {
    const { request, route } = draft
    const { resource, tell } = this.#context
    // Built member by member, since every request pays for it.
    const event: Gathered = {
      name: 'decision',
      resource,
      method: request.method,
      outcome: end.outcome,
      caller: 'nobody',
      milliseconds: 0,
    }
    const { route: pattern, id } = route
    if (pattern !== undefined) event.route = pattern
    if (end.code !== undefined) event.code = end.code
    if (end.family !== undefined) event.family = end.family
    if (end.status !== undefined) event.status = end.status
    this.#addCaller(event, draft)
    if (draft.remembered !== undefined) event.remembered = draft.remembered
    if (draft.keyHeld !== undefined) event.keyHeld = draft.keyHeld
    if (draft.policy !== undefined) event.policy = draft.policy
    if (request.carried !== undefined) event.held = true
    if (draft.part > 1) event.part = draft.part
    if (draft.verification !== undefined) event.verification = draft.verification
    if (id !== undefined) event.requestId = id.slice(0, 200)
    event.milliseconds = draft.milliseconds
    draft.isConcluded = true
    return tell(event, draft)
  }

  #addCaller(event: Gathered, { caller, server, request }: Draft): void {
    if (server !== undefined) {
      event.caller = 'server'
      event.iss = server
      return
    }
    if (caller === undefined) {
      if (isSigned(request)) event.caller = 'unverified'
      return
    }
    event.caller = caller.kind
    event.jkt = caller.jkt
    event.iss = caller.token.iss
    event.jti = caller.token.jti
    const who = caller.kind === 'session' ? caller.by : caller
    if (who.kind === 'agent') {
      event.agent = who.agent
      event.provider = who.provider
      if (who.parentAgent !== undefined) event.parentAgent = who.parentAgent
      if (who.ps !== undefined) event.ps = who.ps
    } else {
      event.ps = who.person.ps
      if (who.tenant !== undefined) event.tenant = who.tenant
      if (who.mission !== undefined) event.mission = who.mission
    }
    if (caller.kind === 'session' || caller.kind === 'grant') event.scope = caller.scope
    else if (who.kind === 'grant') event.scope = who.scope
    this.#context.subjects(caller, event)
  }
}

/** A decision that is being put together. */
type Gathered = { -readonly [Name in keyof Untold<DecisionEvent>]: Untold<DecisionEvent>[Name] }

function isSigned({ rawHeaders }: HttpRequest): boolean {
  return ['signature', 'signature-key', 'signature-input'].some(
    (name) => fieldLines(rawHeaders, name).length > 0,
  )
}

function isEnding(event: Untold<AAuthEvent>): event is Ending {
  const { name } = event
  return (
    name === 'challenged' ||
    name === 'deferred' ||
    name === 'refused' ||
    name === 'elsewhere' ||
    name === 'observed'
  )
}
