import { randomUUID } from 'node:crypto'
import { BoundedMap } from './bounded.js'
import type { JsonObject } from './checks/directory.js'
import type { Env } from './env.js'
import type { KeyRing } from './keys/key-ring.js'
import { type MintOverrides, mintJwt } from './keys/mint.js'
import { type RevocationOutcome, sendRevocation } from './server/revocation.js'
import { TownServer } from './server/town-server.js'

/** The content of an agent token. */
export interface AgentTokenRequest {
  /** The local part of the agent identifier: `sam` becomes `aauth:sam@ap.example`. */
  readonly name: string
  /** The local part of the agent whose sub-agent this is (10.2): `brother` of `sam` becomes `aauth:sam+brother@ap.example`. */
  readonly parent?: string | undefined
  /** The agent's public key. */
  readonly cnf: Readonly<Record<string, string>>
  /** The person server of the agent, if it has one. */
  readonly ps?: string | undefined
  /** Seconds; default a day, the longest the draft recommends (5.3.1). */
  readonly lifetime?: number | undefined
}

/**
 * An agent provider: metadata, keys, and agent tokens for any agent that asks. (How agents prove their identity is
 * out of scope.)
 */
export class AgentProvider {
  readonly server: TownServer
  readonly id: string
  /** Additional members of its metadata, such as `callback_endpoint`. */
  metadata: JsonObject = {}
  /** Every agent it has issued a token to, and the parent of each sub-agent. */
  readonly #parents = new BoundedMap<string, string | undefined>(10_000)

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

  /** `aauth:sam@ap.example`, or `aauth:sam+brother@ap.example` for the sub-agent `brother` of `sam`. */
  identifierOf(name: string, parent?: string): string {
    return `aauth:${parent === undefined ? name : `${parent}+${name}`}@${this.server.host}`
  }

  /**
   * An agent token (AAuth 5.3.1). `overrides` are for hostile tests.
   *
   * @throws TypeError when a sub-agent would be the parent of another, when its name is not made of letters, digits,
   *   `.`, `_` and `-`, or when a name is asked for now with and now without its parent (10.2.1, 10.2.2)
   */
  async mintAgentToken(request: AgentTokenRequest, overrides: MintOverrides = {}): Promise<string> {
    const iat = this.server.env.now()
    const sub = this.#identify(request)
    const claims = {
      iss: this.id,
      dwk: 'aauth-agent.json',
      sub,
      parent_agent: request.parent === undefined ? undefined : this.identifierOf(request.parent),
      ps: request.ps,
      jti: randomUUID(),
      iat,
      exp: iat + (request.lifetime ?? 86_400),
      cnf: { jwk: request.cnf },
    }
    return mintJwt(this.keys.current, 'aa-agent+jwt', claims, overrides)
  }

  #identify({ name, parent }: AgentTokenRequest): string {
    const sub = this.identifierOf(name, parent)
    const known = this.#parents.get(sub)
    if (parent !== undefined) {
      if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) throw new TypeError(`not the name of a sub-agent: ${name}`)
      if (this.#parents.get(this.identifierOf(parent)) !== undefined)
        throw new TypeError(`${parent} is a sub-agent and has none of its own`)
    }
    if (this.#parents.has(sub) && known !== parent)
      throw new TypeError(`${sub} is ${known === undefined ? 'no sub-agent' : `a sub-agent of ${known}`}`)
    this.#parents.set(sub, parent)
    return sub
  }

  /** Revokes an agent token at the agent's person server, the only place where that is possible (11.12.2). */
  revoke(jti: string, exp: number, ps: string): Promise<RevocationOutcome> {
    return sendRevocation(this.server, { jti, exp }, ps, 'aauth-person.json')
  }
}
