import { authenticateAgent, type CallingAgent } from '../checks/authenticate.js'
import type { JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isServerId } from '../checks/identifiers.js'
import { faultAnswer, readJson } from '../server/body.js'
import { earliestEnd, lapseOf } from '../server/lapse.js'
import { type Answer, json } from '../wire/answers.js'
import type { Handler } from '../wire/server.js'
import { withConsent } from './consent.js'
import type { PersonServerContext } from './context.js'
import { askerOf, groundsOf, issuedTo, type Party, readParty } from './party.js'
import { memberFault } from './request-members.js'

/** `person_token_endpoint` (AAuth 7.1). */
export function personTokenEndpoint(ps: PersonServerContext): Handler {
  return async (request) => {
    const caller = await authenticateAgent(request, ps.server)
    if ('status' in caller) return caller
    const body = readJson(request)
    if (body instanceof Fault) return faultAnswer(body)
    const order = await readOrder(ps, caller, body)
    return order instanceof Fault ? faultAnswer(order) : serve(ps, order, body)
  }
}

interface Order {
  readonly party: Party
  readonly resource: string
  readonly mission: string | undefined
  readonly missionEnd: number | undefined
}

async function readOrder(
  ps: PersonServerContext,
  caller: CallingAgent,
  body: JsonObject,
): Promise<Order | Fault> {
  const malformed = memberFault(body)
  if (malformed !== undefined) return malformed
  const party = await readParty(ps, caller, body)
  if (party instanceof Fault) return party
  const { resource, mission_s256: named } = body as { resource?: unknown; mission_s256?: unknown }
  if (!isServerId(resource)) return new Fault('invalid_request', 'resource is not a server identifier')
  if (party.upstream !== undefined && named !== undefined) {
    return new Fault(
      'invalid_request',
      'the mission rides in the upstream token; mission_s256 has no place beside it',
    )
  }
  const mission = party.upstream === undefined ? named : party.upstream.claims['mission_s256']
  if (mission === undefined) return { party, resource, mission: undefined, missionEnd: undefined }
  const known = ps.missionOf(mission)
  // An intermediary acts within the mission of the agent that called it.
  if (party.upstream === undefined && known?.agent !== caller.agent)
    return new Fault('invalid_request', 'mission_s256 is no mission of this agent')
  if (known === undefined || isOver(known.expiresAt, ps.server.env.now()))
    return new Fault('mission_terminated', 'the mission is over', 403)
  return { party, resource, mission: mission as string, missionEnd: known.expiresAt }
}

/** Whether a mission has ended. */
export function isOver(end: number | undefined, now: number): boolean {
  return end !== undefined && end <= now
}

function serve(ps: PersonServerContext, order: Order, body: JsonObject): Promise<Answer> {
  const { party, resource, mission } = order
  const grant = () => issue(ps, order)
  if (ps.isIntroduced(party.person, party.holder.agent, resource)) return grant()
  const loginHint = body['login_hint'] as string | undefined
  const asker = askerOf(ps, party)
  const request = { kind: 'introduction' as const, ...asker, resource, scope: [], mission, loginHint }
  const { introduction: consent } = party.person
  const question = { consent, request, capabilities: body['capabilities'], grounds: groundsOf(party) }
  return withConsent(ps, party.caller, question, grant)
}

async function issue(ps: PersonServerContext, order: Order): Promise<Answer> {
  const { party, resource, mission } = order
  const grounds = groundsOf(party)
  const lapsed = lapseOf(ps.server, grounds)
  if (lapsed !== undefined) return faultAnswer(lapsed)
  const now = ps.server.env.now()
  const expiresAt = Math.min(now + 3600, earliestEnd(grounds), order.missionEnd ?? Number.POSITIVE_INFINITY)
  ps.introduce(party.person, party.holder.agent, resource)
  const personToken = await ps.mintPersonToken({
    person: party.person,
    resource,
    cnf: party.holder.jwk,
    ...issuedTo(party),
    mission,
    expiresAt,
  })
  return json({ person_token: personToken, expires_in: expiresAt - now })
}
