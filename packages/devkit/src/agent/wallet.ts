import type { WalletKind, Wallet as WalletOfAgent } from '@countersign/agent'
import { BoundedMap } from '../bounded.js'
import { isObject, type JsonObject } from '../checks/directory.js'
import { decodeJwt } from '../keys/jose.js'

/** A token an agent holds. */
export interface HeldToken {
  readonly kind: 'agent' | 'person' | 'auth'
  readonly jwt: string
  readonly claims: JsonObject
}

/**
 * Reads a token without verifying it; `undefined` when it is no JWT.
 *
 * @example
 * ```ts
 * import { createTown, holdToken } from '@countersign/devkit'
 *
 * const town = await createTown()
 * const sam = town.agent('sam')
 * sam.wallet.agentToken = holdToken('agent', process.env['AGENT_TOKEN'] ?? '')
 * ```
 */
export function holdToken(kind: HeldToken['kind'], jwt: string): HeldToken | undefined {
  try {
    const claims = decodeJwt(jwt)
    return isObject(claims) ? { kind, jwt, claims } : undefined
  } catch {
    return undefined
  }
}

/** Limit on remembered origins. */
const limit = 100

/**
 * The tokens of an agent, for inspection: one agent token, and for each resource a person token, an auth token and a
 * session.
 */
export class Wallet implements WalletOfAgent {
  agentToken: HeldToken | undefined
  readonly personTokens: BoundedMap<string, HeldToken> = new BoundedMap(limit)
  readonly authTokens: BoundedMap<string, HeldToken> = new BoundedMap(limit)
  readonly sessions: BoundedMap<string, string> = new BoundedMap(limit)

  /** For the agent itself, as the two below. */
  get(kind: WalletKind, resource: string): string | undefined {
    if (kind === 'agent') return this.agentToken?.jwt
    return kind === 'session' ? this.sessions.get(resource) : this.#tokens(kind).get(resource)?.jwt
  }

  set(kind: WalletKind, resource: string, value: string): void {
    if (kind === 'session') this.sessions.set(resource, value)
    else {
      const token = holdToken(kind, value)
      if (kind === 'agent') this.agentToken = token
      else if (token !== undefined) this.#tokens(kind).set(resource, token)
    }
  }

  delete(kind: WalletKind, resource: string): void {
    if (kind === 'agent') this.agentToken = undefined
    else if (kind === 'session') this.sessions.delete(resource)
    else this.#tokens(kind).delete(resource)
  }

  /** Drops everything that is bound to the agent's key. */
  clear(): void {
    this.agentToken = undefined
    this.personTokens.clear()
    this.authTokens.clear()
    this.sessions.clear()
  }

  /** Drops the tokens for one resource. */
  forget(resource: string): void {
    this.personTokens.delete(resource)
    this.authTokens.delete(resource)
    this.sessions.delete(resource)
  }

  #tokens(kind: 'person' | 'auth'): BoundedMap<string, HeldToken> {
    return kind === 'person' ? this.personTokens : this.authTokens
  }
}
