import { authenticateAgent, type CallingAgent } from '../checks/authenticate.js'
import type { JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { checkPresentedToken, checkResourceToken, scopes } from '../checks/resource-token.js'
import { faultAnswer, readJson } from '../server/body.js'
import { earliestEnd, type Ground, lapseOf, untilLapse } from '../server/lapse.js'
import { type Answer, json } from '../wire/answers.js'
import type { Handler } from '../wire/server.js'
import { withConsent } from './consent.js'
import type { PersonServerContext } from './context.js'
import { federate } from './federation.js'
import type { TokenOrder } from './order.js'
import { askerOf, groundsOf, issuedTo, readParty } from './party.js'
import { releasedClaims } from './person.js'
import { isOver } from './person-token.js'
import { memberFault } from './request-members.js'
import { readInteraction } from './resource-flow.js'

/** `auth_token_endpoint` (AAuth 7.2, in the order of 6.7.2). */
export function authTokenEndpoint(ps: PersonServerContext): Handler {
  return async (incoming) => {
    const caller = await authenticateAgent(incoming, ps.server)
    if ('status' in caller) return caller
    const body = readJson(incoming)
    if (body instanceof Fault) return faultAnswer(body)
    const order = await readOrder(ps, caller, body)
    if (order instanceof Fault) return faultAnswer(order)
    const { claims } = order.resourceToken
    const interaction = readInteraction(claims, ps.server.env.strict)
    if (interaction instanceof Fault) return faultAnswer(interaction)
    const request = {
      kind: 'authorization' as const,
      ...askerOf(ps, order.party),
      resource: claims['iss'] as string,
      scope: scopes(claims['scope']),
      account: claims['account'] as string | undefined,
      mission: claims['mission_s256'] as string | undefined,
      justification: body['justification'] as string | undefined,
      loginHint: (claims['login_hint'] ?? body['login_hint']) as string | undefined,
    }
    const { consent } = order.party.person
    const capabilities = body['capabilities']
    const question = { consent, request, capabilities, resourceFlow: interaction, grounds: allGrounds(order) }
    return withConsent(ps, caller, question, () => issue(ps, order))
  }
}

async function readOrder(
  ps: PersonServerContext,
  caller: CallingAgent,
  body: JsonObject,
): Promise<TokenOrder | Fault> {
  const malformed = memberFault(body)
  if (malformed !== undefined) return malformed
  const party = await readParty(ps, caller, body)
  if (party instanceof Fault) return party
  const { resource_token: rt, presented_token: presented } = body as Record<string, unknown>
  if (typeof rt !== 'string' || typeof presented !== 'string') {
    return new Fault('invalid_request', 'resource_token and presented_token are required')
  }
  const { server } = ps
  const context = {
    env: server.env,
    directory: server.directory,
    ps: ps.id,
    jkt: party.holder.jkt,
    isRevoked: (iss: unknown, jti: unknown) => server.isRevoked(iss, jti),
  }
  const resourceToken = await checkResourceToken(rt, context)
  if (resourceToken instanceof Fault) return resourceToken
  const presentedToken = await checkPresentedToken(presented, resourceToken, context)
  if (presentedToken instanceof Fault) return presentedToken
  const order = { party, resourceToken, presentedToken }
  return (
    personFault(ps, order) ??
    (await scopeFault(ps, resourceToken.claims)) ??
    hintFault(resourceToken.claims, body) ??
    missionFault(ps, order) ??
    order
  )
}

/**
 * The presented token must be of the person that is acted for, with the subject for this resource: an intermediary
 * that passes a subject on, or mixes the requests of two people, gets nothing (10.1.1.2). The same applies to its
 * mission.
 */
function personFault(ps: PersonServerContext, { party, presentedToken }: TokenOrder): Fault | undefined {
  const { sub, mission_s256: mission } = presentedToken.claims
  const resource = [presentedToken.claims['aud']].flat()[0] as string
  if (sub !== ps.subjectOf(party.person, resource))
    return new Fault('invalid_presented_token', 'sub is not the person that is acted for')
  return party.upstream === undefined || party.upstream.claims['mission_s256'] === mission
    ? undefined
    : new Fault('invalid_presented_token', 'mission_s256 differs from the upstream token')
}

/** A scope is the resource's own (`scope_descriptions`) or an identity scope of this server (11.10). */
async function scopeFault(ps: PersonServerContext, claims: JsonObject): Promise<Fault | undefined> {
  const metadata = await ps.server.directory.metadata(claims['iss'] as string, 'aauth-resource.json')
  if (metadata instanceof Fault) return new Fault('invalid_resource_token', metadata.detail)
  const described = (metadata['scope_descriptions'] ?? {}) as JsonObject
  const unknown = scopes(claims['scope']).find(
    (scope) => !Object.hasOwn(described, scope) && ps.scopesSupported?.includes(scope) !== true,
  )
  return unknown === undefined
    ? undefined
    : new Fault('invalid_resource_token', `scope ${unknown} is described by nobody`)
}

function hintFault(claims: JsonObject, body: JsonObject): Fault | undefined {
  const hint = claims['login_hint']
  return hint !== undefined && body['login_hint'] !== undefined && hint !== body['login_hint']
    ? new Fault('invalid_request', 'login_hint differs from the resource token')
    : undefined
}

function missionFault(ps: PersonServerContext, order: TokenOrder): Fault | undefined {
  const mission = order.resourceToken.claims['mission_s256']
  if (mission === undefined) return undefined
  const known = ps.missionOf(mission)
  const own = order.party.upstream !== undefined || known?.agent === order.party.caller.agent
  return known === undefined || !own || isOver(known.expiresAt, ps.server.env.now())
    ? new Fault('mission_terminated', 'the mission is over', 403)
    : undefined
}

function allGrounds(order: TokenOrder): readonly Ground[] {
  return [...groundsOf(order.party), ['presented token', order.presentedToken]]
}

/** The person has agreed, perhaps long after the request: its conditions must still hold now. */
async function issue(ps: PersonServerContext, order: TokenOrder): Promise<Answer> {
  const { server } = ps
  const { claims } = order.resourceToken
  if (server.isRevoked(claims['iss'], claims['jti']))
    return faultAnswer(new Fault('revoked', 'resource token', 403))
  const grounds = allGrounds(order)
  const lapse = () => lapseOf(server, grounds) ?? missionFault(ps, order)
  const lapsed = lapse()
  if (lapsed !== undefined) return faultAnswer(lapsed)
  const now = server.env.now()
  const missionEnd = ps.missionOf(claims['mission_s256'])?.expiresAt ?? Number.POSITIVE_INFINITY
  const expiresAt = Math.min(now + 3600, earliestEnd(grounds), missionEnd)
  if (claims['aud'] !== ps.id) {
    const federated = await untilLapse(federate(ps, order, claims['aud'] as string, expiresAt), lapse)
    const late = federated instanceof Fault ? federated : lapse()
    return late === undefined ? (federated as Answer) : faultAnswer(late)
  }
  const { party } = order
  const authToken = await ps.mintAuthToken({
    person: party.person,
    resource: claims['iss'] as string,
    cnf: party.holder.jwk,
    ...issuedTo(party),
    scope: claims['scope'] as string,
    account: claims['account'] as string | undefined,
    mission: claims['mission_s256'] as string | undefined,
    released: releasedClaims(party.person, scopes(claims['scope'])),
    expiresAt,
  })
  return json({ auth_token: authToken, expires_in: expiresAt - now })
}
