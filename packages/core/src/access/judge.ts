import {
  type Authenticated,
  type AuthenticationContext,
  authenticate,
} from '../authentication/authenticate.js'
import type { Explain } from '../authentication/explain.js'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import { isVerifiedCaller, sealCaller, type TokenCaller } from '../caller.js'
import { Refusal } from '../errors.js'
import { carriedFor, type HttpRequest } from '../http/message.js'
import { readRequestContent } from '../http/request-content.js'
import type { RouteView } from '../http/request-view.js'
import type { SessionService } from '../session/sessions.js'
import { foreignSignature, refuseForeign, unsigned } from '../signature/read.js'
import type { Deadlines } from '../time/deadline.js'
import { approversOf } from './approvals.js'
import { createAskPolicies } from './ask-policies.js'
import type { BindingContext } from './bindings.js'
import type { CheckedRequirement } from './checked-requirement.js'
import { createConnect } from './connect.js'
import { askedOfNobody, decide, decideAdmitted } from './decide.js'
import type { AskSession, Decision, Refuse } from './decision.js'
import type { Finding } from './finding.js'
import { createNeed } from './need.js'
import type { ScopeList } from './scope-list.js'

/** What judging a request depends on. */
export interface JudgeContext extends BindingContext {
  readonly authentication: AuthenticationContext
  readonly explain: Explain
  readonly scopes: ScopeList
  readonly sessions: Pick<SessionService, 'find'>
  /** Whether there is an interaction page. */
  readonly interaction: boolean
  readonly deadlines: Deadlines
}

/**
 * Judges one request: authenticates, decides, and lets the resource's own policies have the last word. This is the order of
 * the steps; the decisions themselves are in `decide.ts`.
 */
export function createJudge(
  requirement: CheckedRequirement,
  context: JudgeContext,
): (request: HttpRequest, route: RouteView) => Awaitable<Finding> {
  const { authentication, explain, scopes } = context
  const { trace } = authentication
  const needOf = createNeed(requirement, context)
  const askPolicies = createAskPolicies(requirement.policies, {
    scopes,
    interaction: context.interaction,
    clock: authentication.clock,
    server: authentication.issuers,
    decisions: authentication.decisions,
    deadlines: context.deadlines,
  })
  const connect = createConnect(requirement.session, context.sessions, askPolicies, context.deadlines)

  // A signature of another profile counts as none where a request may go unsigned (G-70).
  const serveStrangers = requirement.optional || requirement.or
  const foreignRefusal = refuseForeign(askedOfNobody(requirement.needs))

  // 1. The caller.
  const identify = (
    authenticated: Authenticated,
    request: HttpRequest,
    route: RouteView,
  ): Awaitable<Finding> => {
    const isForeign = authenticated === foreignSignature
    if (authenticated instanceof Refusal && !(isForeign && serveStrangers)) {
      explain(request, authenticated)
      return refuseWith(isForeign ? foreignRefusal : authenticated, undefined)
    }
    const isSigned = authenticated !== unsigned && !(authenticated instanceof Refusal)
    const caller = isSigned ? authenticated : undefined
    return requirement.content && caller !== undefined
      ? readContent(caller, request, route)
      : decideFor(caller, request, route)
  }

  // 2. The content, where policies and other functions see it.
  const readContent = (caller: TokenCaller, request: HttpRequest, route: RouteView): Awaitable<Finding> => {
    const { bodyLimit, diagnose } = authentication
    trace?.('content', `at most ${bodyLimit} bytes`)
    return andThen(readRequestContent(request, bodyLimit, diagnose), (refusal) =>
      refusal === undefined ? decideFor(caller, request, route) : refuseWith(refusal, caller),
    )
  }

  // 3. The requirement, a session and the policies.
  const decideFor = (
    caller: TokenCaller | undefined,
    request: HttpRequest,
    route: RouteView,
  ): Awaitable<Finding> => {
    trace?.('requirement', `${requirement.needs}; the caller is ${caller?.kind ?? 'nobody'}`)
    const decided = andThen(needOf(caller, request, route), (need) => decide(need, caller))
    return andThen(decided, (decision): Awaitable<Finding> => {
      if (decision.act === 'connect') trace?.('session')
      if (decision.act === 'connect') return connect(decision.caller, request, route)
      if (decision.act === 'serve') trace?.('policies', `${requirement.policies.length}`)
      const judged =
        decision.act === 'serve' && decision.caller !== undefined
          ? askPolicies(decision.caller, request, route)
          : decision
      return andThen(andThen(judged, admit), (final) => ({ decision: final, caller }))
    })
  }

  // 4. The scopes that a resource token may name.
  const admit = (judgement: Exclude<Decision, Refuse | AskSession>): Awaitable<Decision> =>
    judgement.act === 'ask-grant'
      ? andThen(scopes.admit(judgement.scope, judgement.caller.person.ps), (admitted) =>
          decideAdmitted(judgement, admitted),
        )
      : judgement

  // 5. The use of the signature: last, so that neither a challenge nor a refusal uses it up (G-71).
  const useSignature = (finding: Finding, request: HttpRequest): Awaitable<Finding> => {
    const { decision, caller } = finding
    if (authentication.replay === 'off' || !takesEffect(decision, requirement.deliver)) return finding
    trace?.('replay', authentication.replay)
    return andThen(authentication.replays.use(request, authentication.replay), (refusal) =>
      refusal === undefined ? finding : refuseWith(refusal, caller),
    )
  }

  return (request, route) =>
    andThen(callerOf(request, authentication), (authenticated) =>
      andThen(identify(authenticated, request, route), (found) => useSignature(found, request)),
    )
}

function refuseWith(refusal: Refusal, caller: TokenCaller | undefined): Finding {
  return { decision: { act: 'refuse', refusal }, caller }
}

/** Whether the request takes effect: it is served, or held to be carried out later. */
function takesEffect({ act }: Finding['decision'], deliver: CheckedRequirement['deliver']): boolean {
  return (
    act === 'serve' || act === 'hold' || act === 'ask-session' || (act === 'ask-grant' && deliver === 'held')
  )
}

/**
 * The caller. A held call was signed when it came, and its caller was verified at the poll; the call is not signed
 * now.
 */
function callerOf(request: HttpRequest, authentication: AuthenticationContext): Awaitable<Authenticated> {
  const carried = carriedFor(request, authentication.issuers)
  if (carried === undefined) return authenticate(request, authentication)
  const { caller } = carried
  const draft = authentication.decisions.draftOf(request)
  if (draft !== undefined) draft.caller = caller
  if (!isVerifiedCaller(caller)) throw new TypeError('a held call is carried by a verified caller only')
  const approvedBy = approversOf(carried)
  return approvedBy.length === 0 ? caller : sealCaller({ ...caller, approvedBy })
}
