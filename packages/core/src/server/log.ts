import type { Logger } from '../configuration/logger.js'
import type { AAuthEvent, Report, UntimedEvent } from '../events.js'
import { type HttpRequest, splitTarget } from '../http/message.js'
import { routeOf } from '../http/request-view.js'
import { isConnecting } from '../store/store-error.js'

/** Each cause is logged once in this many milliseconds. */
const pause = 60_000
/** Limit on the causes told apart in that time. They are faults of this server, so there are few. */
const mostCauses = 200

/** The default logger. */
const consoleLogger: Logger = {
  error: (details, message) => console.error(message, ...errorIn(details)),
  warn: (details, message) => console.warn(message, ...errorIn(details)),
}

const errorIn = (details: object): readonly unknown[] => ('err' in details ? [details.err] : [])

/** An internal failure, as it is logged. */
interface Failure {
  readonly code: string
  readonly reason?: string | undefined
}

/** Logs internal failures, once a minute for each cause, and every refusal at the level `debug`. */
export function createLog(logger: Logger = consoleLogger, monotonic: () => number): Report {
  const causes = new Causes(monotonic)
  return (event, request, error) => {
    if (event.name === 'served') return
    const notice = noticeOf(event)
    if (notice !== undefined) {
      quietly(() => logger.warn(notice.details, notice.message))
      return
    }
    const failure = failureIn(event, error)
    if (failure === undefined) {
      if (request !== undefined) debug(event, request, logger)
      return
    }
    const more = causes.due(causeOf(failure, error))
    if (more !== undefined) logFailure(logger, failure, { event, request, error, more })
  }
}

/** When a cause was last logged, and how often it has come since. */
interface Logged {
  readonly at: number
  more: number
}

const others = 'others'

/** The causes that were logged lately. */
class Causes {
  readonly #logged = new Map<string, Logged>()
  readonly #monotonic: () => number

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  /** How often a cause has come since it was last logged; `undefined` when it is not logged now. */
  due(cause: string): number | undefined {
    const now = this.#monotonic()
    const known = this.#logged.get(cause)
    if (known !== undefined && now < known.at + pause) {
      known.more++
      return undefined
    }
    if (known === undefined && cause !== others && this.#logged.size >= mostCauses) {
      for (const [old, { at }] of this.#logged) if (now >= at + pause) this.#logged.delete(old)
      // Causes with ever new texts are counted as one.
      if (this.#logged.size >= mostCauses) return this.due(others)
    }
    this.#logged.set(cause, { at: now, more: 0 })
    return known?.more ?? 0
  }
}

/** The warning about an event that is no failure; `undefined` for all others. */
function noticeOf(event: UntimedEvent<AAuthEvent>): { details: object; message: string } | undefined {
  switch (event.name) {
    case 'store-connecting': {
      const { name: code, reason } = event
      return { details: { code, reason }, message: `aauth: the store is not connected yet: ${reason}` }
    }
    case 'store-restored': {
      const { name: code, entries } = event
      const message = `aauth: the store had lost what it held, and is used again; this process has written back ${entries} entries`
      return { details: { code, entries }, message }
    }
    default:
      return undefined
  }
}

function logFailure(
  logger: Logger,
  { code, reason }: Failure,
  { event, request, error, more }: Occurrence,
): void {
  const details = {
    ...(error === undefined ? {} : { err: error }),
    code,
    ...(reason === undefined ? {} : { reason }),
    ...(request === undefined ? {} : placeOf(request)),
    // The route of a late function is known before it is noted for the request.
    ...(event.name === 'policy-timeout' && event.route !== undefined ? { route: event.route } : {}),
    ...(more === 0 ? {} : { more }),
  }
  const place = 'route' in details ? ` at ${details.method} ${details.route}` : ''
  const repeated = more === 0 ? '' : ` (and ${more} more since it was logged last)`
  // An error logged in full gives the reason itself.
  const said = error === undefined ? `: ${reason ?? 'no reason given'}` : ''
  quietly(() => logger.error(details, `aauth: ${code}${place}${said}${repeated}`))
}

/** A failure as it was reported, and how often its cause has come unlogged. */
interface Occurrence {
  readonly event: UntimedEvent<AAuthEvent>
  readonly request: object | undefined
  readonly error: unknown
  readonly more: number
}

function failureIn(event: UntimedEvent<AAuthEvent>, error: unknown): Failure | undefined {
  switch (event.name) {
    case 'refused':
      // A store that is still connecting, and a late function, have events of their own.
      if (event.code === 'policy_unavailable') return undefined
      return event.family === 'ours' && !isConnecting(error) ? event : undefined
    case 'observed':
      return error === undefined ? undefined : event
    case 'audit-failed':
    case 'failed':
    case 'issuer-policy-failed':
      return { code: event.name, reason: event.reason }
    case 'policy-timeout':
      return {
        code: 'policy_unavailable',
        reason: `${event.function} gave no answer within ${event.milliseconds} ms`,
      }
    case 'store-failed':
      return { code: event.name, reason: `${event.operation}: ${event.fault}: ${event.reason}` }
    default:
      return undefined
  }
}

/** Identifies an error by where it was thrown, because messages may differ each time. */
function causeOf({ code, reason = '' }: Failure, error: unknown): string {
  if (!(error instanceof Error)) return `${code} ${reason.slice(0, 200)}`
  const at = typeof error.stack === 'string' ? /^\s+at .{1,300}/m.exec(error.stack)?.[0] : undefined
  return `${code} ${error.name} ${at ?? error.message.slice(0, 200)}`
}

/** Logs a refusal or challenge at the level `debug`. */
function debug(event: UntimedEvent<AAuthEvent>, request: object, fallback: Logger): void {
  if (event.name !== 'refused' && event.name !== 'challenged') return
  const log = routeOf(request).log ?? fallback
  if (log.debug === undefined || log.isLevelEnabled?.('debug') === false) return
  const code = event.name === 'refused' ? event.code : (event.code ?? event.requirement)
  const reason = event.name === 'refused' ? event.reason : undefined
  const details = { code, ...placeOf(request), ...(reason === undefined ? {} : { reason }) }
  quietly(() => log.debug?.(details, `aauth: ${event.name} ${code}`))
}

/** Where it happened: the route as declared or, if unknown, the path. */
function placeOf(request: object): { readonly method: string; readonly route: string } {
  const { method, path } = splitTarget(request as HttpRequest)
  // Strangers choose paths, and a terminal interprets control characters.
  const { route = path.slice(0, 200).replace(/[^\x21-\x7e]/g, '?') } = routeOf(request)
  return { method, route }
}

/** A log that fails must not change the answer to a request. */
function quietly(write: () => void): void {
  try {
    write()
  } catch {
    // There is no other place to report it.
  }
}
