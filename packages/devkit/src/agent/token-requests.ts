import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { isEndpoint } from '../checks/identifiers.js'
import { type Checker, checkAuthToken, checkChallenge, checkPersonToken } from './checks.js'
import { poll } from './poll.js'
import type { FetchSteps } from './steps.js'
import type { HeldToken } from './wallet.js'

/** Requests a person token for a resource from the agent's person server (AAuth 7.1). */
export async function fetchPersonToken(steps: FetchSteps, resource: string): Promise<HeldToken> {
  const { mission, capabilities = ['interaction'] } = steps.agent.options
  const answer = await ask(steps, 'person_token_endpoint', {
    resource,
    capabilities,
    ...(mission === undefined ? {} : { mission_s256: mission }),
  })
  const token = await checkPersonToken(answer['person_token'], resource, checker(steps))
  if (token instanceof Fault) throw steps.bad('bad_person_token', token)
  return token
}

/** Requests an auth token from the person server with the resource token of a challenge (AAuth 7.2). */
export async function fetchAuthToken(
  steps: FetchSteps,
  challenge: { readonly resourceToken: string; readonly presented: HeldToken; readonly resource: string },
): Promise<HeldToken> {
  const { resourceToken, presented, resource } = challenge
  const checked = await checkChallenge(resourceToken, presented, resource, checker(steps))
  if (checked instanceof Fault) throw steps.bad('bad_resource_token', checked)
  const { justification, capabilities = ['interaction'] } = steps.agent.options
  const hint = checked.claims['login_hint']
  const answer = await ask(steps, 'auth_token_endpoint', {
    resource_token: resourceToken,
    presented_token: presented.jwt,
    capabilities,
    ...(justification === undefined ? {} : { justification }),
    ...(hint === undefined ? {} : { login_hint: hint }),
  })
  const token = await checkAuthToken(answer['auth_token'], checked, checker(steps))
  if (token instanceof Fault) throw steps.bad('bad_auth_token', token)
  return token
}

function checker(steps: FetchSteps): Checker {
  const { agent } = steps
  return { directory: agent.directory, jkt: agent.key.jkt, ps: personServer(steps), now: agent.env.now() }
}

function personServer(steps: FetchSteps): string {
  const ps = steps.agent.person?.ps
  if (ps === undefined) throw steps.gaveUp('no_person', 'a person is required and this agent acts for nobody')
  return ps
}

async function ask(steps: FetchSteps, endpoint: string, body: JsonObject): Promise<JsonObject> {
  const metadata = await steps.agent.directory.metadata(personServer(steps), 'aauth-person.json')
  if (metadata instanceof Fault) throw steps.bad('unreachable', metadata)
  const url = metadata[endpoint]
  if (!isEndpoint(url)) throw steps.gaveUp('unreachable', `the person server has no usable ${endpoint}`)
  const { jwt: token } = await steps.agent.agentToken()
  const headers = { 'Content-Type': 'application/json', Prefer: 'wait=45' }
  let response = await steps.send({ method: 'POST', url, headers, body: JSON.stringify(body) }, { token })
  if (response.status === 202) response = await poll(steps, response, async () => token)
  if (response.status !== 200) throw await steps.refused(response)
  const answer: unknown = await response.json().catch(() => undefined)
  if (!isObject(answer)) throw steps.gaveUp('unreachable', 'the person server sent no JSON object', response)
  return answer
}
