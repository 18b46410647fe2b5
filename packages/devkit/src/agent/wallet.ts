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

/** Origins remembered. */
const limit = 100
/** Seconds of life below which a token is renewed rather than presented (AAuth 7.9.1). */
const margin = 300

/** The tokens of an agent: one agent token, and for each resource a person token, an auth token and a session. */
export class Wallet {
  agentToken: HeldToken | undefined
  readonly personTokens: BoundedMap<string, HeldToken> = new BoundedMap(limit)
  readonly authTokens: BoundedMap<string, HeldToken> = new BoundedMap(limit)
  readonly sessions: BoundedMap<string, string> = new BoundedMap(limit)

  /** Drops everything that is bound to the agent's key. */
  clear(): void {
    this.agentToken = undefined
    this.personTokens.clear()
    this.authTokens.clear()
    this.sessions.clear()
  }

  /** Drops what is held for one resource. */
  forget(resource: string): void {
    this.personTokens.delete(resource)
    this.authTokens.delete(resource)
    this.sessions.delete(resource)
  }
}

/** The token, if it is valid long enough to be presented; otherwise `undefined`. */
export function usable(token: HeldToken | undefined, now: number): HeldToken | undefined {
  if (token === undefined) return undefined
  const { iat, exp } = token.claims as { iat: number; exp: number }
  // A token that was short from the start is used for half its life.
  return exp - now > Math.min(margin, (exp - iat) / 2) ? token : undefined
}
