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

  readonly #monotonic: () => number
  #verification: number | undefined

  constructor(request: HttpRequest, route: RouteView, monotonic: () => number) {
    this.request = request
    this.route = route
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

  constructor(context: DecisionsContext) {
    this.#context = context
  }

  /** Whether anybody wants to know. */
  get wanted(): boolean {
    return this.#context.listens || decisionChannel.hasSubscribers || requests.hasSubscribers
  }

  /** Begins to gather, where somebody wants to know. */
  begin(request: HttpRequest, route: RouteView): Draft | undefined {
    if (!this.wanted) return undefined
    const draft = new Draft(request, route, this.#context.monotonic)
    this.#drafts.set(request, draft)
    return draft
  }

  /** What is being gathered of a request. */
  draftOf(request: object): Draft | undefined {
    return this.wanted ? this.#drafts.get(request) : undefined
  }

  /** Notes what an event says of what became of its request. */
  note(event: Untold<AAuthEvent>, request: object): void {
    if (!isEnding(event)) return
    const draft = this.draftOf(request)
    if (draft !== undefined) draft.ending = event
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
    const { outcome, code, family, status } = end
    const event: Untold<DecisionEvent> = {
      name: 'decision',
      resource,
      method: request.method,
      ...optional('route', route.route),
      outcome,
      ...optional('code', code),
      ...optional('family', family),
      ...optional('status', status),
      ...this.#callerIn(draft),
      ...optional('remembered', draft.remembered),
      ...optional('policy', draft.policy),
      ...(request.carried === undefined ? undefined : { held: true }),
      ...optional('keyHeld', draft.keyHeld),
      ...optional('verification', draft.verification),
      milliseconds: draft.milliseconds,
      ...optional('requestId', route.id?.slice(0, 200)),
    }
    return tell(event, draft)
  }

  #callerIn({ caller, server, request }: Draft): Pick<DecisionEvent, 'caller'> & Partial<DecisionEvent> {
    if (server !== undefined) return { caller: 'server', iss: server }
    if (caller === undefined) return { caller: isSigned(request) ? 'unverified' : 'nobody' }
    const who = caller.kind === 'session' ? caller.by : caller
    const { iss, jti } = caller.token
    return {
      caller: caller.kind,
      ...(who.kind === 'agent'
        ? {
            agent: who.agent,
            ...optional('parentAgent', who.parentAgent),
            provider: who.provider,
            ...optional('ps', who.ps),
          }
        : {
            ps: who.person.ps,
            ...optional('tenant', who.tenant),
            ...optional('mission', who.mission),
          }),
      ...this.#context.subjects(caller),
      ...('scope' in caller
        ? { scope: caller.scope }
        : who.kind === 'grant'
          ? { scope: who.scope }
          : undefined),
      jkt: caller.jkt,
      iss,
      jti,
    }
  }
}

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

function optional<K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } | undefined {
  return value === undefined ? undefined : ({ [name]: value } as { readonly [N in K]: V })
}
