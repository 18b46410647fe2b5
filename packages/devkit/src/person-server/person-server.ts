import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { BoundedMap, pushBounded } from '../bounded.js'
import { authenticateAgent, type CallingAgent } from '../checks/authenticate.js'
import type { Document, JsonObject } from '../checks/directory.js'
import type { TokenName } from '../checks/tokens.js'
import type { Env } from '../env.js'
import type { KeyRing } from '../keys/key-ring.js'
import { type MintOverrides, mintJwt } from '../keys/mint.js'
import { PendingRequests } from '../server/pending.js'
import { type RevocationOutcome, revocationEndpoint, sendRevocation } from '../server/revocation.js'
import { TownServer } from '../server/town-server.js'
import { authTokenEndpoint } from './auth-token.js'
import { type TokenRecord, TokenRecords } from './chain.js'
import type { AuthTokenRequest, Mission, PersonServerContext, PersonTokenRequest } from './context.js'
import { identityScopes, type Person, type PersonOptions } from './person.js'
import { personTokenEndpoint } from './person-token.js'
import { ResourceFlows } from './resource-flow.js'

/** A token that this server issued, as it remembers it. */
export interface IssuedToken extends TokenRecord {
  readonly jwt: string
}

/** Limit on remembered issued tokens; the oldest are dropped. */
const issuedLimit = 1000
/** Limit on the lifetime of a person or auth token, in seconds (7.1.2, 9.4.1). */
const lifetime = 3600

/** A person server: people, person tokens, auth tokens, consent, federation with access servers, revocation. */
export class PersonServer implements PersonServerContext {
  readonly server: TownServer
  readonly id: string
  readonly pending: PendingRequests
  readonly flows: ResourceFlows
  /** The identity scopes in its metadata; `undefined` publishes none. */
  scopesSupported: readonly string[] | undefined = [...identityScopes.keys()]
  readonly #people = new BoundedMap<string, Person>()
  readonly #missions = new BoundedMap<string, Mission>()
  readonly #introduced = new BoundedMap<string, true>(10_000)
  readonly #agentTokens = new BoundedMap<string, string>()
  readonly #issued: IssuedToken[] = []
  readonly #records = new TokenRecords()
  readonly #subjects = new BoundedMap<string, Person>(10_000)
  readonly #accessServers = new BoundedMap<string, true>()
  // Nobody else must be able to compute pairwise subjects (AAuth 14.1).
  readonly #secret = randomBytes(32)

  constructor(env: Env, id: string) {
    this.id = id
    const server = new TownServer(env, id, 'aauth-person.json', () => ({
      auth_token_endpoint: `${id}/token`,
      person_token_endpoint: `${id}/person`,
      revocation_endpoint: `${id}/revoke`,
      ...(this.scopesSupported === undefined ? {} : { scopes_supported: this.scopesSupported }),
    }))
    this.server = server
    this.flows = new ResourceFlows(server)
    this.pending = new PendingRequests(server, async (request) => {
      const caller = await authenticateAgent(request, server)
      return 'status' in caller ? caller : caller.agent
    })
    server.on('POST', '/person', personTokenEndpoint(this))
    server.on('POST', '/token', authTokenEndpoint(this))
    const documents = ['aauth-agent.json', 'aauth-resource.json'] as const
    server.on(
      'POST',
      '/revoke',
      revocationEndpoint(server, documents, (issuer, { jti }) => this.#cascade(issuer, jti)),
    )
  }

  /** The signing keys; `keys.rotate()` changes them. */
  get keys(): KeyRing {
    return this.server.keys
  }

  /** The tokens issued, oldest first. */
  get issued(): readonly IssuedToken[] {
    return this.#issued
  }

  /** Opens an account. */
  person(name: string, options: PersonOptions = {}): Person {
    const yes = () => true
    const { consent = yes, introduction = yes, claims = {}, tenant } = options
    return { name, ps: this.id, consent, introduction, claims, tenant }
  }

  /** Records for whom an agent acts. */
  employ(agent: string, person: Person): void {
    this.#people.set(agent, person)
  }

  /** The person for whom an agent acts. */
  employerOf(agent: string): Person | undefined {
    return this.#people.get(agent)
  }

  /** Gives an agent a mission; returns its `mission_s256`. */
  startMission(agent: string, options: { readonly expiresAt?: number } = {}): string {
    const mission = createHmac('sha256', this.#secret).update(randomUUID()).digest('base64url')
    this.#missions.set(mission, { agent, ...options })
    return mission
  }

  endMission(mission: string): void {
    this.#missions.delete(mission)
  }

  missionOf(mission: unknown): Mission | undefined {
    return typeof mission === 'string' ? this.#missions.get(mission) : undefined
  }

  /** The identifier under which a resource knows a person: the same for every agent and key (AAuth 14.1). */
  subjectOf(person: Person, resource: string): string {
    return createHmac('sha256', this.#secret)
      .update(`${person.name}\n${resource}`)
      .digest('base64url')
      .slice(0, 22)
  }

  personOf(resource: unknown, sub: unknown): Person | undefined {
    return this.#subjects.get(`${resource} ${sub}`)
  }

  isIssuer(issuer: unknown, resource: unknown): boolean {
    return issuer === this.id || this.#accessServers.has(`${issuer} ${resource}`)
  }

  noteAccessServer(accessServer: string, resource: string): void {
    this.#accessServers.set(`${accessServer} ${resource}`, true)
  }

  noteDelivered(record: TokenRecord): void {
    this.#records.add(record)
  }

  /**
   * The chain from a token back to the person, for a token issued here, or by an access server at the request of this
   * server: the token itself, the one it was issued on (AAuth 10.1), and so on, to the one that the person's own
   * agent holds. Empty for an unknown token.
   */
  chainOf(token: TokenName): readonly TokenRecord[] {
    return this.#records.chain(token)
  }

  /**
   * Whether the person has let this agent introduce itself at the resource before. Recorded for each person, because
   * an intermediary serves many people.
   */
  isIntroduced(person: Person, agent: string, resource: string): boolean {
    return this.#introduced.has(introduction(person, agent, resource))
  }

  introduce(person: Person, agent: string, resource: string): void {
    this.#introduced.set(introduction(person, agent, resource), true)
  }

  /** A person token (AAuth 7.1.2). `overrides` are for hostile tests. */
  mintPersonToken(request: PersonTokenRequest, overrides?: MintOverrides): Promise<string> {
    return this.#mint('aa-person+jwt', request, {}, overrides)
  }

  /** A three-party auth token (AAuth 9.4.1). `overrides` are for hostile tests. */
  mintAuthToken(request: AuthTokenRequest, overrides?: MintOverrides): Promise<string> {
    const { scope, account, released } = request
    return this.#mint('aa-auth+jwt', request, { ...released, ps: this.id, scope, account }, overrides)
  }

  /**
   * Revokes a token of this server (AAuth 11.12): at the resource it was issued for or, with `aauth-access.json`, at an
   * access server it was shown to.
   */
  revoke(
    jti: string,
    exp: number,
    recipient: string,
    document: Document = 'aauth-resource.json',
  ): Promise<RevocationOutcome> {
    this.server.recordRevocation(this.id, jti)
    return sendRevocation(this.server, { jti, exp }, recipient, document)
  }

  /** Remembers the agent of an agent token, in case its provider revokes it. */
  noteAgentToken(caller: CallingAgent): void {
    this.#agentTokens.set(`${caller.token.claims['iss']} ${caller.token.claims['jti']}`, caller.agent)
  }

  // If the provider revokes an agent's token, the tokens issued to the agent are revoked, and the provider gets an
  // empty answer.
  async #cascade(issuer: string, jti: string): Promise<undefined> {
    const agent = this.#agentTokens.get(`${issuer} ${jti}`)
    if (agent === undefined) return undefined
    const now = this.server.env.now()
    // A sub-agent does not outlive its parent.
    const affected = this.#issued.filter(
      (token) => (token.agent === agent || token.parent === agent) && token.exp > now,
    )
    await Promise.all(affected.map(({ jti, exp, aud }) => this.revoke(jti, exp, aud)))
    return undefined
  }

  async #mint(
    typ: IssuedToken['typ'],
    request: PersonTokenRequest,
    extra: JsonObject,
    overrides?: MintOverrides,
  ): Promise<string> {
    const iat = this.server.env.now()
    const sub = this.subjectOf(request.person, request.resource)
    const registered = {
      iss: this.id,
      dwk: 'aauth-person.json',
      aud: request.resource,
      sub,
      jti: randomUUID(),
      iat,
      exp: Math.min(iat + lifetime, request.expiresAt ?? Number.POSITIVE_INFINITY),
      cnf: { jwk: request.cnf },
    }
    const context = { mission_s256: request.mission, tenant: request.person.tenant }
    const jwt = await mintJwt(this.keys.current, typ, { ...extra, ...context, ...registered }, overrides)
    const { iss, jti, exp, aud } = registered
    const { agent, parent, upstream, person } = request
    const record = { typ, iss, jti, exp, aud, sub, agent, parent, upstream, person: person.name }
    pushBounded(this.#issued, { ...record, jwt }, issuedLimit)
    this.#records.add(record)
    this.#subjects.set(`${aud} ${sub}`, person)
    return jwt
  }
}

function introduction(person: Person, agent: string, resource: string): string {
  return JSON.stringify([person.name, agent, resource])
}
