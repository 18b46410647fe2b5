import { isEnforced } from '../adoption/dial.js'
import type { Noted } from '../adoption/tally.js'
import type { Answered, Outcome } from '../answer/outcome.js'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { TokenCaller } from '../caller.js'
import { callIdOf } from '../decision/call-id.js'
import type { HttpRequest } from '../http/message.js'
import type { RouteView } from '../http/request-view.js'
import type { CheckedRequirement } from './checked-requirement.js'
import type { Conclude } from './conclude.js'
import type { Finding } from './finding.js'
import type { GuardContext } from './guard-context.js'
import { observed, observedBeside } from './observed.js'

/** Concludes on a route in report-only mode, and counts the outcome for the adoption report. */
export type ConcludeReportOnly = (
  finding: Finding,
  request: HttpRequest,
  route: RouteView,
) => Awaitable<Outcome>

/**
 * Creates it.
 *
 * @param enforceFinding for the callers that meet enforcement already (the option `enforce`)
 * @param askOther leaves the request to the route's other way in
 */
export function createReportOnly(
  requirement: CheckedRequirement,
  context: GuardContext,
  enforceFinding: Conclude,
  askOther: (request: HttpRequest) => Answered,
): ConcludeReportOnly {
  const { adoption, authentication, chaining, report } = context
  const { enforce, or, onward } = requirement

  // Mints no token and stores no call: nobody would use them.
  const observe = (finding: Finding, request: HttpRequest): Awaitable<Outcome> => {
    if (or) return observeBeside(finding, request)
    const outcome = observed(finding, report, request)
    // Only a request that would have been served has an authority to call onward with (N-180).
    return onward && finding.decision.act === 'serve'
      ? andThen(chaining?.keep(request, finding.decision.caller), () => outcome)
      : outcome
  }

  // The other way in decides, whatever was found: report-only mode lets nobody in past it.
  const observeBeside = (finding: Finding, request: HttpRequest): Outcome => {
    const isOthersAnyway = finding.caller === undefined && finding.decision.act === 'ask'
    const outcome = askOther(request)
    return { ...outcome, observed: isOthersAnyway ? null : observedBeside(finding, report, request) }
  }

  const count = (
    outcome: Outcome,
    caller: TokenCaller | undefined,
    request: HttpRequest,
    { route = '' }: RouteView,
  ): void => {
    const end = endOf(outcome)
    if (end === undefined) return
    const who =
      caller === undefined
        ? {}
        : { issuer: caller.token.iss, agent: caller.kind === 'agent' ? caller.agent : `jkt:${caller.jkt}` }
    const at = Math.floor(authentication.clock() / 1000)
    adoption.note({ route, ...end, ...who, at, id: () => callIdOf(request) })
  }

  return (finding, request, route) => {
    const enforces = enforce !== undefined && isEnforced(enforce, finding.caller, request)
    const outcome = enforces ? enforceFinding(finding, request) : observe(finding, request)
    return andThen(outcome, (concluded) => {
      count(concluded, finding.caller, request, route)
      return concluded
    })
  }
}

/** How a request ended; `undefined` where the other way in decides. */
function endOf(outcome: Outcome): Pick<Noted, 'code' | 'status' | 'enforced'> | undefined {
  if (outcome.observed !== undefined && outcome.observed !== null) {
    const { code, status } = outcome.observed
    return { code, status, enforced: false }
  }
  if (outcome.served) return { code: 'served', status: 200, enforced: outcome.observed === undefined }
  return outcome.or === true
    ? undefined
    : { code: outcome.code, status: outcome.answer.status, enforced: true }
}
