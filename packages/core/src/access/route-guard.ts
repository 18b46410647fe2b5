import { challengeAnswer } from '../answer/challenge.js'
import { type Answered, elsewhere, failure, type Outcome } from '../answer/outcome.js'
import { unrecorded } from '../audit/unrecorded.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { endOfOutcome } from '../decision/end.js'
import type { Refusal } from '../errors.js'
import { carriedFor, type HttpRequest } from '../http/message.js'
import { noRoute, noteRoute, noteWhile, type RouteView, viewRequest } from '../http/request-view.js'
import { isYes } from '../time/deadline.js'
import type { CheckedRequirement } from './checked-requirement.js'
import { createConclude } from './conclude.js'
import { askedOfNobody } from './decide.js'
import type { Finding } from './finding.js'
import type { GuardContext } from './guard-context.js'
import { createJudge } from './judge.js'
import { createReportOnly } from './report-only.js'

/** The guard of a route, made from its requirement. */
export interface RouteGuard<C extends Caller | undefined = Caller | undefined, Raw = unknown> {
  /**
   * Decides on one request. Never rejects: an internal failure is answered with `500`.
   *
   * @param route where the framework's router sent the request; without it, the request has no parameters
   */
  check(request: HttpRequest, route?: RouteView<Raw>): Awaitable<Outcome<C>>
}

/** Creates the guard of a route. */
export function createRouteGuard(
  requirement: CheckedRequirement,
  context: GuardContext,
): RouteGuard<Caller | undefined, unknown> {
  const { noticeContent, report, audit, help } = context
  const authentication = forRoute(context.authentication, requirement)
  const routeContext = { ...context, authentication }
  const { needs, observe, orWins, onward } = requirement

  const askOther = (request: HttpRequest): Answered => {
    const asked = askedOfNobody(needs)
    return elsewhere(asked, challengeAnswer(asked), report, request)
  }

  const judge = createJudge(requirement, routeContext)
  const enforce = createConclude(requirement, routeContext)
  const conclude = observe ? createReportOnly(requirement, routeContext, enforce, askOther) : enforce

  const finish = (finding: Finding, request: HttpRequest, route: RouteView): Awaitable<Outcome> => {
    // Nobody looks up the route of a request that has been served, unless its handler calls onward.
    const isServed = finding.decision.act === 'serve' && !onward
    if (!isServed && !isToldAtOnce(finding)) noteRoute(request, route)
    const outcome = isServed
      ? conclude(finding, request, route)
      : noteWhile(request, route, () => conclude(finding, request, route))
    return andThen(outcome, help.outcome)
  }

  const refuseWith = (refusal: Refusal, request: HttpRequest, route: RouteView): Awaitable<Outcome> =>
    finish({ decision: { act: 'refuse', refusal }, caller: undefined }, request, route)

  const fail = (cause: unknown, request: HttpRequest, route: RouteView): Awaitable<Outcome> =>
    refuseWith(failure(cause), request, route)

  const finishSafely = (finding: Finding, request: HttpRequest, route: RouteView): Awaitable<Outcome> => {
    try {
      const outcome = finish(finding, request, route)
      return isPromiseLike(outcome)
        ? Promise.resolve(outcome).catch((cause: unknown) => fail(cause, request, route))
        : outcome
    } catch (cause) {
      return fail(cause, request, route)
    }
  }

  // The option `issuers.clientAddress` is asked with the request as the framework has it.
  const judgeNoted: typeof judge = (request, route) => {
    const found = noteWhile(request, route, () => judge(request, route))
    if (isPromiseLike(found)) noteRoute(request, route)
    return found
  }

  const decideOn = (request: HttpRequest, route: RouteView): Awaitable<Outcome> => {
    try {
      noticeContent(request)
      if (audit?.isRefusing === true) return refuseWith(unrecorded, request, route)
      if (orWins !== undefined && isYes(orWins(viewRequest(request, route))))
        return help.outcome(askOther(request))
      const found = authentication.tellsClients ? judgeNoted(request, route) : judge(request, route)
      return isPromiseLike(found)
        ? Promise.resolve(found).then(
            (finding) => finishSafely(finding, request, route),
            (cause: unknown) => fail(cause, request, route),
          )
        : finishSafely(found, request, route)
    } catch (cause) {
      return fail(cause, request, route)
    }
  }

  // Tells a held call whether this guard could decide on it.
  const noteJudged = (outcome: Outcome, request: HttpRequest): Outcome => {
    const isLater = !outcome.served && outcome.answer.status === 503
    carriedFor(request, authentication.issuers)?.unjudged(isLater ? outcome.answer : undefined)
    return outcome
  }

  const { decisions } = authentication
  return {
    check(request, route = noRoute) {
      const draft = decisions.begin(request, route)
      const outcome =
        draft === undefined ? decideOn(request, route) : decisions.follow(draft, decideOn, endOfOutcome)
      return request.carried === undefined
        ? outcome
        : andThen(outcome, (settled) => noteJudged(settled, request))
    },
  }
}

/** Whether everything that is reported of a request is reported before anything is awaited. */
function isToldAtOnce({ decision: { act }, renew }: Finding): boolean {
  return renew === undefined && (act === 'refuse' || act === 'ask' || act === 'forbid')
}

/** Adds what a route requires of signatures to what the server requires everywhere. */
function forRoute(context: AuthenticationContext, need: CheckedRequirement): AuthenticationContext {
  const { components, replay = context.replay } = need
  if (components.length === 0 && replay === context.replay) return context
  const { signature } = context
  return {
    ...context,
    replay,
    signature: { ...signature, components: [...new Set([...signature.components, ...components])] },
  }
}
