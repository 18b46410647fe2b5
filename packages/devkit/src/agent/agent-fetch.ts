import { isObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { scopes } from '../checks/resource-token.js'
import { type Requirement, readRequirement, readSignatureError } from '../wire/answers.js'
import type { TownRequest } from '../wire/request.js'
import type { AgentContext } from './context.js'
import { poll } from './poll.js'
import { FetchSteps } from './steps.js'
import { fetchAuthToken, fetchPersonToken } from './token-requests.js'
import { type HeldToken, usable } from './wallet.js'

/** One `fetch` of an agent: from the first request to the resource's final answer. */
export class AgentFetch {
  readonly #agent: AgentContext
  readonly #request: TownRequest
  /** The resource's identifier. */
  readonly #resource: string
  readonly #steps: FetchSteps
  /** The tokens fetched by this `fetch`: one that is refused although it is new would be refused again. */
  readonly #fresh = new Set<HeldToken>()
  #additional: readonly string[] = []
  #restarted = false
  #sessionBegun = false
  /** Where an answer that a session has begun is what was asked for. */
  #authorizationEndpoint: unknown

  constructor(agent: AgentContext, request: TownRequest) {
    this.#agent = agent
    this.#request = request
    this.#resource = new URL(request.url).origin
    this.#steps = new FetchSteps(agent)
  }

  async run(): Promise<Response> {
    await this.#readMetadata()
    let token = this.#heldAuthToken() ?? (await this.#agent.agentToken())
    for (;;) {
      const response = await this.#send(token)
      const next = await this.#next(response, token)
      if (next instanceof Response) return next
      token = next
    }
  }

  /** What a resource announces of its signatures and endpoints (11.2.4). That it publishes nothing is no obstacle. */
  async #readMetadata(): Promise<void> {
    const metadata = await this.#agent.directory.metadata(this.#resource, 'aauth-resource.json')
    if (metadata instanceof Fault) return
    this.#authorizationEndpoint = metadata['authorization_endpoint']
    const announced = metadata['additional_signature_components']
    if (Array.isArray(announced)) this.#additional = announced.filter((name) => typeof name === 'string')
  }

  async #send(token: HeldToken): Promise<Response> {
    const { capabilities = ['interaction'] } = this.#agent.options
    const session = this.#agent.wallet.sessions.get(this.#resource)
    const headers: [string, string][] = [...((this.#request.headers ?? []) as readonly [string, string][])]
    if (capabilities.length > 0) headers.push(['AAuth-Capabilities', capabilities.join(', ')])
    if (session !== undefined) headers.push(['Authorization', `AAuth ${session}`])
    const response = await this.#steps.send(
      { ...this.#request, headers },
      { token: token.jwt, additional: this.#additional },
    )
    return this.#noteSession(response)
  }

  // a new session replaces the old one at once, whatever response it comes with.
  #noteSession(response: Response): Response {
    const session = response.headers.get('aauth-access')
    if (session !== null) this.#agent.wallet.sessions.set(this.#resource, session)
    return response
  }

  /** The final response, or the token for the next request. */
  async #next(response: Response, token: HeldToken): Promise<Response | HeldToken> {
    const requirement = readRequirement(response)
    if (response.status === 202) return this.#follow(response, token)
    if (response.status === 403) this.#checkDenial(response)
    if (response.status !== 401) return response
    const error = readSignatureError(response)
    const missing = error?.requiredInput?.filter((name) => !this.#additional.includes(name)) ?? []
    if (error?.error === 'invalid_input' && missing.length > 0) {
      this.#additional = [...this.#additional, ...missing]
      return token
    }
    if (error !== undefined) return this.#refusedToken(response, token, requirement)
    if (requirement === undefined) return response
    return this.#meet(response, requirement, token)
  }

  #checkDenial(response: Response): void {
    const stray = ['signature-error', 'accept-signature-scheme', 'accept-signature-alg'].find((name) =>
      response.headers.has(name),
    )
    if (stray !== undefined) throw this.#steps.gaveUp('bad_answer', `a 403 carries ${stray}`, response)
  }

  // A token from the wallet that is refused is dropped, and the fetch starts again, once. The refusal of a new one is
  // returned to the caller.
  async #refusedToken(
    response: Response,
    token: HeldToken,
    requirement: Requirement | undefined,
  ): Promise<Response | HeldToken> {
    if (this.#fresh.has(token) || this.#restarted) return response
    this.#restarted = true
    const { wallet } = this.#agent
    if (token.kind === 'auth') wallet.authTokens.delete(this.#resource)
    else if (token.kind === 'person') wallet.personTokens.delete(this.#resource)
    else wallet.agentToken = undefined
    if (requirement?.name === 'person-token') return this.#personToken()
    const agentToken = await this.#agent.agentToken()
    if (token.kind === 'agent') this.#fresh.add(agentToken)
    return agentToken
  }

  async #meet(response: Response, requirement: Requirement, token: HeldToken): Promise<HeldToken> {
    switch (requirement.name) {
      case 'agent-token':
        if (token.kind === 'agent') throw this.#circular(requirement, response)
        return this.#agent.agentToken()
      case 'person-token':
        if (token.kind === 'person' && this.#fresh.has(token)) throw this.#circular(requirement, response)
        if (token.kind === 'person') this.#agent.wallet.personTokens.delete(this.#resource)
        return this.#personToken()
      case 'auth-token':
        return this.#authToken(response, requirement, token)
      default:
        throw this.#steps.gaveUp('unknown_requirement', requirement.name, response)
    }
  }

  async #personToken(): Promise<HeldToken> {
    const { personTokens } = this.#agent.wallet
    const held = usable(personTokens.get(this.#resource), this.#agent.env.now())
    if (held !== undefined) return held
    const token = await fetchPersonToken(this.#steps, this.#resource)
    personTokens.set(this.#resource, token)
    this.#fresh.add(token)
    return token
  }

  #heldAuthToken(): HeldToken | undefined {
    return usable(this.#agent.wallet.authTokens.get(this.#resource), this.#agent.env.now())
  }

  async #authToken(response: Response, requirement: Requirement, presented: HeldToken): Promise<HeldToken> {
    const resourceToken = requirement.parameters['resource-token']
    if (resourceToken === undefined || presented.kind === 'agent') {
      const why = resourceToken === undefined ? 'it has no resource-token' : 'no person was presented yet'
      throw this.#steps.gaveUp('bad_challenge', `auth-token is required, but ${why}`, response)
    }
    const { authTokens } = this.#agent.wallet
    const challenge = { resourceToken, presented, resource: this.#resource }
    const token = await fetchAuthToken(this.#steps, challenge)
    // A step-up that would bring nothing new would be asked for again.
    if (this.#fresh.has(presented) && presented.kind === 'auth' && covers(presented, token)) {
      throw this.#circular(requirement, response)
    }
    authTokens.set(this.#resource, token)
    this.#fresh.add(token)
    return token
  }

  /**
   * A `202`: wait for the person, or bring the auth token to the held invocation. Where that began a session, nothing of
   * the request was carried out: the token for sending it again, with the session, is what comes of it.
   */
  async #follow(first: Response, token: HeldToken): Promise<Response | HeldToken> {
    let current = token
    const exchanged = new Set<string>()
    const answer = await poll(this.#steps, first, async (response) => {
      const requirement = readRequirement(response)
      const resourceToken = requirement?.parameters['resource-token']
      // A resource token that comes anew says that what was brought was not enough; the same again says nothing.
      const isNew = resourceToken === undefined ? current.kind !== 'auth' : !exchanged.has(resourceToken)
      if (requirement?.name === 'auth-token' && isNew) {
        current = await this.#authToken(response, requirement, current)
        if (resourceToken !== undefined) exchanged.add(resourceToken)
      }
      return current.jwt
    })
    if (answer.status >= 400) throw await this.#steps.refused(answer)
    this.#noteSession(answer)
    if (this.#request.url === this.#authorizationEndpoint || !(await hasBegunSession(answer))) return answer
    if (this.#sessionBegun) {
      throw this.#steps.gaveUp('no_progress', 'a session was begun, and another is required', answer)
    }
    this.#sessionBegun = true
    return current
  }

  #circular(requirement: Requirement, response: Response) {
    return this.#steps.gaveUp(
      'no_progress',
      `${requirement.name} was brought and is required again`,
      response,
    )
  }
}

/**
 * Whether the last answer of a wait says that a session has begun (AAuth 6.2), and is not the answer of a held call that
 * came with a new session token (AAuth 6.3): sending that again would carry it out twice.
 */
async function hasBegunSession(answer: Response): Promise<boolean> {
  if (answer.status !== 200 || !answer.headers.has('aauth-access')) return false
  const body: unknown = await answer
    .clone()
    .json()
    .catch(() => undefined)
  return isObject(body) && body['status'] === 'authorized'
}

function covers(held: HeldToken, wanted: HeldToken): boolean {
  if (held.claims['account'] !== wanted.claims['account']) return false
  const has = new Set(scopes(held.claims['scope']))
  return scopes(wanted.claims['scope']).every((scope) => has.has(scope))
}
