import type { CallingAgent } from '../checks/authenticate.js'
import { Fault } from '../checks/fault.js'
import { isEndpoint } from '../checks/identifiers.js'
import { faultAnswer } from '../server/body.js'
import { type Ground, lapseOf } from '../server/lapse.js'
import { type Answer, problem } from '../wire/answers.js'
import type { PersonServerContext } from './context.js'
import type { Consent, ConsentRequest, Decision } from './person.js'
import { pollError, type ResourceInteraction } from './resource-flow.js'

/** A question to a person. */
export interface Question {
  readonly consent: Consent
  readonly request: ConsentRequest
  /** The agent's declared capabilities; a person who must open a page cannot be reached without `interaction`. */
  readonly capabilities: unknown
  /** The flow of the resource that comes first, if any. */
  readonly resourceFlow?: ResourceInteraction | undefined
  /** The tokens that must be valid until the person has decided. */
  readonly grounds: readonly Ground[]
}

const denied = problem(403, 'denied', 'the person said no')
const unreachable = problem(
  403,
  'user_unreachable',
  'the person has to open a page, and the agent did not declare interaction',
)

/**
 * Asks a person and continues with the decision: `grant` now, `403 denied` now, or `202` and either of the two later.
 */
export async function withConsent(
  ps: PersonServerContext,
  caller: CallingAgent,
  question: Question,
  grant: () => Promise<Answer>,
): Promise<Answer> {
  const reachable = Array.isArray(question.capabilities) && question.capabilities.includes('interaction')
  if (question.resourceFlow !== undefined) {
    return reachable ? throughResource(ps, caller, question, question.resourceFlow, grant) : unreachable
  }
  const decision = await decide(question)
  if (typeof decision === 'boolean') return decision ? grant() : denied
  if (!reachable && decision.after === 'visit') return unreachable
  return ps.pending.defer({
    ...bounds(ps, caller, question),
    requirement: reachable ? 'interaction' : 'approval',
    after: decision.after,
    // The callback gets what is known when the person leaves the page; later decisions appear at the pending URL.
    callbackError: decision.after === 'visit' && !decision.decision ? 'access_denied' : undefined,
    finish: async () => (decision.decision ? grant() : denied),
  })
}

/** Who may poll, until when, and where the page may send the person. */
function bounds(ps: PersonServerContext, caller: CallingAgent, { grounds }: Question) {
  return {
    owner: caller.agent,
    over: () => {
      const lapsed = lapseOf(ps.server, grounds)
      return lapsed === undefined ? undefined : faultAnswer(lapsed)
    },
    allowsCallback: (url: string) => isCallback(ps, caller, url),
  }
}

// Only to the callback_endpoint of the agent's operator (11.2.1); a query may be added for state.
async function isCallback(ps: PersonServerContext, caller: CallingAgent, url: string): Promise<boolean> {
  const provider = caller.token.claims['iss'] as string
  const metadata = await ps.server.directory.metadata(provider, 'aauth-agent.json')
  if (metadata instanceof Fault) return false
  const endpoint = metadata['callback_endpoint']
  const { origin, pathname } = new URL(url)
  return isEndpoint(endpoint) && new URL(endpoint).href === `${origin}${pathname}`
}

// 7.2.3: the resource's flow comes first. An error there ends the request; otherwise the person is asked.
function throughResource(
  ps: PersonServerContext,
  caller: CallingAgent,
  question: Question,
  interaction: ResourceInteraction,
  grant: () => Promise<Answer>,
): Answer {
  const limits = bounds(ps, caller, question)
  let cancelled = false
  let settle: (answer: () => Promise<Answer>) => void = () => undefined
  const back = new Promise<() => Promise<Answer>>((resolve) => {
    settle = resolve
  })
  const redirect = ps.flows.start(interaction, {
    over: () => cancelled || limits.over() !== undefined,
    arrived: async (error) => {
      if (error !== null) {
        settle(async () => pollError(error))
        return error
      }
      const decision = await decide(question)
      const { decision: agrees, after } =
        typeof decision === 'boolean' ? { decision, after: undefined } : decision
      settle(async () => {
        // The person is here already, so there is no second visit to wait for.
        if (after !== 'visit') await after
        return agrees ? grant() : denied
      })
      const knownNow = after === undefined || after === 'visit'
      return knownNow && !agrees ? 'access_denied' : null
    },
  })
  return ps.pending.defer({
    ...limits,
    requirement: 'interaction',
    after: back,
    redirect,
    cancelled: () => {
      cancelled = true
    },
    finish: async () => (await back)(),
  })
}

async function decide({ consent, request }: Question): Promise<Decision> {
  let decision: Decision | null | undefined
  try {
    decision = await consent(request)
  } catch {
    return false
  }
  const isDecision = typeof decision === 'boolean' || (typeof decision === 'object' && decision !== null)
  // A function that forgot to return does not mean that the person says no.
  if (!isDecision)
    throw new TypeError(`consent answered ${decision}: it has to be true, false or { decision, after }`)
  return decision as Decision
}
