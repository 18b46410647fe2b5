import { randomUUID } from 'node:crypto'
import {
  importPublicJwk,
  KeyFault,
  Refusal,
  readSignature,
  unsigned,
  verifySignature,
} from '@countersign/core/signature'
import { isObject, type JsonObject } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { scopes } from '../checks/resource-token.js'
import { typeOf, verifyToken } from '../checks/tokens.js'
import type { Env } from '../env.js'
import { type MintOverrides, mintJwt } from '../keys/mint.js'
import { TownServer } from '../server/town-server.js'
import type { Town } from '../town.js'
import { type Answer, json, requirementHeader, signatureFault } from '../wire/answers.js'
import type { Incoming } from '../wire/server.js'

interface Caller {
  readonly type: string
  readonly claims: JsonObject
  readonly jkt: string
}

/** A resource of a hundred lines, for the town's tests against itself; it can be told to be sloppy. */
export class TinyResource {
  readonly server: TownServer
  readonly id: string
  /** Four-party when set. */
  accessServer: string | undefined
  /** What is wrong with its resource tokens. */
  sloppy: MintOverrides = {}
  metadata: JsonObject = {}
  sold = 0
  readonly requests: Incoming[] = []

  private constructor(env: Env, id: string) {
    this.id = id
    this.server = new TownServer(env, this.id, 'aauth-resource.json', () => ({
      scope_descriptions: { 'shop.buy': 'Buy things', 'shop.buy.large': 'Buy many things' },
      revocation_endpoint: `${this.id}/revoke`,
      ...this.metadata,
    }))
    // As an agent, it is its own agent provider, with the same keys (10.1.1.1).
    this.server.on('GET', '/.well-known/aauth-agent.json', () =>
      json({ issuer: id, jwks_uri: `${id}/jwks.json`, callback_endpoint: `${id}/callback` }),
    )
    this.server.on('GET', '/agent', (request) => this.#serve(request, 'aa-agent+jwt', 'agent-token'))
    this.server.on('GET', '/person', (request) => this.#serve(request, 'aa-person+jwt', 'person-token'))
    this.server.on('POST', '/bread', (request) => this.#sell(request, 'shop.buy'))
    this.server.on('POST', '/oven', (request) => this.#sell(request, 'shop.buy shop.buy.large'))
    this.server.on('POST', '/revoke', () => ({ status: 200, headers: {}, body: '' }))
  }

  static async open(town: Town, id = 'https://shop.example'): Promise<TinyResource> {
    const shop = new TinyResource(town.ps.server.env, id)
    await town.open(shop.server)
    return shop
  }

  /** The resource token for a caller, with what is sloppy about it. */
  resourceToken(caller: Caller, scope: string): Promise<string> {
    const { claims } = caller
    const iat = this.server.env.now()
    const ps = caller.type === 'aa-person+jwt' ? claims['iss'] : claims['ps']
    const own = {
      iss: this.id,
      dwk: 'aauth-resource.json',
      aud: this.accessServer ?? ps,
      ps,
      sub: claims['sub'],
    }
    const copied = {
      presented_jti: claims['jti'],
      mission_s256: claims['mission_s256'],
      tenant: claims['tenant'],
    }
    const rest = { agent_jkt: caller.jkt, scope, jti: randomUUID(), iat, exp: iat + 300 }
    return mintJwt(this.server.keys.current, 'aa-resource+jwt', { ...own, ...copied, ...rest }, this.sloppy)
  }

  async #sell(request: Incoming, scope: string): Promise<Answer> {
    const caller = await this.#caller(request)
    if ('status' in caller) return caller
    if (caller.type === 'aa-agent+jwt') return challenge('person-token')
    const held = scopes(caller.claims['scope'])
    if (caller.type === 'aa-auth+jwt' && scopes(scope).every((value) => held.includes(value))) {
      this.sold++
      return json({ sold: this.sold, sub: caller.claims['sub'], body: Buffer.from(request.body).toString() })
    }
    return challenge('auth-token', { 'resource-token': await this.resourceToken(caller, scope) })
  }

  async #serve(request: Incoming, type: string, requirement: string): Promise<Answer> {
    const caller = await this.#caller(request)
    if ('status' in caller) return caller
    return caller.type === type ? json({ sub: caller.claims['sub'] }) : challenge(requirement)
  }

  async #caller(request: Incoming): Promise<Caller | Answer> {
    this.requests.push(request)
    const policy = {
      authority: this.server.host,
      scheme: 'https' as const,
      components: (this.metadata['additional_signature_components'] ?? []) as string[],
      window: 60,
      schemes: ['jwt'] as const,
      limits: { signatureInput: 4096, signature: 4096, signatureKey: 16_384, components: 32 },
    }
    const read = readSignature(
      { method: request.method, target: request.target, rawHeaders: request.rawHeaders },
      policy,
      this.server.env.now(),
    )
    if (read === unsigned) return challenge('agent-token')
    if (read instanceof Refusal)
      return signatureFault(read.code, { requiredInput: read.details.requiredInput })
    const jwt = read.key.scheme === 'jwt' ? read.key.jwt : ''
    const types = ['aa-agent+jwt', 'aa-person+jwt', 'aa-auth+jwt'] as const
    const token = await verifyToken(jwt, types, this.server.directory, this.server.env.now())
    if (token instanceof Fault) return signatureFault(`${token.code}_jwt`, { detail: token.detail })
    const cnf = token.claims['cnf']
    const key = importPublicJwk(isObject(cnf) ? cnf['jwk'] : undefined)
    if (key instanceof KeyFault || verifySignature(read, key) !== undefined)
      return signatureFault('invalid_signature')
    return { type: typeOf(jwt) as string, claims: token.claims, jkt: key.jkt }
  }
}

function challenge(name: string, parameters: Readonly<Record<string, string>> = {}): Answer {
  return { ...json({ error: name }, 401, { 'AAuth-Requirement': requirementHeader(name, parameters) }) }
}
