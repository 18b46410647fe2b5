import { importPublicJwk, KeyFault } from '@countersign/core/signature'
import type { CallingAgent } from './authenticate.js'
import { isObject, type JsonObject } from './directory.js'
import { Fault } from './fault.js'
import { agentDomain } from './identifiers.js'
import type { TokenRequestContext } from './resource-token.js'
import { type VerifiedToken, verifyToken } from './tokens.js'

/**
 * `subagent_token` (AAuth 10.2.2): the agent token of a sub-agent of the signer. Only `parent_agent` says so; the
 * local part of its identifier is never interpreted (5.2).
 */
export async function checkSubAgentToken(
  jwt: string,
  parent: VerifiedToken,
  context: Pick<TokenRequestContext, 'env' | 'directory' | 'isRevoked'>,
): Promise<CallingAgent | Fault> {
  const token = await verifyToken(jwt, ['aa-agent+jwt'], context.directory, context.env.now())
  if (token instanceof Fault) return new Fault(`${token.code}_subagent_token`, token.detail)
  const { iss, jti, sub, parent_agent: named, cnf } = token.claims
  if (context.isRevoked(iss, jti)) return new Fault('revoked_subagent_token', 'it was revoked')
  const invalid = (detail: string) => new Fault('invalid_subagent_token', detail)
  if (iss !== parent.claims['iss']) return invalid('iss is another agent provider than that of its parent')
  if (named !== parent.claims['sub']) return invalid('parent_agent is not the agent that signed')
  if (`https://${agentDomain(sub)}` !== iss) return invalid('sub is no agent identifier of its issuer')
  if (sub === named) return invalid('it is the sub-agent of itself')
  const jwk = isObject(cnf) ? cnf['jwk'] : undefined
  const key = importPublicJwk(jwk)
  return key instanceof KeyFault
    ? invalid(`cnf: ${key.detail}`)
    : { agent: sub as string, token, jkt: key.jkt, jwk: jwk as JsonObject }
}
