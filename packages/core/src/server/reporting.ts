import { isPromiseLike } from '../awaitable.js'
import type { AAuthEvent, Report } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import { type RequestView, viewNoted } from '../http/request-view.js'
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
  readonly onEvent: Listener | undefined
  readonly logger: Logger | false | undefined
  /** Milliseconds that only ever grow. */
  readonly monotonic: () => number
}

/** Tells the log and the application's listener of every event. Neither can change the answer to a request. */
export function createReport({ onEvent, logger, monotonic }: ReportingContext): Report {
  const log = logger === false ? undefined : createLog(logger, monotonic)
  return (event, request, error) => {
    log?.(event, request, error)
    if (onEvent !== undefined) tell(onEvent, event, new About(request as HttpRequest | undefined, error))
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

/** The view of the request is made when somebody looks at it. */
class About implements EventAbout {
  readonly error?: unknown
  readonly #request: HttpRequest | undefined

  constructor(request: HttpRequest | undefined, error: unknown) {
    this.#request = request
    if (error !== undefined) this.error = error
  }

  get request(): RequestView {
    // Absent, as the type has it: what is left out of a destructured object is undefined.
    return (this.#request === undefined ? undefined : viewNoted(this.#request)) as RequestView
  }
}
