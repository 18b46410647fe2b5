import { channel } from 'node:diagnostics_channel'
import type { Awaitable } from '../awaitable.js'
import { isPromiseLike } from '../awaitable.js'
import type { DecisionEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { RouteView } from '../http/request-view.js'
import { requests, traced } from '../tracing/channels.js'
import { Conclusion } from './conclusion.js'
import { Draft, type End } from './draft.js'
import type { NameSubjects } from './subjects.js'

/** Every decision is published here, whoever else is told of it: a {@link DecisionEvent} as `event`. */
export const decisionChannel: ReturnType<typeof channel> = channel('countersign:decision')

/** Every event but decisions is published here, whoever else is told of it: `event`, and `about` as `onEvent` is given it. */
export const eventChannel: ReturnType<typeof channel> = channel('countersign:event')

/**
 * Of events, those that are counted: all but `served`, which every request is that is served, and of which its decision tells.
 * By its name, since the telemetry may be of another copy of this package than the server.
 */
export const countedChannel: ReturnType<typeof channel> = channel('countersign:counted')

/** The dependencies of {@link Decisions}. */
export interface DecisionsContext {
  readonly resource: string
  /** Whether the application listens. */
  readonly listens: boolean
  readonly subjects: NameSubjects
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
  readonly tell: (conclusion: Conclusion) => void
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
    if (!this.wanted) {
      this.#last = undefined
      return undefined
    }
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
    if (this.#last === undefined) return undefined
    return this.#last.request === request ? this.#last : this.#drafts.get(request)
  }

  /** Decides on a request, and tells what became of it. */
  follow<T>(draft: Draft, decide: Decide<T>, endOf: EndOf<T>): Awaitable<T> {
    if (!requests.hasSubscribers) return this.#decide(draft, decide, endOf, undefined)
    const message = new RequestMessage(draft.request)
    return traced(requests, message, () => this.#decide(draft, decide, endOf, message))
  }

  #decide<T>(
    draft: Draft,
    decide: Decide<T>,
    endOf: EndOf<T>,
    message: RequestMessage | undefined,
  ): Awaitable<T> {
    const decided = decide(draft.request, draft.route)
    if (isPromiseLike(decided)) return this.#concludeLater(draft, decided, endOf, message)
    // Nothing was waited for: what became of the request was told just now.
    return this.#conclude(draft, decided, endOf, draft.toldAt ?? this.#context.clock(), message)
  }

  #concludeLater<T>(
    draft: Draft,
    decided: Promise<T>,
    endOf: EndOf<T>,
    message: RequestMessage | undefined,
  ): Promise<T> {
    return Promise.resolve(decided).then((outcome) =>
      this.#conclude(draft, outcome, endOf, this.#context.clock(), message),
    )
  }

  #conclude<T>(
    draft: Draft,
    outcome: T,
    endOf: EndOf<T>,
    at: number,
    message: RequestMessage | undefined,
  ): T {
    const { resource, subjects, tell } = this.#context
    const conclusion = new Conclusion(resource, draft, endOf(outcome, draft), at, subjects)
    draft.isConcluded = true
    tell(conclusion)
    if (message !== undefined) message.conclusion = conclusion
    return outcome
  }
}

/** Decides on a request. */
type Decide<T> = (request: HttpRequest, route: RouteView) => Awaitable<T>

/** What a decision tells of an outcome. */
type EndOf<T> = (outcome: T, draft: Draft) => End

/** What listeners of a request are given; `event` is there at the end. */
class RequestMessage {
  readonly request: HttpRequest
  #conclusion: Conclusion | undefined

  constructor(request: HttpRequest) {
    this.request = request
  }

  set conclusion(conclusion: Conclusion) {
    this.#conclusion = conclusion
  }

  get event(): DecisionEvent | undefined {
    return this.#conclusion?.event
  }
}
