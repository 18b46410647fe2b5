import type { Adoption } from '../adoption/adoption.js'
import { isEnforced } from '../adoption/dial.js'
import type { Noted } from '../adoption/tally.js'
import { challengeAnswer, unsignedAnswer, userChallenge } from '../answer/challenge.js'
import type { Help } from '../answer/help.js'
import {
  type Answered,
  challenged,
  denied,
  elsewhere,
  failure,
  type Outcome,
  refused,
  renewed,
  served,
  userNeeded,
} from '../answer/outcome.js'
import type { OwnAuditLog } from '../audit/log.js'
import { unrecorded } from '../audit/unrecorded.js'
import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import type { Caller, TokenCaller } from '../caller.js'
import type { Chaining } from '../chaining/chaining.js'
import { callIdOf } from '../decision/call-id.js'
import { endOfOutcome } from '../decision/end.js'
import { Refusal } from '../errors.js'
import type { Report } from '../events.js'
import type { NoticeContent } from '../http/content.js'
import { carriedFor, type HttpRequest } from '../http/message.js'
import { noRoute, noteRoute, noteWhile, type RouteView, viewRequest } from '../http/request-view.js'
import type { GrantToken } from '../pending/grant-token.js'
import type { Deferrals } from '../pending/open.js'
import { isYes } from '../time/deadline.js'
import type { CheckedRequirement } from './checked-requirement.js'
import { askedOfNobody } from './decide.js'
import type { AskGrant, AskToken, Hold } from './decision.js'
import type { Finding } from './finding.js'
import { createWalk, type WalkContext } from './judge.js'
import { observed, observedBeside } from './observed.js'

/** A route's requirement, checked and ready. */
export interface RouteGuard<C extends Caller | undefined = Caller | undefined, Raw = unknown> {
  /**
   * Decides on one request. Never rejects: a failure of ours is an answered `500`.
   *
   * @param route what the framework made of the request; without it, there are no parameters
   */
  check(request: HttpRequest, route?: RouteView<Raw>): Awaitable<Outcome<C>>
}

/** What every guard of a server works with. */
export interface GuardContext extends WalkContext {
  readonly grantToken: GrantToken
  readonly deferrals: Deferrals
  readonly report: Report
  readonly noticeContent: NoticeContent
  /** Evidence is kept of every request; where it cannot be, requests may have to be refused. */
  readonly audit: Pick<OwnAuditLog, 'isRefusing'> | undefined
  readonly adoption: Pick<Adoption, 'note'>
  readonly help: Help
  /** Present with the option `onward`. */
  readonly chaining: Pick<Chaining, 'keep'> | undefined
}

/** Walks each request and answers with what was found; in report-only mode, serves it and says what was found. */
export function createRouteGuard(
  requirement: CheckedRequirement,
  context: GuardContext,
): RouteGuard<Caller | undefined, unknown> {
  const { grantToken, noticeContent, report, deferrals, audit } = context
  const authentication = forRoute(context.authentication, requirement)
  const walk = createWalk(requirement, { ...context, authentication })
  const { needs, observe, enforce, or, orWins, deliver, onward: keeps } = requirement

  const settle = ({ decision, caller }: Finding, request: HttpRequest): Awaitable<Outcome> => {
    switch (decision.act) {
      case 'serve':
        return keeps ? serveOnward(decision.caller, request) : served(decision.caller, report, request)
      case 'ask':
        return ask(decision, caller, request)
      case 'ask-grant':
        return askGrant(decision, request)
      case 'hold':
        return keeps
          ? andThen(keep(decision.caller, request), () => hold(decision, request))
          : hold(decision, request)
      case 'ask-session':
        return deferrals.session(request, decision.caller, decision.asked)
      case 'forbid':
        return denied(decision.code, decision.detail, report, request)
      case 'refuse':
        return refused(decision.refusal, report, request)
    }
  }

  const keep = (caller: Caller | undefined, request: HttpRequest): Awaitable<void> =>
    context.chaining?.keep(request, caller)

  const serveOnward = (caller: Caller | undefined, request: HttpRequest): Awaitable<Outcome> =>
    andThen(keep(caller, request), () => served(caller, report, request))

  const hold = ({ caller, wanted }: Hold, request: HttpRequest): Awaitable<Outcome> => {
    const whose = caller.kind === 'session' ? caller.by : caller
    const { ask, subject, by } = wanted
    if (ask.verdict === 'approval') return deferrals.approval(request, whose, ask.ask, subject)
    const { description, lasting } = ask
    const page = {
      ...(description === undefined ? {} : { description }),
      ...(by === undefined ? {} : { by }),
      ...(lasting === true ? { lasting } : {}),
    }
    return deferrals.interaction(request, whose, page, subject)
  }

  const ask = ({ requirement }: AskToken, caller: Caller | undefined, request: HttpRequest): Outcome => {
    if (caller !== undefined) return challenged(requirement, challengeAnswer(requirement), report, request)
    const answer = unsignedAnswer(requirement, authentication.signature.schemes)
    return or
      ? elsewhere(requirement, answer, report, request)
      : challenged(requirement, answer, report, request)
  }

  const askGrant = async (
    { caller, scope, account, link }: AskGrant,
    request: HttpRequest,
  ): Promise<Outcome> => {
    const asked = {
      scope,
      ...(account === undefined ? {} : { account }),
      ...(link === undefined ? {} : { link }),
    }
    const held = deliver === 'held' ? await deferrals.grant(request, caller, asked) : undefined
    if (held !== undefined) return held
    const jwt = await grantToken(caller, asked, request)
    if (jwt instanceof Refusal) return refused(jwt, report, request)
    const parameters = { 'resource-token': jwt }
    return link === true
      ? userNeeded(userChallenge(parameters), report, request)
      : challenged('auth-token', challengeAnswer('auth-token', parameters), report, request)
  }

  // Nothing is minted or put aside for what nobody will read; and what is only observed opens no door beside the other way in.
  const watch = (finding: Finding, request: HttpRequest): Awaitable<Outcome> => {
    // Nor is there anything to tell of a request that would go the other way in any case.
    if (or && finding.caller === undefined && finding.decision.act === 'ask')
      return { ...askOther(request), observed: null }
    if (or) return { ...askOther(request), observed: observedBeside(finding, report, request) }
    const outcome = observed(finding, report, request)
    // Only what would have been served has an authority to call onward with (N-180).
    return keeps && finding.decision.act === 'serve'
      ? andThen(keep(finding.decision.caller, request), () => outcome)
      : outcome
  }

  const askOther = (request: HttpRequest): Answered => {
    const requirement = askedOfNobody(needs)
    return elsewhere(requirement, challengeAnswer(requirement), report, request)
  }

  const settleAndRenew = (finding: Finding, request: HttpRequest): Awaitable<Outcome> => {
    const { renew } = finding
    const outcome = settle(finding, request)
    const known =
      renew === undefined ? outcome : andThen(outcome, async (settled) => renewed(settled, await renew()))
    return andThen(known, (last) => keepUsed(last, request))
  }

  // A guard before this one may have used up the signature, and so may a call that then could not be put aside.
  const keepUsed = (outcome: Outcome, request: HttpRequest): Awaitable<Outcome> =>
    outcome.served || outcome.or === true || outcome.answer.status === 202
      ? outcome
      : andThen(authentication.replays.giveBack(request), () => outcome)

  // The one agent in a hundred that meets enforcement already, and all others, which are only watched.
  const watchOrSettle = (finding: Finding, request: HttpRequest, route: RouteView): Awaitable<Outcome> => {
    const enforced = enforce !== undefined && isEnforced(enforce, finding.caller, request)
    const outcome = enforced ? settleAndRenew(finding, request) : watch(finding, request)
    return andThen(outcome, (settled) => {
      noteFor(settled, finding.caller, request, route)
      return settled
    })
  }

  const noteFor = (
    outcome: Outcome,
    caller: TokenCaller | undefined,
    request: HttpRequest,
    { route = '' }: RouteView,
  ): void => {
    // Nothing was decided about what goes the other way in.
    const end = endOf(outcome)
    if (end === undefined) return
    const who =
      caller === undefined
        ? {}
        : { issuer: caller.token.iss, agent: caller.kind === 'agent' ? caller.agent : `jkt:${caller.jkt}` }
    const at = Math.floor(authentication.clock() / 1000)
    context.adoption.note({ route, ...end, ...who, at, id: () => callIdOf(request) })
  }

  const conclude = observe ? watchOrSettle : settleAndRenew
  const finish = (finding: Finding, request: HttpRequest, route: RouteView): Awaitable<Outcome> => {
    // Of a request that has been served nobody asks, unless its handler calls somebody.
    const isServed = finding.decision.act === 'serve' && !keeps
    if (!isServed && !isToldAtOnce(finding)) noteRoute(request, route)
    const outcome = isServed
      ? conclude(finding, request, route)
      : noteWhile(request, route, () => conclude(finding, request, route))
    return andThen(outcome, context.help.outcome)
  }
  const fail = (cause: unknown, request: HttpRequest, route: RouteView): Awaitable<Outcome> =>
    finish({ decision: { act: 'refuse', refusal: failure(cause) }, caller: undefined }, request, route)

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

  // The operator is asked for the client of a request by what the framework made of it.
  const walkNoted: typeof walk = (request, route) => {
    const found = noteWhile(request, route, () => walk(request, route))
    if (isPromiseLike(found)) noteRoute(request, route)
    return found
  }

  // Tells a held call whether this guard could judge it.
  const noteJudged = (outcome: Outcome, request: HttpRequest): Outcome => {
    const isLater = !outcome.served && outcome.answer.status === 503
    carriedFor(request, authentication.issuers)?.unjudged(isLater ? outcome.answer : undefined)
    return outcome
  }

  const { decisions } = authentication
  const decideOn = (request: HttpRequest, route: RouteView): Awaitable<Outcome> => {
    try {
      noticeContent(request)
      if (audit?.isRefusing === true)
        return finish({ decision: { act: 'refuse', refusal: unrecorded }, caller: undefined }, request, route)
      if (orWins !== undefined && isYes(orWins(viewRequest(request, route))))
        return context.help.outcome(askOther(request))
      const found = authentication.tellsClients ? walkNoted(request, route) : walk(request, route)
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

/** Whether all that is told of a request is told before anything is waited for. */
function isToldAtOnce({ decision: { act }, renew }: Finding): boolean {
  return renew === undefined && (act === 'refuse' || act === 'ask' || act === 'forbid')
}

/** How a request to a report-only route ended. */
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

/** What a route asks of signatures, beside what the server asks for everywhere. */
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
