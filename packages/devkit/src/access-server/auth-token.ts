import { authenticateServer } from '../checks/authenticate.js'
import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { checkPresentedToken, checkResourceToken, scopes } from '../checks/resource-token.js'
import { checkSubAgentToken } from '../checks/subagent-token.js'
import { confirmationThumbprint, nameOf, type VerifiedToken, verifyToken } from '../checks/tokens.js'
import { checkUpstreamToken } from '../checks/upstream-token.js'
import { faultAnswer, readJson } from '../server/body.js'
import { earliestEnd, type Ground, lapseOf } from '../server/lapse.js'
import { type Answer, json, problem } from '../wire/answers.js'
import type { Handler } from '../wire/server.js'
import type { AccessServerContext } from './context.js'
import type { AccessDecision, AccessRequest } from './decision.js'

interface AccessOrder {
  readonly ps: string
  readonly agentToken: VerifiedToken
  /** The token with the key that the auth token will be bound to: the agent's, or a sub-agent's. */
  readonly holder: VerifiedToken
  readonly upstream: VerifiedToken | undefined
  readonly resourceToken: VerifiedToken
  readonly presentedToken: VerifiedToken
}

/** `auth_token_endpoint` of an access server (AAuth 9.1), for person servers only. */
export function accessTokenEndpoint(as: AccessServerContext): Handler {
  return async (request) => {
    const caller = await authenticateServer(request, as.server, ['aauth-person.json'])
    if ('status' in caller) return caller
    const body = readJson(request)
    if (body instanceof Fault) return faultAnswer(body)
    const order = await readOrder(as, caller.id, body)
    return order instanceof Fault ? faultAnswer(order) : decide(as, order)
  }
}

async function readOrder(
  as: AccessServerContext,
  ps: string,
  body: JsonObject,
): Promise<AccessOrder | Fault> {
  const { resource_token: rt, agent_token: at, presented_token: presented } = body as Record<string, unknown>
  if (typeof rt !== 'string' || typeof at !== 'string' || typeof presented !== 'string') {
    return new Fault('invalid_request', 'resource_token, agent_token and presented_token are required')
  }
  const { subagent_token: subAgent, upstream_token: upstreamToken } = body as Record<string, unknown>
  for (const member of [subAgent, upstreamToken])
    if (member !== undefined && typeof member !== 'string')
      return new Fault('invalid_request', 'subagent_token and upstream_token are strings')
  const { server } = as
  // The draft gives no code for a bad agent_token; that agent_jkt is its key is what -12 is to spell out.
  const agentToken = await verifyToken(at, ['aa-agent+jwt'], server.directory, server.env.now())
  if (agentToken instanceof Fault) return new Fault('invalid_request', `agent_token: ${agentToken.detail}`)
  const known = {
    env: server.env,
    directory: server.directory,
    ps,
    isRevoked: (iss: unknown, jti: unknown) => server.isRevoked(iss, jti),
  }
  const helper =
    typeof subAgent === 'string' ? await checkSubAgentToken(subAgent, agentToken, known) : undefined
  if (helper instanceof Fault) return helper
  const holder = helper?.token ?? agentToken
  const jkt = await confirmationThumbprint(holder.claims)
  if (jkt === undefined) return new Fault('invalid_request', 'agent_token has no usable cnf')
  const context = { ...known, jkt }
  const resourceToken = await checkResourceToken(rt, context)
  if (resourceToken instanceof Fault) return resourceToken
  if (resourceToken.claims['aud'] !== as.id) {
    return new Fault('invalid_resource_token', 'aud is another access server')
  }
  const presentedToken = await checkPresentedToken(presented, resourceToken, context)
  if (presentedToken instanceof Fault) return presentedToken
  const upstream =
    typeof upstreamToken === 'string'
      ? await checkUpstreamToken(upstreamToken, { ...known, intermediary: agentToken.claims['iss'] })
      : undefined
  if (upstream instanceof Fault) return upstream
  return { ps, agentToken, holder, upstream, resourceToken, presentedToken }
}

async function decide(as: AccessServerContext, order: AccessOrder): Promise<Answer> {
  const { claims } = order.resourceToken
  const ask: AccessRequest = {
    resource: claims['iss'] as string,
    ps: order.ps,
    sub: claims['sub'] as string,
    agent: order.agentToken.claims['sub'] as string,
    subAgent: subAgentOf(order),
    intermediary: order.upstream === undefined ? undefined : (order.agentToken.claims['iss'] as string),
    scope: scopes(claims['scope']),
    account: claims['account'] as string | undefined,
    tenant: claims['tenant'] as string | undefined,
  }
  const decision = await ruling(as, ask)
  const {
    decision: granted,
    scope = ask.scope,
    after,
  } = typeof decision === 'boolean' ? { decision } : decision
  const finish = async () =>
    granted ? issue(as, order, scope) : problem(403, 'denied', 'the access server’s policy said no')
  return after === undefined
    ? finish()
    : as.pending.defer({
        owner: order.ps,
        requirement: 'approval',
        after,
        finish,
        over: () => {
          const lapsed = lapseOf(as.server, groundsOf(order))
          return lapsed === undefined ? undefined : faultAnswer(lapsed)
        },
      })
}

function groundsOf({ agentToken, holder, upstream, presentedToken }: AccessOrder): readonly Ground[] {
  return [
    ...(upstream === undefined ? [] : [['upstream token', upstream] as const]),
    ['agent token', agentToken],
    ...(holder === agentToken ? [] : [['sub-agent token', holder] as const]),
    ['presented token', presentedToken],
  ]
}

function subAgentOf({ agentToken, holder }: AccessOrder): string | undefined {
  return holder === agentToken ? undefined : (holder.claims['sub'] as string)
}

async function ruling(
  as: AccessServerContext,
  ask: AccessRequest,
): Promise<
  | Extract<AccessDecision, boolean>
  | { decision: boolean; scope?: readonly string[]; after?: PromiseLike<unknown> }
> {
  try {
    return await as.policy(ask)
  } catch {
    return false
  }
}

async function issue(as: AccessServerContext, order: AccessOrder, scope: readonly string[]): Promise<Answer> {
  const now = as.server.env.now()
  const { claims } = order.resourceToken
  const grounds = groundsOf(order)
  const lapsed = lapseOf(as.server, grounds)
  if (lapsed !== undefined) return faultAnswer(lapsed)
  const expiresAt = Math.min(now + 3600, earliestEnd(grounds))
  const cnf = order.holder.claims['cnf']
  const allowed = new Set(scopes(claims['scope']))
  const authToken = await as.mintAuthToken({
    resource: claims['iss'] as string,
    ps: order.ps,
    sub: claims['sub'] as string,
    cnf: (isObject(cnf) ? cnf['jwk'] : {}) as JsonObject,
    scope: scope.filter((value) => allowed.has(value)).join(' '),
    account: claims['account'] as string | undefined,
    mission: claims['mission_s256'] as string | undefined,
    tenant: claims['tenant'] as string | undefined,
    presentedJti: order.presentedToken.claims['jti'] as string,
    agent: order.agentToken.claims['sub'] as string,
    subAgent: subAgentOf(order),
    upstream: order.upstream === undefined ? undefined : nameOf(order.upstream),
    expiresAt,
  })
  return json({ auth_token: authToken, expires_in: expiresAt - now })
}
