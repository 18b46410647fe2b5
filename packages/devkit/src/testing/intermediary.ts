import { randomUUID } from 'node:crypto'
import { type Requirement, readRequirement } from '@countersign/agent'
import type { Agent } from '../agent/agent.js'
import type { JsonObject } from '../checks/directory.js'
import { type MintOverrides, mintJwt } from '../keys/mint.js'
import type { Town } from '../town.js'
import type { TinyResource } from './tiny-resource.js'

/** What a token endpoint answered. */
export interface TokenAnswer extends JsonObject {
  readonly status: number
  readonly location: string
  readonly requirement: Requirement | undefined
}

/** A resource that acts as an agent, step by step and by hand (AAuth 10.1). */
export class Intermediary {
  readonly resource: TinyResource
  /** Signs and sends; its own agent token is never used. */
  readonly signer: Agent

  constructor(town: Town, resource: TinyResource) {
    this.resource = resource
    this.signer = town.agent(resource.server.host)
  }

  /** An agent token of the resource for itself. */
  agentToken(overrides: MintOverrides = {}): Promise<string> {
    const iat = this.resource.server.env.now()
    const { id, server } = this.resource
    const claims = {
      iss: id,
      dwk: 'aauth-agent.json',
      sub: `aauth:onward@${server.host}`,
      jti: randomUUID(),
      iat,
      exp: iat + 86_400,
      cnf: { jwk: this.signer.key.cnf },
    }
    return mintJwt(server.keys.current, 'aa-agent+jwt', claims, overrides)
  }

  /** Asks `/person` or `/token` of a person server. */
  async ask(url: string, body: JsonObject, token?: string): Promise<TokenAnswer> {
    const response = await this.signer.request(
      { method: 'POST', url, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) },
      { token: token ?? (await this.agentToken()) },
    )
    return answerOf(response)
  }

  /** Polls a pending URL, patiently. */
  async poll(url: string): Promise<TokenAnswer> {
    const token = await this.agentToken()
    return answerOf(await this.signer.request({ url, headers: { Prefer: 'wait=45' } }, { token }))
  }

  /** The resource token with which another resource answers a person token. */
  async challenge(url: string, presented: string): Promise<string> {
    const response = await this.signer.request({ method: 'POST', url }, { token: presented })
    return readRequirement(response)?.parameters['resource-token'] ?? ''
  }
}

async function answerOf(response: Response): Promise<TokenAnswer> {
  const body = (await response.json()) as JsonObject
  const location = response.headers.get('location') ?? ''
  return { ...body, status: response.status, location, requirement: readRequirement(response) }
}
