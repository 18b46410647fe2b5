import type { CallingAgent } from '../checks/authenticate.js'
import { type Answer, problem } from '../wire/answers.js'
import type { Consent, ConsentRequest, Decision } from './person.js'
import type { PersonServer } from './person-server.js'

/**
 * Asks a person and goes on as they decide: `grant` now, `403 denied` now, or `202` and either of the two later.
 *
 * @param capabilities what the agent declared; a person who must open a page cannot be reached without `interaction`
 */
export async function withConsent(
  ps: PersonServer,
  caller: CallingAgent,
  ask: { readonly consent: Consent; readonly request: ConsentRequest; readonly capabilities: unknown },
  grant: () => Promise<Answer>,
): Promise<Answer> {
  const decision = await decide(ask.consent, ask.request)
  const denied = problem(403, 'denied', 'the person said no')
  if (typeof decision === 'boolean') return decision ? grant() : denied
  const reachable = Array.isArray(ask.capabilities) && ask.capabilities.includes('interaction')
  if (!reachable && decision.after === 'visit') {
    return problem(403, 'user_unreachable', 'the person has to open a page, and interaction was not declared')
  }
  return ps.pending.defer({
    owner: caller.agent,
    requirement: reachable ? 'interaction' : 'approval',
    after: decision.after,
    finish: async () => (decision.decision ? grant() : denied),
  })
}

async function decide(consent: Consent, request: ConsentRequest): Promise<Decision> {
  try {
    return await consent(request)
  } catch {
    return false
  }
}
