import { randomUUID } from 'node:crypto'
import type { JsonObject } from './checks/directory.js'
import type { Env } from './env.js'
import type { KeyRing } from './keys/key-ring.js'
import { type MintOverrides, mintJwt } from './keys/mint.js'
import { type RevocationOutcome, sendRevocation } from './server/revocation.js'
import { TownServer } from './server/town-server.js'

/** What an agent token says. */
export interface AgentTokenRequest {
  /** The local part of the agent identifier: `sam` becomes `aauth:sam@ap.example`. */
  readonly name: string
  /** The agent's public key. */
  readonly cnf: Readonly<Record<string, string>>
  /** The person server of the agent, if it has one. */
  readonly ps?: string | undefined
  /** Seconds; default a day, the longest the draft recommends (5.3.1). */
  readonly lifetime?: number | undefined
}

/** An agent provider: metadata, keys, and agent tokens for whoever asks (how agents prove themselves is out of scope). */
export class AgentProvider {
  readonly server: TownServer
  readonly id: string
  /** Members of its metadata beside the usual ones, such as `callback_endpoint`. */
  metadata: JsonObject = {}

  constructor(env: Env, id: string) {
    this.id = id
    this.server = new TownServer(env, id, 'aauth-agent.json', () => ({
      name: 'Agent provider of the town',
      ...this.metadata,
    }))
  }

  /** The signing keys; `keys.rotate()` changes them. */
  get keys(): KeyRing {
    return this.server.keys
  }

  /** `aauth:sam@ap.example`. */
  identifierOf(name: string): string {
    return `aauth:${name}@${this.server.host}`
  }

  /** An agent token (AAuth 5.3.1). `overrides` are for hostile tests. */
  mintAgentToken(request: AgentTokenRequest, overrides: MintOverrides = {}): Promise<string> {
    const iat = this.server.env.now()
    const claims = {
      iss: this.id,
      dwk: 'aauth-agent.json',
      sub: this.identifierOf(request.name),
      ps: request.ps,
      jti: randomUUID(),
      iat,
      exp: iat + (request.lifetime ?? 86_400),
      cnf: { jwk: request.cnf },
    }
    return mintJwt(this.keys.current, 'aa-agent+jwt', claims, overrides)
  }

  /** Revokes an agent token at the agent's person server, the only place where that can be done (11.12.2). */
  revoke(jti: string, exp: number, ps: string): Promise<RevocationOutcome> {
    return sendRevocation(this.server, { jti, exp }, ps, 'aauth-person.json')
  }
}
