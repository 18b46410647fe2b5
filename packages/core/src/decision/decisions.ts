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

/** Every decision is published here: a {@link DecisionEvent} as `event`. */
export const decisionChannel: ReturnType<typeof channel> = channel('countersign:decision')

/** Every other event is published here: `event`, and `about` as `onEvent` gets it. */
export const eventChannel: ReturnType<typeof channel> = channel('countersign:event')

/**
 * The events that are counted: all but `served`, because a request that is served has a decision too. Found by its
 * name, because the telemetry may come from another copy of this package than the server.
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

/** Gathers the facts of decisions. Does nothing without a listener. */
export class Decisions {
  readonly #context: DecisionsContext
  readonly #drafts = new WeakMap<object, Draft>()
  /** Most requests are decided before the next one comes, and the map costs more than everything else here. */
  #last: Draft | undefined
  /** Stored on the request itself: a weak map of all requests costs a multiple. */
  readonly #part = Symbol('countersign decisions')

  constructor(context: DecisionsContext) {
    this.#context = context
  }

  /** Whether there is a listener. */
  get wanted(): boolean {
    return (
      this.#context.listens ||
      decisionChannel.hasSubscribers ||
      eventChannel.hasSubscribers ||
      requests.hasSubscribers
    )
  }

  /** Begins to gather, if there is a listener. */
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

  /** The number of this decision on the request: several guards may decide on it. */
  #partOf({ identity, rawHeaders }: HttpRequest): number {
    const of = (identity ?? rawHeaders) as { [part: symbol]: number | undefined }
    const part = (of[this.#part] ?? 0) + 1
    if (Object.isExtensible(of)) of[this.#part] = part
    return part
  }

  /** The facts gathered about a request. */
  draftOf(request: object): Draft | undefined {
    if (this.#last === undefined) return undefined
    return this.#last.request === request ? this.#last : this.#drafts.get(request)
  }

  /** Decides on a request, and reports the outcome. */
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

/** The part of a decision that depends on the outcome. */
type EndOf<T> = (outcome: T, draft: Draft) => End

/** The messages about a request; `event` is set at the end. */
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
