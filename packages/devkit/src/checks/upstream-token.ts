import { Fault } from './fault.js'
import { personServerOf, type TokenRequestContext } from './resource-token.js'
import { isFor, type VerifiedToken, verifyToken } from './tokens.js'

/** The facts with which an upstream token is compared. */
export interface UpstreamContext extends Pick<TokenRequestContext, 'env' | 'directory' | 'ps' | 'isRevoked'> {
  /** The issuer of the request's agent token: the intermediary itself, as its own agent provider (10.1.1.1). */
  readonly intermediary: unknown
}

/**
 * `upstream_token` (AAuth 10.1.1, 9.4.5): a person or auth token that was issued for the intermediary, by or for this
 * person server. Its key belongs to the intermediary's caller, so there is nothing to compare `cnf` with.
 */
export async function checkUpstreamToken(
  jwt: string,
  context: UpstreamContext,
): Promise<VerifiedToken | Fault> {
  const { env, directory } = context
  const token = await verifyToken(jwt, ['aa-person+jwt', 'aa-auth+jwt'], directory, env.now())
  if (token instanceof Fault) return new Fault(`${token.code}_upstream_token`, token.detail)
  const { claims } = token
  if (context.isRevoked(claims['iss'], claims['jti']))
    return new Fault('revoked_upstream_token', 'it was revoked')
  const invalid = (detail: string) => new Fault('invalid_upstream_token', detail)
  if (!isFor(claims, context.intermediary))
    return invalid('aud is not the issuer of the agent token that signed')
  if (typeof claims['sub'] !== 'string') return invalid('sub is missing or no string')
  return personServerOf(token) === context.ps ? token : invalid('it is not of this person server')
}
