import type { CallingAgent } from '../checks/authenticate.js'
import { type Answer, problem } from '../wire/answers.js'
import type { PersonServerContext } from './context.js'
import type { Consent, ConsentRequest, Decision } from './person.js'
import type { ResourceInteraction } from './resource-flow.js'

/** A question to a person. */
export interface Question {
  readonly consent: Consent
  readonly request: ConsentRequest
  /** What the agent declared; a person who must open a page cannot be reached without `interaction`. */
  readonly capabilities: unknown
  /** The flow of the resource that comes first, if it has one. */
  readonly resourceFlow?: ResourceInteraction | undefined
}

const denied = problem(403, 'denied', 'the person said no')
const unreachable = problem(
  403,
  'user_unreachable',
  'the person has to open a page, and the agent did not declare interaction',
)

/** Asks a person and goes on as they decide: `grant` now, `403 denied` now, or `202` and either of the two later. */
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
    owner: caller.agent,
    requirement: reachable ? 'interaction' : 'approval',
    after: decision.after,
    finish: async () => (decision.decision ? grant() : denied),
  })
}

// 7.2.3: the resource's flow first; an error there is the end, and only then is the person asked.
function throughResource(
  ps: PersonServerContext,
  caller: CallingAgent,
  question: Question,
  interaction: ResourceInteraction,
  grant: () => Promise<Answer>,
): Answer {
  const { link, back } = ps.flows.start(interaction)
  return ps.pending.defer({
    owner: caller.agent,
    requirement: 'interaction',
    after: back,
    redirect: link,
    finish: async () => {
      const error = await back
      if (error !== undefined) return error
      const decision = await decide(question)
      if (typeof decision === 'boolean') return decision ? grant() : denied
      // The person is here already: no second visit is waited for.
      if (decision.after !== 'visit') await decision.after
      return decision.decision ? grant() : denied
    },
  })
}

async function decide({ consent, request }: Question): Promise<Decision> {
  try {
    return await consent(request)
  } catch {
    return false
  }
}
