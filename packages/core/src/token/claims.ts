import { z } from '../configuration/schema.js'
import { isServerIdentifier, parseAgentIdentifier } from '../identifiers.js'
import { fixedLimits } from '../limits.js'

const serverIdentifier = z.string().refine(isServerIdentifier, 'is not a server identifier')
const agentIdentifier = z
  .string()
  .refine((value) => parseAgentIdentifier(value) !== undefined, 'is no agent identifier')
const seconds = z.number().nonnegative()

// A string, or an array of only that, the general form of RFC 7519 (4.1.3) (N-090, N-090b).
const audience = z.union([z.string(), z.tuple([z.string()])])

// What every token in Signature-Key carries (AAuth 11.5.1).
const common = {
  iss: serverIdentifier,
  dwk: z.string(),
  jti: z.string().min(1).max(fixedLimits.jti),
  iat: seconds,
  exp: seconds,
  nbf: seconds.optional(),
  cnf: z.looseObject({ jwk: z.looseObject({}) }),
}

/** `aa-agent+jwt` (AAuth 5.3.1). */
export const agentClaims: z.ZodType<AgentClaims> = z.looseObject({
  ...common,
  sub: agentIdentifier,
  ps: serverIdentifier.optional(),
  parent_agent: agentIdentifier.optional(),
})

/** `aa-person+jwt` (AAuth 7.1.2). It never carries `scope` or `account`; a token that does is refused (G-19). */
export const personClaims: z.ZodType<PersonClaims> = z.looseObject({
  ...common,
  aud: audience,
  sub: z.string().min(1),
  mission_s256: z.string().optional(),
  tenant: z.string().optional(),
  scope: z.undefined().optional(),
  account: z.undefined().optional(),
})

/** `aa-auth+jwt` (AAuth 9.4.1). */
export const grantClaims: z.ZodType<GrantClaims> = z.looseObject({
  ...common,
  aud: audience,
  sub: z.string().min(1),
  ps: serverIdentifier,
  scope: z.string().optional(),
  account: z.string().optional(),
  mission_s256: z.string().optional(),
  tenant: z.string().optional(),
})

/** An `aud` claim: one identifier, which some issuers write as an array of one. */
export type Audience = string | readonly [string]

/** Claims of every token. Further claims are kept and ignored. */
export interface CommonClaims {
  readonly [claim: string]: unknown
  readonly iss: string
  readonly dwk: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly nbf?: number | undefined
  readonly cnf: { readonly jwk: Readonly<Record<string, unknown>> }
}

/** Claims of an agent token. */
export interface AgentClaims extends CommonClaims {
  readonly sub: string
  readonly ps?: string | undefined
  readonly parent_agent?: string | undefined
}

/** Claims of a person token. */
export interface PersonClaims extends CommonClaims {
  readonly aud: Audience
  readonly sub: string
  readonly mission_s256?: string | undefined
  readonly tenant?: string | undefined
}

/** Claims of an auth token. */
export interface GrantClaims extends CommonClaims {
  readonly aud: Audience
  readonly sub: string
  readonly ps: string
  readonly scope?: string | undefined
  readonly account?: string | undefined
  readonly mission_s256?: string | undefined
  readonly tenant?: string | undefined
}

/** The identity scopes of AAuth 11.10. A resource token may name one only if the person server supports it. */
export const identityScopes: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'tenant',
  'groups',
  'roles',
])
