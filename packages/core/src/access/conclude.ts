import { challengeAnswer, unsignedAnswer, userChallenge } from '../answer/challenge.js'
import {
  type Answered,
  challenged,
  denied,
  elsewhere,
  type Outcome,
  refused,
  renewed,
  served,
  userNeeded,
} from '../answer/outcome.js'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { Caller } from '../caller.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import type { CheckedRequirement } from './checked-requirement.js'
import type { AskGrant, AskToken, Hold } from './decision.js'
import type { Finding } from './finding.js'
import type { GuardContext } from './guard-context.js'

/** Turns a finding into an outcome: mints, stores and reports what that takes. */
export type Conclude = (finding: Finding, request: HttpRequest) => Awaitable<Outcome>

/** Creates the function that enforces what was found. */
export function createConclude(requirement: CheckedRequirement, context: GuardContext): Conclude {
  const { authentication, grantToken, deferrals, report, chaining } = context
  const { or, deliver, onward } = requirement

  const answer = ({ decision, caller }: Finding, request: HttpRequest): Awaitable<Outcome> => {
    switch (decision.act) {
      case 'serve':
        return onward ? serveOnward(decision.caller, request) : served(decision.caller, report, request)
      case 'ask':
        return ask(decision, caller, request)
      case 'ask-grant':
        return askGrant(decision, request)
      case 'hold':
        return onward ? holdOnward(decision, request) : hold(decision, request)
      case 'ask-session':
        return deferrals.session(request, decision.caller, decision.asked)
      case 'forbid':
        return denied(decision.code, decision.detail, report, request)
      case 'refuse':
        return refused(decision.refusal, report, request)
    }
  }

  const serveOnward = (caller: Caller | undefined, request: HttpRequest): Awaitable<Outcome> =>
    andThen(chaining?.keep(request, caller), () => served(caller, report, request))

  const holdOnward = (decision: Hold, request: HttpRequest): Awaitable<Outcome> =>
    andThen(chaining?.keep(request, decision.caller), () => hold(decision, request))

  const hold = ({ caller, wanted }: Hold, request: HttpRequest): Awaitable<Outcome> => {
    const signer = caller.kind === 'session' ? caller.by : caller
    const { ask, subject, by } = wanted
    if (ask.verdict === 'approval') return deferrals.approval(request, signer, ask.ask, subject)
    const { description, lasting } = ask
    const page = {
      ...(description === undefined ? {} : { description }),
      ...(by === undefined ? {} : { by }),
      ...(lasting === true ? { lasting } : {}),
    }
    return deferrals.interaction(request, signer, page, subject)
  }

  const ask = ({ requirement }: AskToken, caller: Caller | undefined, request: HttpRequest): Answered => {
    if (caller !== undefined) return challenged(requirement, challengeAnswer(requirement), report, request)
    const challenge = unsignedAnswer(requirement, authentication.signature.schemes)
    return or
      ? elsewhere(requirement, challenge, report, request)
      : challenged(requirement, challenge, report, request)
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

  const answerAndRenew = (finding: Finding, request: HttpRequest): Awaitable<Outcome> => {
    const outcome = answer(finding, request)
    const { renew } = finding
    return renew === undefined
      ? outcome
      : andThen(outcome, async (settled) => renewed(settled, await renew()))
  }

  // A refusal uses up no signature (G-71), but an earlier guard may have, and so may a call that then could not be stored.
  const giveBackUnused = (outcome: Outcome, request: HttpRequest): Awaitable<Outcome> =>
    outcome.served || outcome.or === true || outcome.answer.status === 202
      ? outcome
      : andThen(authentication.replays.giveBack(request), () => outcome)

  return (finding, request) =>
    andThen(answerAndRenew(finding, request), (outcome) => giveBackUnused(outcome, request))
}
