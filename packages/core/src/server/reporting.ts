import type { OwnAuditLog } from '../audit/log.js'
import { isPromiseLike } from '../awaitable.js'
import type { Logger } from '../configuration/logger.js'
import { callIdOf } from '../decision/call-id.js'
import type { Conclusion, DecisionTold, EventTold } from '../decision/conclusion.js'
import { countedChannel, Decisions, decisionChannel, eventChannel } from '../decision/decisions.js'
import type { Draft } from '../decision/draft.js'
import type { NameSubjects } from '../decision/subjects.js'
import { askable } from '../errors.js'
import type { AAuthEvent, DecisionEvent, Report, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import { type RequestView, type RouteView, routeOf, viewRequest } from '../http/request-view.js'
import { createLog } from './log.js'

/** The context of an event, as passed to `onEvent`. */
export interface EventAbout<Raw = unknown> {
  /** The request; absent if the event is about none. */
  readonly request?: RequestView<Raw>
  /** The thrown value behind a failure of ours. It may contain anything, so it is never part of an event. */
  readonly error?: unknown
}

/** The application's listener, for any type of framework requests. */
export type Listener = (event: AAuthEvent, about: EventAbout) => unknown

/** The receivers of events. */
export interface ReportingContext {
  readonly resource: string
  readonly onEvent: Listener | undefined
  readonly logger: Logger | false | undefined
  readonly subjects: NameSubjects
  readonly audit: OwnAuditLog | undefined
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** A monotonic clock, in milliseconds. */
  readonly monotonic: () => number
}

/** Reports events and decisions. */
export interface Reporting {
  readonly report: Report
  readonly decisions: Decisions
}

/** Reports every event to the log and the application's listener. Neither can change the answer to a request. */
export function createReporting(context: ReportingContext): Reporting {
  const { resource, onEvent, logger, subjects, audit, clock, monotonic } = context
  const log = logger === false ? undefined : createLog(logger, monotonic)
  const decisions = new Decisions({
    resource,
    listens: onEvent !== undefined || audit !== undefined,
    subjects,
    clock,
    monotonic,
    tell(conclusion) {
      const { draft } = conclusion
      if (onEvent !== undefined) tell(onEvent, conclusion.event, aboutDraft(draft))
      if (decisionChannel.hasSubscribers) decisionChannel.publish(new DecisionMessage(conclusion))
      audit?.record(conclusion)
    },
  })

  return {
    decisions,
    report(event, request, error) {
      log?.(event, request, error)
      if (!decisions.wanted) return
      const draft = request === undefined ? undefined : decisions.draftOf(request)
      draft?.note(event)
      const isKept = audit !== undefined && event.name === 'onward'
      const isCounted = event.name !== 'served' && countedChannel.hasSubscribers
      if (onEvent === undefined && !isKept && !isCounted && !eventChannel.hasSubscribers) return
      const at = clock()
      if (draft !== undefined) draft.toldAt = at
      if (!isKept && !isCounted && !eventChannel.hasSubscribers) {
        if (onEvent !== undefined)
          tell(onEvent, timed(event, at, idOf(request, draft)), aboutEvent(request, draft, error))
        return
      }
      const message = new EventMessage(resource, event, at, request, draft, error)
      if (onEvent !== undefined) tell(onEvent, message.event, message.about)
      if (eventChannel.hasSubscribers) eventChannel.publish(message)
      if (isCounted) countedChannel.publish(message)
      if (isKept && message.event.name === 'onward') audit.recordOnward(message.event)
    },
  }
}

/** The message for listeners of the channel of events. The event is built when one reads it. */
class EventMessage implements EventTold {
  readonly resource: string
  readonly untold: UntimedEvent<AAuthEvent>
  readonly #at: number
  readonly #request: object | undefined
  readonly #draft: Draft | undefined
  readonly #error: unknown
  #event: AAuthEvent | undefined
  #about: EventAbout | undefined

  constructor(
    resource: string,
    untold: UntimedEvent<AAuthEvent>,
    at: number,
    request: object | undefined,
    draft: Draft | undefined,
    error: unknown,
  ) {
    this.resource = resource
    this.untold = untold
    this.#at = at
    this.#request = request
    this.#draft = draft
    this.#error = error
  }

  get event(): AAuthEvent {
    this.#event ??= timed(this.untold, this.#at, idOf(this.#request, this.#draft))
    return this.#event
  }

  get about(): EventAbout {
    this.#about ??= aboutEvent(this.#request, this.#draft, this.#error)
    return this.#about
  }
}

function timed(untold: UntimedEvent<AAuthEvent>, at: number, id: string | undefined): AAuthEvent {
  const told = id === undefined ? { ...untold, at } : { ...untold, at, id }
  return told as AAuthEvent
}

const idOf = (request: object | undefined, draft: Draft | undefined): string | undefined =>
  draft === undefined ? callIdIn(request) : draft.id

const aboutEvent = (request: object | undefined, draft: Draft | undefined, error: unknown): EventAbout =>
  draft === undefined || error !== undefined
    ? new About(request as HttpRequest | undefined, draft?.route, error)
    : aboutDraft(draft)

const aboutDraft = (draft: Draft): EventAbout => {
  draft.about ??= new About(draft.request, draft.route, undefined)
  return draft.about
}

/** The message for listeners of the channel of decisions. The event is built when one reads it. */
class DecisionMessage implements DecisionTold {
  readonly resource: string
  readonly conclusion: Conclusion

  constructor(conclusion: Conclusion) {
    this.resource = conclusion.resource
    this.conclusion = conclusion
  }

  get event(): DecisionEvent {
    return this.conclusion.event
  }

  get about(): EventAbout {
    return aboutDraft(this.conclusion.draft)
  }
}

function tell(onEvent: Listener, event: AAuthEvent, about: EventAbout): void {
  try {
    const told = onEvent(event, about)
    // It may be an async function, and an unhandled rejection would end the process.
    if (isPromiseLike(told)) void Promise.resolve(told).catch(warnOf)
  } catch (cause) {
    warnOf(cause)
  }
}

const warnOf = (cause: unknown): void =>
  process.emitWarning(`onEvent threw: ${String(askable(cause))}`, { code: 'AAUTH_ON_EVENT' })

const callIdIn = (request: object | undefined): string | undefined =>
  request === undefined ? undefined : callIdOf(request as HttpRequest)

/** Creates the view of the request only when it is read. */
class About implements EventAbout {
  readonly error?: unknown
  readonly #request: HttpRequest | undefined
  readonly #route: RouteView | undefined

  constructor(request: HttpRequest | undefined, route: RouteView | undefined, error: unknown) {
    this.#request = request
    this.#route = route
    if (error !== undefined) this.error = error
  }

  get request(): RequestView {
    // If there is none, the getter returns `undefined`, which looks like an absent member when destructured.
    return (
      this.#request === undefined
        ? undefined
        : viewRequest(this.#request, this.#route ?? routeOf(this.#request))
    ) as RequestView
  }
}
