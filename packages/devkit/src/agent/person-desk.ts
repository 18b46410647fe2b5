import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isEndpoint } from '../checks/identifiers.js'
import { type Checker, checkAuthToken, checkChallenge, checkPersonToken } from './checks.js'
import type { Journey } from './journey.js'
import { poll } from './poll.js'
import type { HeldToken } from './wallet.js'

/** A person token for a resource, from the agent's own person server (AAuth 7.1). */
export async function fetchPersonToken(journey: Journey, resource: string): Promise<HeldToken> {
  const { mission, capabilities = ['interaction'] } = journey.agent.options
  const answer = await ask(journey, 'person_token_endpoint', {
    resource,
    capabilities,
    ...(mission === undefined ? {} : { mission_s256: mission }),
  })
  const token = await checkPersonToken(answer['person_token'], resource, checker(journey))
  if (token instanceof Fault) throw journey.bad('bad_person_token', token)
  return token
}

/** Takes a resource's challenge to the person server and comes back with an auth token (AAuth 7.2). */
export async function fetchAuthToken(
  journey: Journey,
  challenge: { readonly resourceToken: string; readonly presented: HeldToken; readonly resource: string },
): Promise<HeldToken> {
  const { resourceToken, presented, resource } = challenge
  const checked = await checkChallenge(resourceToken, presented, resource, checker(journey))
  if (checked instanceof Fault) throw journey.bad('bad_resource_token', checked)
  const { justification, capabilities = ['interaction'] } = journey.agent.options
  const hint = checked.claims['login_hint']
  const answer = await ask(journey, 'auth_token_endpoint', {
    resource_token: resourceToken,
    presented_token: presented.jwt,
    capabilities,
    ...(justification === undefined ? {} : { justification }),
    ...(hint === undefined ? {} : { login_hint: hint }),
  })
  const token = await checkAuthToken(answer['auth_token'], checked, checker(journey))
  if (token instanceof Fault) throw journey.bad('bad_auth_token', token)
  return token
}

function checker(journey: Journey): Checker {
  const { agent } = journey
  return { directory: agent.directory, jkt: agent.key.jkt, ps: personServer(journey), now: agent.env.now() }
}

function personServer(journey: Journey): string {
  const ps = journey.agent.person?.ps
  if (ps === undefined)
    throw journey.gaveUp('no_person', 'a person is required and this agent acts for nobody')
  return ps
}

async function ask(journey: Journey, endpoint: string, body: JsonObject): Promise<JsonObject> {
  const metadata = await journey.agent.directory.metadata(personServer(journey), 'aauth-person.json')
  if (metadata instanceof Fault) throw journey.bad('unreachable', metadata)
  const url = metadata[endpoint]
  if (!isEndpoint(url)) throw journey.gaveUp('unreachable', `the person server has no usable ${endpoint}`)
  const { jwt: token } = await journey.agent.agentToken()
  const headers = { 'Content-Type': 'application/json', Prefer: 'wait=45' }
  let response = await journey.step({ method: 'POST', url, headers, body: JSON.stringify(body) }, { token })
  if (response.status === 202) response = await poll(journey, response, async () => token)
  if (response.status !== 200) throw await journey.refused(response)
  const answer: unknown = await response.json().catch(() => undefined)
  if (!isObject(answer))
    throw journey.gaveUp('unreachable', 'the person server sent no JSON object', response)
  return answer
}
