import { randomUUID } from 'node:crypto'
import type { SigningKey } from '../crypto/keys.js'
import type { OwnKeyRing } from '../own-keys/key-ring.js'
import { signJws } from '../token/jws.js'
import type { OwnAgent } from './suppliers.js'

/** The dependencies of {@link createOwnAgent}. */
export interface OwnAgentContext {
  /** Our identifier. */
  readonly resource: string
  /** The local part of the agent identifier. */
  readonly agent: string
  readonly keys: Pick<OwnKeyRing, 'signing'>
  /** The key it signs with as an agent; `undefined` for the resource's. */
  readonly key: SigningKey | undefined
  /** Milliseconds. */
  readonly clock: () => number
}

/**
 * Seconds. An agent token cannot be revoked at every person server, so it is short-lived. It costs nothing, because
 * it is made here.
 */
export const agentTokenLifetime = 3600
/** A token is replaced when it has fewer seconds left than this. */
const margin = 600

/**
 * The resource as its own agent provider: it signs its own agent tokens. They name no person server,
 * because only the upstream token may say where to go (R-310, G-65).
 */
export function createOwnAgent({ resource, agent, keys, key, clock }: OwnAgentContext): OwnAgent {
  const identifier = `aauth:${agent}@${resource.slice('https://'.length)}`
  const signing = (): SigningKey => keys.signing as SigningKey
  let made: { readonly by: string; readonly cnf: string; readonly exp: number; readonly jwt: Promise<string> }
  return {
    identifier,
    get key() {
      return key ?? signing()
    },
    token() {
      const issuer = signing()
      const own = key ?? issuer
      const now = Math.floor(clock() / 1000)
      if (made?.by === issuer.kid && made.cnf === own.jkt && made.exp - now > margin) return made.jwt
      const exp = now + agentTokenLifetime
      const claims = {
        iss: resource,
        dwk: 'aauth-agent.json',
        sub: identifier,
        cnf: { jwk: own.publicJwk },
        jti: randomUUID(),
        iat: now,
        exp,
      }
      const jwt = signJws('aa-agent+jwt', claims, issuer)
      made = { by: issuer.kid, cnf: own.jkt, exp, jwt }
      // If signing failed, the signer is asked again next time.
      jwt.catch(() => {
        if (made.jwt === jwt) made = { ...made, exp: 0 }
      })
      return jwt
    },
  }
}
