import type { Env } from '../env.js'
import type { Directory, JsonObject } from './directory.js'
import { Fault } from './fault.js'
import { isServerId } from './identifiers.js'
import { confirmationThumbprint, isFor, typeOf, type VerifiedToken, verifyToken } from './tokens.js'

/** The facts of a token request with which its tokens are compared. */
export interface TokenRequestContext {
  readonly env: Env
  readonly directory: Directory
  /** The person server the tokens must name. */
  readonly ps: string
  /** Thumbprint of the agent's key. */
  readonly jkt: string
  isRevoked(issuer: unknown, jti: unknown): boolean
}

/** Limit on `exp - iat` of a resource token, in seconds (AAuth 6.7.1, SHOULD NOT exceed). */
const maxLifetime = 300

const stringClaims = ['aud', 'ps', 'sub', 'presented_jti', 'agent_jkt'] as const
const forbiddenClaims = ['cnf', 'agent', 'act', 'mission']

/** Step 3 of 6.7.2: the resource token itself, and that it was minted for this agent and this person server. */
export async function checkResourceToken(
  jwt: string,
  context: TokenRequestContext,
): Promise<VerifiedToken | Fault> {
  const token = await verifyToken(jwt, ['aa-resource+jwt'], context.directory, context.env.now())
  if (token instanceof Fault) return new Fault(`${token.code}_resource_token`, token.detail)
  const { claims } = token
  if (context.isRevoked(claims['iss'], claims['jti']))
    return new Fault('revoked_resource_token', 'it was revoked')
  const detail = shapeFault(claims, context.env.strict) ?? bindingFault(claims, context)
  return detail === undefined ? token : new Fault('invalid_resource_token', detail)
}

function shapeFault(claims: JsonObject, strict: boolean): string | undefined {
  const missing = stringClaims.find((name) => typeof claims[name] !== 'string' || claims[name] === '')
  if (missing !== undefined) return `${missing} is missing or no string`
  if (!isServerId(claims['aud'])) return 'aud is not a server identifier'
  if (!isServerId(claims['ps'])) return 'ps is not a server identifier'
  const scope = claims['scope']
  if (typeof scope !== 'string' || !/^\S+(?: \S+)*$/.test(scope))
    return 'scope is missing or not space-separated'
  const forbidden = forbiddenClaims.find((name) => claims[name] !== undefined)
  if (forbidden !== undefined) return `${forbidden} has no place in a resource token`
  const hint = claims['login_hint']
  if (hint !== undefined && (typeof hint !== 'string' || hint === '')) return 'login_hint is no string'
  const { iat, exp } = claims as { iat: number; exp: number }
  return strict && exp - iat > maxLifetime ? `lifetime over ${maxLifetime} s` : undefined
}

function bindingFault(claims: JsonObject, context: TokenRequestContext): string | undefined {
  if (claims['agent_jkt'] !== context.jkt) return 'agent_jkt is not the key of this agent'
  return claims['ps'] === context.ps ? undefined : 'ps names another person server'
}

/** Steps 4 and 5 of 6.7.2: the token that the agent had presented, and that the resource token agrees with it. */
export async function checkPresentedToken(
  jwt: string,
  resourceToken: VerifiedToken,
  context: TokenRequestContext,
): Promise<VerifiedToken | Fault> {
  const token = await verifyToken(jwt, ['aa-person+jwt', 'aa-auth+jwt'], context.directory, context.env.now())
  if (token instanceof Fault) return new Fault(`${token.code}_presented_token`, token.detail)
  const { claims } = token
  if (context.isRevoked(claims['iss'], claims['jti']))
    return new Fault('revoked_presented_token', 'it was revoked')
  const ps = personServerOf(token)
  const expected = resourceToken.claims
  if (!isFor(claims, expected['iss'])) return new Fault('invalid_presented_token', 'aud is another resource')
  if ((await confirmationThumbprint(claims)) !== expected['agent_jkt']) {
    return new Fault('invalid_presented_token', 'cnf is another key than agent_jkt')
  }
  if (typeof claims['sub'] !== 'string' || ps !== context.ps) {
    return new Fault('invalid_presented_token', 'it is not of this person server')
  }
  const detail = mismatch(expected, { ...claims, presented_jti: claims['jti'], ps })
  return detail === undefined ? token : new Fault('invalid_resource_token', detail)
}

/** The person server of a person token (`iss`) or an auth token (`ps`). */
export function personServerOf(token: VerifiedToken): unknown {
  return typeOf(token.jwt) === 'aa-person+jwt' ? token.claims['iss'] : token.claims['ps']
}

const copiedClaims = ['presented_jti', 'ps', 'sub', 'mission_s256', 'tenant'] as const

/** The first claim in which a resource token differs from the token it was minted from; absence must match absence. */
function mismatch(resourceToken: JsonObject, presented: JsonObject): string | undefined {
  const name = copiedClaims.find((claim) => resourceToken[claim] !== presented[claim])
  return name === undefined ? undefined : `${name} differs from the presented token`
}

/** The scope values of a claim. */
export function scopes(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((scope) => scope !== '') : []
}
