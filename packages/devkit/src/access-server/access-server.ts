import { randomUUID } from 'node:crypto'
import { pushBounded } from '../bounded.js'
import { authenticateServer } from '../checks/authenticate.js'
import type { TokenName } from '../checks/tokens.js'
import type { Env } from '../env.js'
import type { KeyRing } from '../keys/key-ring.js'
import { type MintOverrides, mintJwt } from '../keys/mint.js'
import { PendingRequests } from '../server/pending.js'
import { type RevocationOutcome, revocationEndpoint, sendRevocation } from '../server/revocation.js'
import { TownServer } from '../server/town-server.js'
import { json } from '../wire/answers.js'
import { accessTokenEndpoint } from './auth-token.js'
import type { AccessServerContext, AccessTokenRequest } from './context.js'
import type { AccessPolicy } from './decision.js'

/** An auth token that this server issued, as it remembers it. */
export interface AccessToken {
  readonly jti: string
  readonly exp: number
  readonly aud: string
  readonly ps: string
  readonly jwt: string
  readonly presentedJti: string | undefined
  /** The agent that requested it. */
  readonly agent: string | undefined
  /** The sub-agent of `agent` that the token is for. */
  readonly subAgent: string | undefined
  /** The token on which an intermediary acted. */
  readonly upstream: TokenName | undefined
}

const issuedLimit = 1000

/** An access server (four-party): decides for resources, by its own policy, on requests of person servers. */
export class AccessServer implements AccessServerContext {
  readonly server: TownServer
  readonly id: string
  readonly pending: PendingRequests
  /** The rules; may be changed at any time. */
  policy: AccessPolicy
  readonly #issued: AccessToken[] = []

  constructor(env: Env, id: string, policy: AccessPolicy = () => true) {
    this.id = id
    this.policy = policy
    const server = new TownServer(env, id, 'aauth-access.json', () => ({
      auth_token_endpoint: `${id}/token`,
      revocation_endpoint: `${id}/revoke`,
    }))
    this.server = server
    this.pending = new PendingRequests(server, async (request) => {
      const caller = await authenticateServer(request, server, ['aauth-person.json'])
      return 'status' in caller ? caller : caller.id
    })
    server.on('POST', '/token', accessTokenEndpoint(this))
    const documents = ['aauth-person.json', 'aauth-resource.json'] as const
    server.on(
      'POST',
      '/revoke',
      revocationEndpoint(server, documents, (ps, { jti }) => this.#cascade(ps, jti)),
    )
  }

  /** The signing keys; `keys.rotate()` changes them. */
  get keys(): KeyRing {
    return this.server.keys
  }

  /** The tokens issued, oldest first. */
  get issued(): readonly AccessToken[] {
    return this.#issued
  }

  /** A four-party auth token (AAuth 9.4.1). `overrides` are for hostile tests. */
  async mintAuthToken(request: AccessTokenRequest, overrides?: MintOverrides): Promise<string> {
    const iat = this.server.env.now()
    const jti = randomUUID()
    const exp = Math.min(iat + 3600, request.expiresAt ?? Number.POSITIVE_INFINITY)
    const { resource: aud, ps, sub, scope, account, tenant } = request
    const { presentedJti, agent, subAgent, upstream } = request
    const copied = { aud, ps, sub, scope, account, tenant, mission_s256: request.mission }
    const claims = {
      iss: this.id,
      dwk: 'aauth-access.json',
      ...copied,
      jti,
      iat,
      exp,
      cnf: { jwk: request.cnf },
    }
    const jwt = await mintJwt(this.keys.current, 'aa-auth+jwt', claims, overrides)
    const record = { jti, exp, aud, ps, jwt, presentedJti, agent, subAgent, upstream }
    pushBounded(this.#issued, record, issuedLimit)
    return jwt
  }

  /** Revokes an auth token of this server at the resource it was issued for (AAuth 11.12). */
  revoke(jti: string, exp: number, resource: string): Promise<RevocationOutcome> {
    this.server.recordRevocation(this.id, jti)
    return sendRevocation(this.server, { jti, exp }, resource, 'aauth-resource.json')
  }

  // Revoking a person token also revokes the auth tokens that were issued for it (11.12.4).
  async #cascade(ps: string, jti: string) {
    const affected = this.#issued.filter((token) => token.ps === ps && token.presentedJti === jti)
    if (affected.length === 0) return undefined
    const downstream: { recipient: string; error?: string }[] = []
    for (const token of affected) {
      const { outcome } = await this.revoke(token.jti, token.exp, token.aud)
      downstream.push({ recipient: token.aud, ...(outcome === 'recorded' ? {} : { error: outcome }) })
    }
    return json({ downstream })
  }
}
