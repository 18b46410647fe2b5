import type { Agent, Grant, Person, PresentedToken, TokenCaller } from '../caller.js'
import type { z } from '../configuration/schema.js'
import { Refusal, refuse } from '../errors.js'
import { hostOf, parseAgentIdentifier } from '../identifiers.js'
import type { Trace } from '../tracing/trace.js'
import {
  type AgentClaims,
  type Audience,
  agentClaims,
  type CommonClaims,
  type GrantClaims,
  grantClaims,
  type PersonClaims,
  personClaims,
} from './claims.js'
import { scopeNames } from './shared.js'

/** Which tokens the resource accepts, from its options. */
export interface TokenPolicy {
  /** Told of each check. Present only for an explanation. */
  readonly trace?: Trace | undefined
  /** The resource's identifier: the only `aud` accepted. */
  readonly resource: string
  /** Our access server, if the resource has one. */
  readonly accessServer: string | undefined
  /** How far an `iat` or `nbf` may lie ahead, in seconds. */
  readonly window: number
  /** The longest `exp - iat` of an agent token, in seconds. */
  readonly maxAgentTokenLifetime: number
  /** Characters of a token. */
  readonly maxTokenLength: number
  /** Members and elements of its header, and of its claims. */
  readonly maxTokenMembers: number
}

/** A token type: its claims and checks. */
export interface TokenType<C extends CommonClaims = CommonClaims> {
  readonly typ: string
  /** The documents that may publish its issuer's keys. */
  readonly documents: readonly string[]
  readonly claims: z.ZodType<C>
  lifetime(policy: TokenPolicy): number
  /** The checks for this type that need no key. */
  check(claims: C, policy: TokenPolicy): Refusal | undefined
  caller(claims: C, jkt: string): TokenCaller
}

const agentToken: TokenType<AgentClaims> = {
  typ: 'aa-agent+jwt',
  documents: ['aauth-agent.json'],
  claims: agentClaims,
  lifetime: (policy) => policy.maxAgentTokenLifetime,
  // The draft does not tie the domain of `sub` to the provider that signed. Without this check, any provider could
  // name any agent (G-03).
  check: (claims) =>
    parseAgentIdentifier(claims.sub)?.domain === hostOf(claims.iss)
      ? undefined
      : refuse('invalid_jwt', 'The domain of the agent token’s sub is not the host of its iss'),
  caller: (claims, jkt): Agent => ({
    kind: 'agent',
    agent: claims.sub,
    provider: claims.iss,
    ...optional('ps', claims.ps),
    ...optional('parentAgent', parentOf(claims)),
    jkt,
    token: presented(claims),
  }),
}

const personToken: TokenType<PersonClaims> = {
  typ: 'aa-person+jwt',
  documents: ['aauth-person.json'],
  claims: personClaims,
  lifetime: () => 3600,
  check: (claims, policy) => checkAudience(claims.aud, policy),
  caller: (claims, jkt): Person => ({
    kind: 'person',
    person: { ps: claims.iss, sub: claims.sub },
    ...optional('tenant', claims.tenant),
    ...optional('mission', claims.mission_s256),
    jkt,
    token: presented(claims),
  }),
}

const authToken: TokenType<GrantClaims> = {
  typ: 'aa-auth+jwt',
  documents: ['aauth-access.json', 'aauth-person.json'],
  claims: grantClaims,
  lifetime: () => 3600,
  check: (claims, policy) => checkAudience(claims.aud, policy) ?? checkGrantor(claims, policy),
  caller: (claims, jkt): Grant => ({
    kind: 'grant',
    person: { ps: claims.ps, sub: claims.sub },
    scope: scopeNames(claims.scope ?? ''),
    ...optional('account', claims.account),
    ...optional('tenant', claims.tenant),
    ...optional('mission', claims.mission_s256),
    jkt,
    token: presented(claims),
    claims: issuedClaims(claims),
  }),
}

/** All token types accepted in `Signature-Key`. A resource token is not one of them. */
export const tokenTypes: ReadonlyMap<unknown, TokenType> = new Map<unknown, TokenType>(
  [agentToken, personToken, authToken].map((type) => [type.typ, type as unknown as TokenType]),
)

// Parent and sub-agent have the same provider (5.3.1). A provider must not name another provider's agent, because
// policies and denials would rely on it (G-03). Whether to issue such a token is up to providers.
function parentOf({ iss, parent_agent: parent }: AgentClaims): string | undefined {
  return parent !== undefined && parseAgentIdentifier(parent)?.domain === hostOf(iss) ? parent : undefined
}

function checkAudience(aud: Audience, policy: TokenPolicy): Refusal | undefined {
  const [audience] = [aud].flat()
  return audience === policy.resource ? undefined : refuse('invalid_jwt', 'The token is for another resource')
}

/**
 * An auth token is accepted only from the server to which we would have sent the agent: our access server if we have
 * one, otherwise a person server that speaks for itself. Any origin can publish a document and mint a token (G-01).
 */
function checkGrantor(claims: GrantClaims, policy: TokenPolicy): Refusal | undefined {
  const { accessServer } = policy
  const wanted = accessServer === undefined ? 'aauth-person.json' : 'aauth-access.json'
  if (claims.dwk !== wanted || (accessServer !== undefined && claims.iss !== accessServer)) {
    return new Refusal('invalid_jwt', {
      detail: 'The auth token’s issuer does not decide for this resource',
      requirement: 'person-token',
    })
  }
  return accessServer === undefined && claims.ps !== claims.iss
    ? refuse('invalid_jwt', 'The auth token names another person server than its issuer')
    : undefined
}

function presented(claims: CommonClaims): PresentedToken {
  return { iss: claims.iss, jti: claims.jti, iat: claims.iat, exp: claims.exp }
}

// The key in `cnf` is known by its thumbprint, and says nothing more about the person or the grant.
function issuedClaims({ cnf: _, ...claims }: GrantClaims): Grant['claims'] {
  return claims
}

function optional<K extends string>(name: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: string })
}
