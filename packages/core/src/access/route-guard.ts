import { type Authenticated, type AuthenticationContext, authenticate } from '../authenticate.js'
import { andThen, isPending } from '../awaitable.js'
import { type Caller, type Grant, isVerifiedCaller, type Person } from '../caller.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http.js'
import type { Report } from '../observe/events.js'
import type { Explain } from '../observe/explain.js'
import { requestView } from '../pending/view.js'
import type { AskedGrant, Waiting } from '../pending/waiting.js'
import { unsigned } from '../signature/read.js'
import type { Awaitable } from '../store/store.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import { challengeAnswer, unsignedAnswer } from './answers.js'
import { type AskGrant, decide, extend, type Serve } from './decide.js'
import { challenged, denied, failed, type Outcome, refused, served } from './outcome.js'
import type { PolicyVerdict } from './policy.js'
import type { CheckedRequirement } from './requirement.js'

/** A route's requirement, checked and ready. */
export interface RouteGuard<C extends Caller = Caller> {
  /** Decides on one request. Never rejects: a failure of ours is an answered `500`. */
  check(request: HttpRequest): Awaitable<Outcome<C>>
}

/** What every guard of a server works with. */
export interface GuardContext {
  readonly authentication: AuthenticationContext
  readonly explain: Explain
  readonly mint: ResourceTokenMint
  readonly waiting: Waiting
  readonly report: Report
}

/** The walk of one request: authenticate, decide, and let the resource's own policy have the last word. */
export function createRouteGuard(need: CheckedRequirement, context: GuardContext): RouteGuard {
  const { explain, mint, report, waiting } = context
  const authentication = forRoute(context.authentication, need)

  const conclude = (request: HttpRequest, caller: Authenticated): Awaitable<Outcome> => {
    if (caller instanceof Refusal) {
      explain(request, caller)
      return refused(caller, report)
    }
    const decision = decide(need, caller === unsigned ? undefined : caller)
    switch (decision.act) {
      case 'ask': {
        const { requirement } = decision
        const answer =
          caller === unsigned
            ? unsignedAnswer(requirement, authentication.signature.schemes)
            : challengeAnswer(requirement)
        return challenged(requirement, answer, report)
      }
      case 'ask-grant':
        return askGrant(request, decision)
      case 'serve':
        return need.policy === undefined ? served(decision.caller, report) : applyPolicy(decision, request)
    }
  }

  const applyPolicy = ({ caller }: Serve, request: HttpRequest): Awaitable<Outcome> =>
    andThen(need.policy?.({ caller, request: requestView(request) }), (verdict) =>
      applyVerdict(request, caller, verdict),
    )

  const applyVerdict = (
    request: HttpRequest,
    caller: Caller,
    verdict: PolicyVerdict | undefined,
  ): Awaitable<Outcome> => {
    if (verdict?.verdict === 'allow') return served(caller, report)
    if (verdict?.verdict === 'deny') return denied(verdict.code, verdict.detail, report)
    if (verdict?.verdict === 'step-up' && caller.kind === 'grant')
      return askGrant(request, extend(caller, verdict.scope))
    if (verdict?.verdict === 'approval') {
      const met = request.carried?.subjects.includes(verdict.subject) === true
      return met ? served(caller, report) : waiting.approval(request, caller, verdict)
    }
    throw new TypeError('the policy answered with nothing that applies to this caller')
  }

  const askGrant = async (request: HttpRequest, { caller, scope }: AskGrant): Promise<Outcome> => {
    const held =
      need.deliver === 'held' ? await waiting.grant(request, caller, askedOf(caller, scope)) : undefined
    if (held !== undefined) return held
    const answer = challengeAnswer('auth-token', { 'resource-token': await mint(caller, { scope }) })
    return challenged('auth-token', answer, report)
  }

  const fail = (cause: unknown): Outcome => failed(cause, report)

  return {
    check(request) {
      try {
        const outcome = andThen(callerOf(request, authentication), (caller) => conclude(request, caller))
        return isPending(outcome) ? outcome.catch(fail) : outcome
      } catch (cause) {
        return fail(cause)
      }
    },
  }
}

/** Who calls. A held call was signed when it came and its caller verified when it was polled for; it is not signed now. */
function callerOf(request: HttpRequest, authentication: AuthenticationContext): Awaitable<Authenticated> {
  const { carried } = request
  if (carried === undefined) return authenticate(request, authentication)
  if (!isVerifiedCaller(carried.caller))
    throw new TypeError('a held call is carried by a verified caller only')
  return carried.caller
}

/** What the auth token has to be for; a step-up keeps the account (G-47). */
function askedOf(caller: Person | Grant, scope: readonly string[]): AskedGrant {
  return {
    scope,
    ...(caller.kind === 'grant' && caller.account !== undefined ? { account: caller.account } : {}),
  }
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
