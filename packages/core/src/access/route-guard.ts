import { type Authenticated, type AuthenticationContext, authenticate } from '../authenticate.js'
import { andThen, isPending } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http.js'
import type { Report } from '../observe/events.js'
import type { Explain } from '../observe/explain.js'
import { unsigned } from '../signature/read.js'
import type { Awaitable } from '../store/store.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import { challengeAnswer, unsignedAnswer } from './answers.js'
import { type AskGrant, decide, extend, type Serve } from './decide.js'
import { challenged, denied, failed, type Outcome, refused, served } from './outcome.js'
import type { PolicyRequest, PolicyVerdict } from './policy.js'
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
  readonly report: Report
}

/** The walk of one request: authenticate, decide, and let the resource's own policy have the last word. */
export function createRouteGuard(need: CheckedRequirement, context: GuardContext): RouteGuard {
  const { explain, mint, report } = context
  const authentication = withComponents(context.authentication, need.components)

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
        return askGrant(decision)
      case 'serve':
        return need.policy === undefined ? served(decision.caller, report) : applyPolicy(decision, request)
    }
  }

  const applyPolicy = ({ caller }: Serve, request: HttpRequest): Awaitable<Outcome> =>
    andThen(need.policy?.({ caller, request: policyRequest(request) }), (verdict) =>
      applyVerdict(caller, verdict),
    )

  const applyVerdict = (caller: Caller, verdict: PolicyVerdict | undefined): Awaitable<Outcome> => {
    if (verdict?.verdict === 'allow') return served(caller, report)
    if (verdict?.verdict === 'deny') return denied(verdict.code, verdict.detail, report)
    if (verdict?.verdict === 'step-up' && caller.kind === 'grant')
      return askGrant(extend(caller, verdict.scope))
    throw new TypeError('the policy answered with nothing that applies to this caller')
  }

  const askGrant = async ({ caller, scope }: AskGrant): Promise<Outcome> => {
    const answer = challengeAnswer('auth-token', { 'resource-token': await mint(caller, { scope }) })
    return challenged('auth-token', answer, report)
  }

  const fail = (cause: unknown): Outcome => failed(cause, report)

  return {
    check(request) {
      try {
        const outcome = andThen(authenticate(request, authentication), (caller) => conclude(request, caller))
        return isPending(outcome) ? outcome.catch(fail) : outcome
      } catch (cause) {
        return fail(cause)
      }
    },
  }
}

function policyRequest({ method, target }: HttpRequest): PolicyRequest {
  const question = target.indexOf('?')
  return question === -1
    ? { method, path: target, query: '' }
    : { method, path: target.slice(0, question), query: target.slice(question + 1) }
}

/** What a route asks signatures to cover, beside what the server asks for everywhere. */
function withComponents(context: AuthenticationContext, more: readonly string[]): AuthenticationContext {
  if (more.length === 0) return context
  const { signature } = context
  return {
    ...context,
    signature: { ...signature, components: [...new Set([...signature.components, ...more])] },
  }
}
