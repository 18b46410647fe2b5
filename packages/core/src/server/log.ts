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

/** When a cause was logged last, and how often it has come since. */
interface Logged {
  readonly at: number
  more: number
}

/** Logs internal failures, once a minute for each cause, and every refusal at the level `debug`. */
export function createLog(logger: Logger = consoleLogger, monotonic: () => number): Report {
  const causes = new Map<string, Logged>()

  /** How often a cause has come since it was last logged; `undefined` when it is not logged now. */
  const due = (cause: string): number | undefined => {
    const now = monotonic()
    const known = causes.get(cause)
    if (known !== undefined && now < known.at + pause) {
      known.more++
      return undefined
    }
    if (known === undefined && cause !== others && causes.size >= mostCauses) {
      for (const [old, { at }] of causes) if (now >= at + pause) causes.delete(old)
      // Causes with ever new texts are counted as one.
      if (causes.size >= mostCauses) return due(others)
    }
    causes.set(cause, { at: now, more: 0 })
    return known?.more ?? 0
  }

  return (event, request, error) => {
    if (event.name === 'served') return
    if (event.name === 'store-connecting') {
      const { name: code, reason } = event
      quietly(() => logger.warn({ code, reason }, `aauth: the store is not connected yet: ${reason}`))
      return
    }
    if (event.name === 'store-restored') {
      const { name: code, entries } = event
      const said = `the store had lost what it held, and is used again; this process has written back ${entries} entries`
      quietly(() => logger.warn({ code, entries }, `aauth: ${said}`))
      return
    }
    const failure = failureIn(event, error)
    if (failure === undefined) {
      if (request !== undefined) debug(event, request, logger)
      return
    }
    const more = due(causeOf(failure, error))
    if (more === undefined) return
    const { code, reason } = failure
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
}

const others = 'others'

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
