import type { Directory } from '../checks/directory.js'
import { Fault } from '../checks/fault.js'
import { mismatch, scopes } from '../checks/resource-token.js'
import { confirmationThumbprint, isFor, verifyToken } from '../checks/tokens.js'
import { type HeldToken, holdToken } from './wallet.js'

/** What the checks of an agent depend on. */
export interface Checker {
  readonly directory: Directory
  /** Thumbprint of the agent's key. */
  readonly jkt: string
  /** The agent's person server. */
  readonly ps: string
  /** Seconds. */
  readonly now: number
}

/** Checks a resource token before the agent takes it to its person server (AAuth 6.7.3). */
export async function checkChallenge(
  jwt: string,
  presented: HeldToken,
  resource: string,
  checker: Checker,
): Promise<HeldToken | Fault> {
  const token = await verifyToken(jwt, ['aa-resource+jwt'], checker.directory, checker.now)
  if (token instanceof Fault) return token
  const { claims } = token
  if (claims['iss'] !== resource) return new Fault('invalid', 'iss is another resource')
  if (claims['agent_jkt'] !== checker.jkt) return new Fault('invalid', 'agent_jkt is not this agent’s key')
  if (claims['ps'] !== checker.ps) return new Fault('invalid', 'ps is not this agent’s person server')
  const { jti } = presented.claims
  const differing = mismatch(claims, { ...presented.claims, presented_jti: jti, ps: checker.ps })
  if (differing !== undefined) return new Fault('invalid', differing)
  return { kind: 'auth', jwt, claims }
}

/** Checks an auth token before the agent uses it (AAuth 9.4.4). */
export async function checkAuthToken(
  jwt: unknown,
  resourceToken: HeldToken,
  checker: Checker,
): Promise<HeldToken | Fault> {
  if (typeof jwt !== 'string') return new Fault('invalid', 'there is none in the answer')
  const token = await verifyToken(jwt, ['aa-auth+jwt'], checker.directory, checker.now)
  if (token instanceof Fault) return token
  const { claims } = token
  const wanted = resourceToken.claims
  const allowed = new Set(scopes(wanted['scope']))
  const wrong =
    (claims['iss'] !== wanted['aud'] && 'iss') ||
    (!isFor(claims, wanted['iss']) && 'aud') ||
    (claims['ps'] !== checker.ps && 'ps') ||
    (claims['sub'] !== wanted['sub'] && 'sub') ||
    (claims['account'] !== wanted['account'] && 'account') ||
    (claims['mission_s256'] !== wanted['mission_s256'] && 'mission_s256') ||
    (!scopes(claims['scope']).every((scope) => allowed.has(scope)) && 'scope') ||
    ((await confirmationThumbprint(claims)) !== checker.jkt && 'cnf')
  return wrong === false
    ? { kind: 'auth', jwt, claims }
    : new Fault('invalid', `${wrong} is not what was asked for`)
}

/** Checks that a person token is for this resource and this key. */
export async function checkPersonToken(
  jwt: unknown,
  resource: string,
  checker: Checker,
): Promise<HeldToken | Fault> {
  const token = typeof jwt === 'string' ? holdToken('person', jwt) : undefined
  if (token === undefined) return new Fault('invalid', 'there is none in the answer')
  if (token.claims['iss'] !== checker.ps) return new Fault('invalid', 'iss is another person server')
  if (!isFor(token.claims, resource)) return new Fault('invalid', 'aud is another resource')
  return (await confirmationThumbprint(token.claims)) === checker.jkt
    ? token
    : new Fault('invalid', 'cnf is another key')
}
