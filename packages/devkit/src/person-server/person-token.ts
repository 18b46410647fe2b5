import { authenticateAgent, type CallingAgent } from '../checks/authenticate.js'
import type { JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isServerId } from '../checks/identifiers.js'
import { faultAnswer, readJson } from '../server/body.js'
import { type Answer, json } from '../wire/answers.js'
import type { Handler } from '../wire/server.js'
import { withConsent } from './consent.js'
import type { PersonServerContext } from './context.js'
import type { Person } from './person.js'
import { memberFault } from './request-members.js'

/** `person_token_endpoint` (AAuth 7.1). */
export function personTokenEndpoint(ps: PersonServerContext): Handler {
  return async (request) => {
    const caller = await authenticateAgent(request, ps.server)
    if ('status' in caller) return caller
    const body = readJson(request)
    if (body instanceof Fault) return faultAnswer(body)
    const order = readOrder(ps, caller, body)
    return order instanceof Fault ? faultAnswer(order) : serve(ps, caller, order, body)
  }
}

interface Order {
  readonly person: Person
  readonly resource: string
  readonly mission: string | undefined
  readonly missionEnd: number | undefined
}

/** Whom the caller acts for; sub-agents and strangers get nothing here (10.2.2). */
export function employer(ps: PersonServerContext, caller: CallingAgent): Person | Fault {
  ps.noteAgentToken(caller)
  if (caller.token.claims['parent_agent'] !== undefined) {
    return new Fault('invalid_request', 'a sub-agent asks through its parent')
  }
  return ps.employerOf(caller.agent) ?? new Fault('access_denied', 'nobody here employs this agent', 403)
}

function readOrder(ps: PersonServerContext, caller: CallingAgent, body: JsonObject): Order | Fault {
  const person = employer(ps, caller)
  if (person instanceof Fault) return person
  const { resource, mission_s256: mission } = body as { resource?: unknown; mission_s256?: unknown }
  if (!isServerId(resource)) return new Fault('invalid_request', 'resource is not a server identifier')
  const malformed = memberFault(body)
  if (malformed !== undefined) return malformed
  if (mission === undefined) return { person, resource, mission: undefined, missionEnd: undefined }
  const known = ps.missionOf(mission)
  if (known?.agent !== caller.agent)
    return new Fault('invalid_request', 'mission_s256 is no mission of this agent')
  if (isOver(known.expiresAt, ps.server.env.now()))
    return new Fault('mission_terminated', 'the mission is over', 403)
  return { person, resource, mission: mission as string, missionEnd: known.expiresAt }
}

/** Whether a mission's end has come. */
export function isOver(end: number | undefined, now: number): boolean {
  return end !== undefined && end <= now
}

function serve(
  ps: PersonServerContext,
  caller: CallingAgent,
  order: Order,
  body: JsonObject,
): Promise<Answer> {
  const grant = () => issue(ps, caller, order)
  if (ps.isIntroduced(caller.agent, order.resource)) return grant()
  const request = {
    kind: 'introduction' as const,
    agent: caller.agent,
    resource: order.resource,
    scope: [],
    mission: order.mission,
  }
  const { introduction: consent } = order.person
  return withConsent(ps, caller, { consent, request, capabilities: body['capabilities'] }, grant)
}

async function issue(ps: PersonServerContext, caller: CallingAgent, order: Order): Promise<Answer> {
  const now = ps.server.env.now()
  const expiresAt = Math.min(
    now + 3600,
    caller.token.claims['exp'] as number,
    order.missionEnd ?? Number.POSITIVE_INFINITY,
  )
  ps.introduce(caller.agent, order.resource)
  const personToken = await ps.mintPersonToken({
    person: order.person,
    resource: order.resource,
    cnf: caller.jwk,
    agent: caller.agent,
    mission: order.mission,
    expiresAt,
  })
  return json({ person_token: personToken, expires_in: expiresAt - now })
}
