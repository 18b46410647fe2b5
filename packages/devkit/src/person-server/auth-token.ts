import { authenticateAgent, type CallingAgent } from '../checks/authenticate.js'
import type { JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { checkPresentedToken, checkResourceToken, scopes } from '../checks/resource-token.js'
import { faultAnswer, readJson } from '../server/body.js'
import { type Answer, json } from '../wire/answers.js'
import type { Handler } from '../wire/server.js'
import { withConsent } from './consent.js'
import type { PersonServerContext } from './context.js'
import { federate } from './federation.js'
import type { TokenOrder } from './order.js'
import { releasedClaims } from './person.js'
import { employer, isOver } from './person-token.js'
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
    const interaction = readInteraction(claims)
    if (interaction instanceof Fault) return faultAnswer(interaction)
    const request = {
      kind: 'authorization' as const,
      agent: caller.agent,
      resource: claims['iss'] as string,
      scope: scopes(claims['scope']),
      account: claims['account'] as string | undefined,
      mission: claims['mission_s256'] as string | undefined,
      justification: body['justification'] as string | undefined,
    }
    const { consent } = order.person
    const capabilities = body['capabilities']
    return withConsent(ps, caller, { consent, request, capabilities, resourceFlow: interaction }, () =>
      issue(ps, order),
    )
  }
}

async function readOrder(
  ps: PersonServerContext,
  caller: CallingAgent,
  body: JsonObject,
): Promise<TokenOrder | Fault> {
  const person = employer(ps, caller)
  if (person instanceof Fault) return person
  const { resource_token: rt, presented_token: presented } = body as Record<string, unknown>
  if (typeof rt !== 'string' || typeof presented !== 'string') {
    return new Fault('invalid_request', 'resource_token and presented_token are required')
  }
  const malformed = memberFault(body)
  if (malformed !== undefined) return malformed
  const { server } = ps
  const context = {
    env: server.env,
    directory: server.directory,
    ps: ps.id,
    jkt: caller.jkt,
    isRevoked: (iss: unknown, jti: unknown) => server.isRevoked(iss, jti),
  }
  const resourceToken = await checkResourceToken(rt, context)
  if (resourceToken instanceof Fault) return resourceToken
  const presentedToken = await checkPresentedToken(presented, resourceToken, context)
  if (presentedToken instanceof Fault) return presentedToken
  const order = { caller, person, resourceToken, presentedToken }
  return (
    (await scopeFault(ps, resourceToken.claims)) ??
    hintFault(resourceToken.claims, body) ??
    missionFault(ps, order) ??
    order
  )
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
  return known?.agent !== order.caller.agent || isOver(known.expiresAt, ps.server.env.now())
    ? new Fault('mission_terminated', 'the mission is over', 403)
    : undefined
}

/** The person has agreed, perhaps long after the request: what was true then has to be true now. */
async function issue(ps: PersonServerContext, order: TokenOrder): Promise<Answer> {
  const { server } = ps
  const now = server.env.now()
  for (const [name, { claims }] of [
    ['resource token', order.resourceToken],
    ['presented token', order.presentedToken],
    ['agent token', order.caller.token],
  ] as const) {
    if (server.isRevoked(claims['iss'], claims['jti'])) return faultAnswer(new Fault('revoked', name, 403))
  }
  const expiresAt = Math.min(
    now + 3600,
    order.caller.token.claims['exp'] as number,
    order.presentedToken.claims['exp'] as number,
    ps.missionOf(order.resourceToken.claims['mission_s256'])?.expiresAt ?? Number.POSITIVE_INFINITY,
  )
  if (expiresAt <= now) return faultAnswer(new Fault('expired', 'the presented token has expired', 408))
  const { claims } = order.resourceToken
  if (claims['aud'] !== ps.id) return federate(ps, order, claims['aud'] as string)
  const authToken = await ps.mintAuthToken({
    person: order.person,
    resource: claims['iss'] as string,
    cnf: order.caller.jwk,
    agent: order.caller.agent,
    scope: claims['scope'] as string,
    account: claims['account'] as string | undefined,
    mission: claims['mission_s256'] as string | undefined,
    released: releasedClaims(order.person, scopes(claims['scope'])),
    expiresAt,
  })
  return json({ auth_token: authToken, expires_in: expiresAt - now })
}
