import type { Channel } from 'node:diagnostics_channel'
import type { OwnAuditLog } from '../audit/log.js'
import { isPromiseLike } from '../awaitable.js'
import { callIdOf } from '../decision/call-id.js'
import { Decisions, type Draft, decisionChannel, eventChannel } from '../decision/decisions.js'
import type { NameSubjects } from '../decision/subjects.js'
import type { AAuthEvent, DecisionEvent, Report, Untold } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import { type RequestView, type RouteView, routeOf, viewRequest } from '../http/request-view.js'
import type { Logger } from '../logger.js'
import { createLog } from './log.js'

/** What an event is about, as `onEvent` is given it. */
export interface EventAbout<Raw = unknown> {
  /** The request; absent where the event is about none. */
  readonly request?: RequestView<Raw>
  /** What was thrown, behind a failure of ours. It may hold anything: no event does. */
  readonly error?: unknown
}

/** The application's listener, whatever the type of the framework's requests. */
export type Listener = (event: AAuthEvent, about: EventAbout) => unknown

/** Who is told of events. */
export interface ReportingContext {
  readonly resource: string
  readonly onEvent: Listener | undefined
  readonly logger: Logger | false | undefined
  readonly subjects: NameSubjects
  readonly audit: OwnAuditLog | undefined
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
}

/** What tells of events, and what gathers decisions. */
export interface Reporting {
  readonly report: Report
  readonly decisions: Decisions
}

/** Tells the log and the application's listener of every event. Neither can change the answer to a request. */
export function createReporting(context: ReportingContext): Reporting {
  const { resource, onEvent, logger, subjects, audit, clock, monotonic } = context
  const log = logger === false ? undefined : createLog(logger, monotonic)
  const decisions = new Decisions({
    resource,
    listens: onEvent !== undefined || audit !== undefined,
    subjects,
    monotonic,
    tell: (event, draft) => {
      const told = publish<DecisionEvent>(decisionChannel, event, draft.request, draft, undefined)
      audit?.record(told, draft.signature, draft.caller)
      return told
    },
  })

  const publish = <E extends AAuthEvent>(
    to: Channel,
    event: Untold<E>,
    request: object | undefined,
    draft: Draft | undefined,
    error: unknown,
  ): E => {
    const told = event as { at?: number; id?: string }
    told.at = clock()
    const id = draft === undefined ? callIdIn(request) : draft.id
    if (id !== undefined) told.id = id
    if (onEvent === undefined && !to.hasSubscribers) return told as E
    const about = new About(request as HttpRequest | undefined, draft?.route, error)
    if (onEvent !== undefined) tell(onEvent, told as E, about)
    if (to.hasSubscribers) to.publish({ event: told, about, resource })
    return told as E
  }

  return {
    decisions,
    report(event, request, error) {
      log?.(event, request, error)
      if (!decisions.wanted) return
      const draft = request === undefined ? undefined : decisions.draftOf(request)
      draft?.note(event)
      const isKept = audit !== undefined && event.name === 'onward'
      if (onEvent === undefined && !isKept && !eventChannel.hasSubscribers) return
      const told = publish<AAuthEvent>(eventChannel, { ...event }, request, draft, error)
      if (isKept && told.name === 'onward') audit.recordOnward(told)
    },
  }
}

function tell(onEvent: Listener, event: AAuthEvent, about: EventAbout): void {
  const warn = (cause: unknown): void =>
    process.emitWarning(`onEvent threw: ${String(cause)}`, { code: 'AAUTH_ON_EVENT' })
  try {
    const told = onEvent(event, about)
    // It may be an async function: a rejection that nobody handles ends the process.
    if (isPromiseLike(told)) void Promise.resolve(told).catch(warn)
  } catch (cause) {
    warn(cause)
  }
}

const callIdIn = (request: object | undefined): string | undefined =>
  request === undefined ? undefined : callIdOf(request as HttpRequest)

/** The view of the request is made when somebody looks at it. */
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
    // Absent, as the type has it: what is left out of a destructured object is undefined.
    return (
      this.#request === undefined
        ? undefined
        : viewRequest(this.#request, this.#route ?? routeOf(this.#request))
    ) as RequestView
  }
}
