import { isServerIdentifier } from '@countersign/core/issuer'
import { Refusal } from '@countersign/core/signature'
import { abortable, discard, readContent } from './content.js'
import { type HeldToken, scopes, usable } from './held.js'
import { badEnd, isDeferral, pendingUrl, Wait } from './poll.js'
import { type Requirement, readRequirement, readSignatureError } from './requirement.js'
import { ResourceTokens } from './resource-tokens.js'
import type { Run } from './run.js'
import { requestAuthToken, requestPersonToken } from './token-requests.js'

/** Components that a resource may ask for beside those of every request. */
const mostComponents = 32
/** Limit on the challenges met in one `fetch`. Two or three lead to a token, and as many again to a step-up. */
const mostChallenges = 8

/** One `fetch` of an agent: from the first request to the resource's final answer. */
export class Call {
  readonly #run: Run
  readonly #request: Request
  readonly #url: URL
  /** The resource's identifier. */
  readonly #resource: string
  readonly #tokens: ResourceTokens
  #content: Uint8Array | undefined
  #additional: readonly string[] = []
  #authorizes = false
  #isRestarted = false
  #met = 0
  #hasBegun = false

  constructor(run: Run, request: Request) {
    this.#run = run
    this.#request = request
    this.#url = new URL(request.url)
    this.#url.hash = ''
    this.#resource = this.#url.origin
    this.#tokens = new ResourceTokens(run, this.#resource)
  }

  async response(): Promise<Response> {
    const { settings } = this.#run.agent
    this.#content = await readContent(this.#request, settings.limits.requestBytes, this.#run.signal)
    await this.#readMetadata()
    let token = (await this.#tokens.held('auth')) ?? (await this.#first())
    for (;;) {
      const response = await this.#send(token)
      const next = await this.#next(response, token)
      if (next instanceof Response) return this.#final(next)
      discard(response)
      token = next
    }
  }

  /** When acting for a caller, a person token is known to be needed from the start. */
  #first(): Promise<HeldToken> {
    return this.#run.agent.upstream === undefined ? this.#agentToken() : this.#personToken()
  }

  /** Reads what the resource announces (11.2.4). Metadata is optional. */
  async #readMetadata(): Promise<void> {
    if (!isServerIdentifier(this.#resource)) return
    const { issuers } = this.#run.agent.settings
    const metadata = await abortable(
      issuers.metadata(this.#resource, 'aauth-resource.json'),
      this.#run.signal,
    )
    if (metadata instanceof Refusal) return
    const announced = metadata['additional_signature_components']
    if (Array.isArray(announced)) this.#require(announced as readonly string[])
    this.#authorizes = metadata['authorization_endpoint'] === this.#url.href
  }

  /** Covers more components from now on. @returns whether any of them is new */
  #require(names: readonly string[]): boolean {
    const more = names.filter((name) => name.length <= 256 && !this.#additional.includes(name))
    this.#additional = [...this.#additional, ...more].slice(0, mostComponents)
    return more.some((name) => this.#additional.includes(name))
  }

  async #send(token: HeldToken): Promise<Response> {
    const { capabilities } = this.#run.agent.settings
    const headers = new Headers(this.#request.headers)
    if (capabilities.length > 0) headers.set('aauth-capabilities', capabilities.join(', '))
    const session = headers.has('authorization') ? undefined : await this.#tokens.get('session')
    if (session !== undefined) headers.set('authorization', `AAuth ${session}`)
    const response = await this.#run.send({
      to: 'resource',
      method: this.#request.method,
      url: this.#url,
      headers,
      content: this.#content,
      token: token.jwt,
      additional: this.#additional,
    })
    return this.#noteSession(response)
  }

  // a new session replaces the old one at once, in whichever response it comes.
  async #noteSession(response: Response): Promise<Response> {
    const session = response.headers.get('aauth-access')
    if (session !== null && /^[A-Za-z0-9._~+/-]+=*$/.test(session))
      await this.#tokens.set('session', session, undefined)
    return response
  }

  #final(response: Response): Response {
    const isRedirect = response.status >= 300 && response.status < 400 && response.headers.has('location')
    if (isRedirect && this.#request.redirect === 'error')
      throw this.#run.gaveUp('redirected', 'the resource answered with a redirect', response)
    return response
  }

  /** Returns the final response, or the token for the next request. */
  async #next(response: Response, token: HeldToken): Promise<Response | HeldToken> {
    if (isDeferral(response)) return this.#follow(response, token)
    if (response.status === 403) this.#checkDenial(response)
    if (response.status !== 401) return response
    const error = readSignatureError(response)
    const requirement = readRequirement(response)
    if (error?.error === 'invalid_input' && this.#require(error.requiredInput ?? [])) return token
    if (error !== undefined) return this.#refusedToken(response, token, requirement)
    return requirement === undefined ? response : this.#meet(response, requirement, token)
  }

  #checkDenial(response: Response): void {
    const stray = ['signature-error', 'accept-signature-scheme', 'accept-signature-alg'].find((name) =>
      response.headers.has(name),
    )
    if (stray !== undefined) throw this.#run.gaveUp('bad_answer', `a 403 carries ${stray}`, response)
  }

  // If a token from the wallet is refused, it is dropped and the fetch starts again, once. The refusal of a new token
  // is returned to the caller.
  async #refusedToken(
    response: Response,
    token: HeldToken,
    requirement: Requirement | undefined,
  ): Promise<Response | HeldToken> {
    if (this.#tokens.isFresh(token) || this.#isRestarted) return response
    this.#isRestarted = true
    const { agent, signal } = this.#run
    if (token.kind === 'agent') {
      const renewed = await agent.agentToken(signal, token.jwt)
      this.#tokens.noteFresh(renewed)
      return renewed
    }
    await this.#tokens.drop(token.kind)
    return requirement?.name === 'person-token' ? this.#personToken() : this.#agentToken()
  }

  async #meet(response: Response, requirement: Requirement, token: HeldToken): Promise<HeldToken> {
    this.#count(requirement, response)
    switch (requirement.name) {
      case 'agent-token':
        if (token.kind === 'agent') throw this.#circular(requirement, response)
        return this.#agentToken()
      case 'person-token':
        if (token.kind === 'person' && this.#tokens.isFresh(token))
          throw this.#circular(requirement, response)
        if (token.kind === 'person') await this.#tokens.drop('person')
        return this.#personToken()
      case 'auth-token':
        return (await this.#tokens.underWay('auth')) ?? this.#authToken(response, requirement, token)
      default:
        throw this.#run.gaveUp('unknown_requirement', 'the resource requires something unknown', response)
    }
  }

  #agentToken(): Promise<HeldToken> {
    return this.#run.agent.agentToken(this.#run.signal)
  }

  async #personToken(): Promise<HeldToken> {
    const held = (await this.#tokens.held('person')) ?? (await this.#tokens.underWay('person'))
    if (held !== undefined) return held
    this.#checkResource()
    return this.#tokens.fetched('person', () => requestPersonToken(this.#run, this.#resource))
  }

  async #authToken(response: Response, requirement: Requirement, presented: HeldToken): Promise<HeldToken> {
    const resourceToken = requirement.parameters['resource-token']
    if (resourceToken === undefined || presented.kind === 'agent') {
      const why = resourceToken === undefined ? 'it has no resource-token' : 'no person was presented yet'
      throw this.#run.gaveUp('bad_challenge', `auth-token is required, but ${why}`, response)
    }
    this.#checkResource()
    const challenge = { resourceToken, presented, resource: this.#resource }
    return this.#tokens.fetched('auth', async () => {
      const token = await requestAuthToken(this.#run, challenge)
      // A step-up that brings nothing new would be asked for again.
      if (this.#tokens.isFresh(presented) && presented.kind === 'auth' && covers(presented, token))
        throw this.#circular(requirement, response)
      return token
    })
  }

  /** Tokens are for identifiers, which have no port (AAuth 11.1.1). */
  #checkResource(): void {
    if (isServerIdentifier(this.#resource)) return
    throw this.#run.failed('bad_challenge', 'a token is required by what has no server identifier')
  }

  /** Follows a deferral: waits for the person, or presents the auth token at the pending URL. */
  async #follow(first: Response, token: HeldToken): Promise<Response | HeldToken> {
    const bearer = new Bearer(token)
    const undertaking = { kind: 'answer', resource: this.#resource } as const
    const wait = new Wait(this.#run, 'resource', pendingUrl(this.#run, first, this.#url), undertaking)
    const answer = await wait.end(first, (response) => this.#present(bearer, response))
    await this.#concluded(answer)
    return this.#begins(answer, bearer.token)
  }

  /** Waits for the answer at a pending URL of the resource, which a person has to decide. */
  async resume(codes: readonly string[]): Promise<Response> {
    const bearer = new Bearer(
      (await this.#tokens.held('auth')) ?? (await this.#tokens.held('person')) ?? (await this.#agentToken()),
    )
    const undertaking = { kind: 'answer', resource: this.#resource } as const
    const wait = new Wait(this.#run, 'resource', this.#url, undertaking, codes)
    const answer = await wait.resume((response) => this.#present(bearer, response))
    await this.#concluded(answer)
    return answer
  }

  /** The token for the next poll: an auth token, once one is required. */
  async #present(bearer: Bearer, response: Response | undefined): Promise<string> {
    if (response !== undefined) {
      await this.#noteSession(response)
      const requirement = readRequirement(response)
      if (requirement?.name === 'auth-token' && bearer.takes(requirement)) {
        this.#count(requirement, response)
        bearer.token = await this.#authToken(response, requirement, bearer.token)
      }
    }
    // The key is the same, so any of its tokens identifies the agent.
    const isOver = bearer.token.claims.exp <= this.#run.agent.now()
    return isOver ? (await this.#agentToken()).jwt : bearer.token.jwt
  }

  async #concluded(answer: Response): Promise<void> {
    await this.#noteSession(answer)
    const bad = await badEnd(this.#run, answer)
    if (bad !== undefined) throw bad
  }

  /**
   * Whether the wait was for a session to begin. The request itself has then not been carried out, and is repeated
   * with the session. Any other answer of a pending URL is the answer to the request.
   */
  async #begins(answer: Response, token: HeldToken): Promise<Response | HeldToken> {
    if (this.#authorizes || answer.status !== 200 || !answer.headers.has('aauth-access')) return answer
    const body = await this.#run.peek(answer)
    if (body?.['status'] !== 'authorized') return answer
    if (this.#hasBegun)
      throw this.#run.gaveUp('no_progress', 'a session was begun, and another is required', answer)
    discard(answer)
    this.#hasBegun = true
    return usable(token, this.#run.agent.now()) ?? this.#agentToken()
  }

  /** Limits the challenges that are met, since each may mean that a person is asked. */
  #count(requirement: Requirement, response: Response): void {
    if (++this.#met > mostChallenges) throw this.#circular(requirement, response)
  }

  #circular({ name }: Requirement, response: Response): Error {
    return this.#run.gaveUp('no_progress', `${name} was brought and is required again`, response)
  }
}

/** What is presented at a pending URL. */
class Bearer {
  token: HeldToken
  readonly #exchanged = new Set<string>()

  constructor(token: HeldToken) {
    this.token = token
  }

  /** Whether a resource token has to be exchanged. A different one says that the token brought was not enough. */
  takes({ parameters }: Requirement): boolean {
    const resourceToken = parameters['resource-token']
    if (resourceToken === undefined) return this.token.kind !== 'auth'
    if (this.#exchanged.has(resourceToken)) return false
    this.#exchanged.add(resourceToken)
    return true
  }
}

function covers(held: HeldToken, wanted: HeldToken): boolean {
  if (held.claims['account'] !== wanted.claims['account']) return false
  const has = new Set(scopes(held.claims['scope']))
  return scopes(wanted.claims['scope']).every((scope) => has.has(scope))
}
