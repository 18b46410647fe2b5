import {
  type Authenticated,
  type AuthenticationContext,
  authenticate,
} from '../authentication/authenticate.js'
import type { Explain } from '../authentication/explain.js'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import {
  type Caller,
  type Grant,
  isVerifiedCaller,
  type Person,
  sealCaller,
  type TokenCaller,
} from '../caller.js'
import { Refusal } from '../errors.js'
import { carriedFor, type HttpRequest } from '../http/message.js'
import { readRequestContent } from '../http/request-content.js'
import { isUserList } from '../interaction/ask.js'
import type { SessionRequest } from '../pending/open.js'
import { malformed, sessionCredential } from '../session/credential.js'
import type { SessionService } from '../session/sessions.js'
import { foreignSignature, refuseForeign, unsigned } from '../signature/read.js'
import { type Approvals, approversOf, createApprovals, type Wanted } from './approvals.js'
import { type AccountHolder, type Bound, bind, nothing, unbound } from './bindings.js'
import type { CheckedRequirement, WantedSession } from './checked-requirement.js'
import { type AskGrant, askedOfNobody, type Decision, decide, extend, forbid, type Need } from './decide.js'
import { askMissing, deny, type PolicyVerdict, type StepUp } from './policy.js'
import { type RouteView, viewRequest } from './request-view.js'
import type { ScopeList } from './scope-list.js'

/** The signature, the token or something behind them is at fault. */
export interface Refuse {
  readonly act: 'refuse'
  readonly refusal: Refusal
}

/** A person has to connect the agent first. */
export interface AskSession {
  readonly act: 'ask-session'
  readonly caller: TokenCaller
  readonly asked: SessionRequest
}

/** Where the walk of a request ended. Nothing has been minted, written or told to anybody yet. */
export interface Finding {
  readonly decision: Decision | Refuse | AskSession
  /** Who signed, if that much is known, whatever was decided. */
  readonly caller: TokenCaller | undefined
  /** Makes the token that replaces the session's, when it is time. */
  readonly renew?: (() => Promise<string>) | undefined
}

/** What a walk works with. */
export interface WalkContext {
  readonly authentication: AuthenticationContext
  readonly explain: Explain
  readonly scopes: ScopeList
  /** The option `accounts`. */
  readonly accounts: AccountHolder | undefined
  readonly sessions: Pick<SessionService, 'find'>
  /** Whether there is an interaction page. */
  readonly interaction: boolean
}

/** The walk of one request: authenticate, decide, and let the resource's own policies have the last word. */
export function createWalk(
  requirement: CheckedRequirement,
  context: WalkContext,
): (request: HttpRequest, route: RouteView) => Awaitable<Finding> {
  const { authentication, explain, scopes, accounts, sessions } = context
  const { bindings, policies } = requirement
  const fixed: Need | undefined =
    typeof requirement.scope === 'function' ? undefined : { ...requirement, scope: requirement.scope }

  // What another profile has signed is not signed for us (G-70).
  const serveStrangers = requirement.optional || requirement.or
  const foreignRefusal = refuseForeign(askedOfNobody(requirement.needs))

  const needFor = (
    caller: TokenCaller | undefined,
    request: HttpRequest,
    route: RouteView,
  ): Awaitable<Need> => {
    // What depends on the request says something about a person's data, and there is no person yet.
    if (caller === undefined || caller.kind === 'agent' || requirement.needs === 'agent')
      return fixed ?? { ...requirement, scope: [] }
    // With accounts about, every grant for one is checked, so that `account` can be believed wherever it is read.
    const isBound = bindings !== nothing || (accounts !== undefined && hasAccount(caller))
    if (fixed !== undefined && !isBound) return fixed
    const view = viewRequest(request, route)
    const bound: Awaitable<Bound> = isBound ? bind(bindings, caller, view, accounts) : unbound
    return andThen(bound, (found) => {
      if (typeof requirement.scope !== 'function')
        return { ...requirement, scope: requirement.scope, ...found }
      return andThen(requirement.scope(view), (scope) => ({ ...requirement, scope, ...found }))
    })
  }

  const readApprovals = createApprovals(policies, authentication.issuers)

  const judge = (caller: Caller, request: HttpRequest, route: RouteView): Awaitable<Decision> =>
    policies.length === 0
      ? { act: 'serve', caller }
      : askPolicy(0, readApprovals(request), caller, request, route)

  const askPolicy = (
    place: number,
    approvals: Approvals,
    caller: Caller,
    request: HttpRequest,
    route: RouteView,
  ): Awaitable<Decision> => {
    const policy = policies[place]
    if (policy === undefined) return { act: 'serve', caller }
    const now = Math.floor(authentication.clock() / 1000)
    const input = { caller, request: viewRequest(request, route), now, approvedBy: approvals.by }
    return andThen(policy(input), (verdict) => {
      if (verdict?.verdict === 'approval' && typeof verdict.ask !== 'function') throw askMissing()
      const wanted = approvals.missing(verdict, place, caller)
      if (wanted !== undefined) return hold(caller, wanted)
      return goesOn.has(verdict?.verdict) || isFresh(verdict, caller, now)
        ? askPolicy(place + 1, approvals, caller, request, route)
        : object(caller, verdict)
    })
  }

  const hold = (caller: Caller, wanted: Wanted): Decision => {
    if (wanted.ask.verdict === 'interact' && !context.interaction)
      throw new TypeError('interact needs the option interaction, with the login')
    return { act: 'hold', caller, wanted }
  }

  const object = (caller: Caller, verdict: PolicyVerdict | undefined): Decision => {
    if (verdict?.verdict === 'deny') {
      // It may be an object that `deny` has not made.
      const { code, detail } = deny(verdict.code, verdict.detail)
      return forbid(detail, code)
    }
    if (verdict?.verdict === 'step-up' && (caller.kind === 'person' || caller.kind === 'grant'))
      return stepUp(caller, verdict)
    throw new TypeError('the policy answered with nothing that applies to this caller')
  }

  const stepUp = (caller: Person | Grant, { scope, fresh }: StepUp): Decision => {
    const unknown = scope.find((name) => !scopes.isOwn(name) && !scopes.isIdentity(name))
    if (unknown !== undefined)
      throw new TypeError(`stepUp: scope ${JSON.stringify(unknown)} is not described in the option scopes`)
    const asked = extend(caller, scope, scope.filter(scopes.isIdentity))
    // Otherwise the agent would bring what it has already, and be sent again.
    const isNew = fresh || caller.kind === 'person' || asked.scope.length > caller.scope.length
    return isNew ? asked : forbid('What was granted is not enough here')
  }

  /** A session of this key is the caller; without one that is good for this route, one has to be begun. */
  const connect = async (caller: TokenCaller, request: HttpRequest, route: RouteView): Promise<Finding> => {
    const wanted = requirement.session as WantedSession
    const credential = sessionCredential(request.rawHeaders)
    // What cannot be a credential is told apart from one that has ended (G-33).
    if (credential === malformed) return { decision: { act: 'ask', requirement: 'agent-token' }, caller }
    const by = await usersOf(wanted.by, request, route)
    if (by?.length === 0) return { decision: forbid('Nobody may connect an agent here'), caller }
    const any = credential === undefined ? undefined : await sessions.find(credential, caller)
    // One of somebody else's is none here.
    const found = any !== undefined && (by === undefined || by.includes(any.connected.user)) ? any : undefined
    const held = found?.connected.scope ?? []
    if (found === undefined || !wanted.scope.every((name) => held.includes(name))) {
      const { description } = wanted
      const asked = {
        scope: [...new Set([...held, ...wanted.scope])],
        ...(description === undefined ? {} : { description }),
        ...(by === undefined ? {} : { by }),
      }
      return { decision: { act: 'ask-session', caller, asked }, caller }
    }
    const { approvedBy } = caller
    const connected =
      approvedBy === undefined ? found.connected : Object.freeze({ ...found.connected, approvedBy })
    return { decision: await judge(connected, request, route), caller, renew: found.renew }
  }

  const admit = (ask: AskGrant): Awaitable<Decision | Refuse> =>
    andThen(scopes.admit(ask.scope, ask.caller.person.ps), (admitted) => {
      if (admitted instanceof Refusal) return { act: 'refuse', refusal: admitted }
      return admitted.length > 0 && ask.essential.every((name) => admitted.includes(name))
        ? { ...ask, scope: admitted }
        : forbid('The person’s server does not offer what is needed here')
    })

  const conclude = (
    authenticated: Authenticated,
    request: HttpRequest,
    route: RouteView,
  ): Awaitable<Finding> => {
    const isForeign = authenticated === foreignSignature
    if (authenticated instanceof Refusal && !(isForeign && serveStrangers)) {
      explain(request, authenticated)
      const refusal = isForeign ? foreignRefusal : authenticated
      return { decision: { act: 'refuse', refusal }, caller: undefined }
    }
    const isSigned = authenticated !== unsigned && !(authenticated instanceof Refusal)
    const caller = isSigned ? authenticated : undefined
    if (!requirement.content || caller === undefined) return walkOn(caller, request, route)
    const { bodyLimit, diagnose } = authentication
    return andThen(
      readRequestContent(request, bodyLimit, diagnose),
      (refusal): Awaitable<Finding> =>
        refusal === undefined
          ? walkOn(caller, request, route)
          : { decision: { act: 'refuse', refusal }, caller },
    )
  }

  const walkOn = (
    caller: TokenCaller | undefined,
    request: HttpRequest,
    route: RouteView,
  ): Awaitable<Finding> => {
    const decided = andThen(needFor(caller, request, route), (need) => decide(need, caller))
    return andThen(decided, (decision): Awaitable<Finding> => {
      if (decision.act === 'connect') return connect(decision.caller, request, route)
      const judged =
        decision.act === 'serve' && decision.caller !== undefined
          ? judge(decision.caller, request, route)
          : decision
      const admitted: Awaitable<Decision | Refuse> = andThen(judged, (judgement) =>
        judgement.act === 'ask-grant' ? admit(judgement) : judgement,
      )
      return andThen(admitted, (final) => ({ decision: final, caller }))
    })
  }

  // Last of all, so that neither a challenge nor a refusal uses up the signature (G-71).
  const useSignature = (finding: Finding, request: HttpRequest): Awaitable<Finding> => {
    const { decision, caller } = finding
    if (authentication.replay === 'off' || !takesEffect(decision, requirement.deliver)) return finding
    return andThen(authentication.replays.use(request, authentication.replay), (refusal) =>
      refusal === undefined ? finding : { decision: { act: 'refuse', refusal }, caller },
    )
  }

  return (request, route) => {
    const finding = andThen(callerOf(request, authentication), (authenticated) =>
      conclude(authenticated, request, route),
    )
    return andThen(finding, (found) => useSignature(found, request))
  }
}

/** Whether something is done for the request: it is served, or put aside to be carried out. */
function takesEffect({ act }: Finding['decision'], deliver: CheckedRequirement['deliver']): boolean {
  return (
    act === 'serve' || act === 'hold' || act === 'ask-session' || (act === 'ask-grant' && deliver === 'held')
  )
}

/** Whose sessions a route takes; `undefined` where it does not say, empty where it is nobody's. */
async function usersOf(
  by: WantedSession['by'],
  request: HttpRequest,
  route: RouteView,
): Promise<readonly string[] | undefined> {
  if (by === undefined) return undefined
  const users = typeof by === 'function' ? await by(viewRequest(request, route)) : by
  return isUserList(users) ? [users].flat() : []
}

function hasAccount(caller: TokenCaller): boolean {
  return caller.kind === 'grant' && caller.account !== undefined
}

/** Who calls. A held call was signed when it came and its caller verified when it was polled for; it is not signed now. */
function callerOf(request: HttpRequest, authentication: AuthenticationContext): Awaitable<Authenticated> {
  const carried = carriedFor(request, authentication.issuers)
  if (carried === undefined) return authenticate(request, authentication)
  const { caller } = carried
  if (!isVerifiedCaller(caller)) throw new TypeError('a held call is carried by a verified caller only')
  const approvedBy = approversOf(carried)
  return approvedBy.length === 0 ? caller : sealCaller({ ...caller, approvedBy })
}

/** Verdicts with which a request goes on: no objection, or one that has been met. */
const goesOn: ReadonlySet<unknown> = new Set<PolicyVerdict['verdict']>(['allow', 'approval', 'interact'])

// Clocks of issuers and ours may differ by as much.
const freshSeconds = 60

/**
 * Whether a new grant was asked for and this is one. A policy that always wants one would otherwise send the agent away
 * with what it has just brought, for ever.
 */
function isFresh(verdict: PolicyVerdict | undefined, caller: Caller, now: number): boolean {
  return (
    verdict?.verdict === 'step-up' &&
    verdict.fresh &&
    caller.kind === 'grant' &&
    now - caller.token.iat <= freshSeconds &&
    verdict.scope.every((name) => caller.scope.includes(name))
  )
}
