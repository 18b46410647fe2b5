import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isEndpoint } from '../checks/identifiers.js'
import { scopes } from '../checks/resource-token.js'
import { confirmationThumbprint, isFor, verifyToken } from '../checks/tokens.js'
import { faultAnswer } from '../server/body.js'
import { type Answer, json, problem } from '../wire/answers.js'
import type { PersonServerContext } from './context.js'
import type { TokenOrder } from './order.js'
import { issuedTo } from './party.js'

/** Limit on the polls of a slow access server, each a long poll. */
const maxPolls = 20

const unreachable = (detail: string) => new Fault('as_unreachable', detail, 502)

/** Four-party: the access server decides; its token is checked before it is passed on (AAuth 9.1). */
export async function federate(
  ps: PersonServerContext,
  order: TokenOrder,
  accessServer: string,
  expiresAt: number,
): Promise<Answer> {
  const metadata = await ps.server.directory.metadata(accessServer, 'aauth-access.json')
  if (metadata instanceof Fault) return faultAnswer(unreachable(metadata.detail))
  const endpoint = metadata['auth_token_endpoint']
  if (!isEndpoint(endpoint)) return faultAnswer(unreachable('its metadata names no auth_token_endpoint'))
  const { caller, holder, upstream } = order.party
  ps.noteAccessServer(accessServer, order.resourceToken.claims['iss'] as string)
  let response: Response
  try {
    response = await settle(
      ps,
      await ps.server.post(endpoint, {
        resource_token: order.resourceToken.jwt,
        agent_token: caller.token.jwt,
        presented_token: order.presentedToken.jwt,
        ...(holder === caller ? {} : { subagent_token: holder.token.jwt }),
        ...(upstream === undefined ? {} : { upstream_token: upstream.jwt }),
      }),
    )
  } catch (error) {
    return faultAnswer(unreachable(error instanceof Error ? error.message : String(error)))
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (!isObject(body)) return faultAnswer(unreachable(`it answered ${response.status} without JSON`))
  if (response.status !== 200) return relay(response.status, body)
  return deliver(ps, order, accessServer, expiresAt, body)
}

async function settle(ps: PersonServerContext, first: Response): Promise<Response> {
  let response = first
  for (let polls = 0; response.status === 202 && polls < maxPolls; polls++) {
    const location = first.headers.get('location')
    if (location === null) throw new Error('202 without Location')
    const url = new URL(location, first.url).href
    response = await ps.server.request({ url, headers: { Prefer: 'wait=45' } })
  }
  return response
}

// A well-formed error of the access server reaches the agent with its own code and status.
function relay(status: number, body: JsonObject): Answer {
  const { error, detail } = body as { error?: unknown; detail?: unknown }
  const wellFormed = status >= 400 && status < 500 && status !== 401 && typeof error === 'string'
  if (!wellFormed) return faultAnswer(unreachable(`it answered ${status}`))
  return problem(status, error, typeof detail === 'string' ? detail : undefined)
}

/** The delivery checks of 9.1.3. */
async function deliver(
  ps: PersonServerContext,
  order: TokenOrder,
  issuer: string,
  expiresAt: number,
  body: JsonObject,
): Promise<Answer> {
  const jwt = body['auth_token']
  if (typeof jwt !== 'string') return faultAnswer(unreachable('it sent no auth_token'))
  const now = ps.server.env.now()
  const token = await verifyToken(jwt, ['aa-auth+jwt'], ps.server.directory, now)
  if (token instanceof Fault) return faultAnswer(unreachable(token.detail))
  const { claims } = token
  const wanted = order.resourceToken.claims
  const allowed = new Set(scopes(wanted['scope']))
  const wrong =
    (claims['iss'] !== issuer && 'iss') ||
    (!isFor(claims, wanted['iss']) && 'aud') ||
    (claims['ps'] !== ps.id && 'ps') ||
    (claims['sub'] !== wanted['sub'] && 'sub') ||
    ((await confirmationThumbprint(claims)) !== order.party.holder.jkt && 'cnf') ||
    (!scopes(claims['scope']).every((scope) => allowed.has(scope)) && 'scope') ||
    ((claims['exp'] as number) > expiresAt && 'exp')
  if (wrong !== false) return faultAnswer(unreachable(`its token has a wrong ${wrong}`))
  const { iss, jti, exp, aud, sub } = claims as {
    iss: string
    jti: string
    exp: number
    aud: string
    sub: string
  }
  const person = order.party.person.name
  ps.noteDelivered({ typ: 'aa-auth+jwt', iss, jti, exp, aud, sub, person, ...issuedTo(order.party) })
  return json({ auth_token: jwt, expires_in: exp - now })
}
