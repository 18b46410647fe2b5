import { type IssuedType, type IssuerKeys, verifyIssued } from '@countersign/core/issuer'
import { Refusal } from '@countersign/core/signature'
import { confirmationThumbprint, type HeldToken, holdToken, isFor, scopes } from './held.js'

/** What the checks of an agent depend on. */
export interface Checker {
  readonly issuers: IssuerKeys
  /** The thumbprint of the key that the tokens must be bound to. */
  readonly jkt: string
  /** The person server that the tokens must name. */
  readonly ps: string
  /** When person and auth tokens must end at the latest, in seconds; `undefined` for no bound. */
  readonly until: number | undefined
  /** Seconds. */
  readonly now: number
}

/** A token that failed a check. The message names no person. */
export class Unfit {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

/** Checks a resource token before the agent takes it to its person server (AAuth 6.7.3). */
export async function checkResourceToken(
  jwt: string,
  presented: HeldToken,
  resource: string,
  checker: Checker,
): Promise<HeldToken | Unfit> {
  const token = await verified(jwt, 'aa-resource+jwt', checker)
  if (token instanceof Unfit) return token
  const { claims } = token
  if (claims.iss !== resource) return new Unfit('iss is another resource')
  if (claims['agent_jkt'] !== checker.jkt) return new Unfit('agent_jkt is not this agent’s key')
  if (claims['ps'] !== checker.ps) return new Unfit('ps is not this agent’s person server')
  const said = { ...presented.claims, presented_jti: presented.claims.jti, ps: checker.ps }
  const differing = copied.find((name) => claims[name] !== (said as Readonly<Record<string, unknown>>)[name])
  return differing === undefined ? token : new Unfit(`${differing} differs from the presented token`)
}

/**
 * The claims that a resource token copies from the presented token; a claim absent there must be absent here (AAuth
 * 6.7.2).
 */
const copied = ['presented_jti', 'ps', 'sub', 'mission_s256', 'tenant'] as const

/** Checks an auth token before the agent uses it (AAuth 9.4.4). */
export async function checkAuthToken(
  jwt: unknown,
  resourceToken: HeldToken,
  checker: Checker,
): Promise<HeldToken | Unfit> {
  if (typeof jwt !== 'string') return new Unfit('there is none in the answer')
  const token = await verified(jwt, 'aa-auth+jwt', checker)
  if (token instanceof Unfit) return token
  const { claims } = token
  const wanted = resourceToken.claims
  const allowed = new Set(scopes(wanted['scope']))
  const wrong =
    (claims.iss !== wanted['aud'] && 'iss') ||
    (!isFor(claims, wanted.iss) && 'aud') ||
    (claims['ps'] !== checker.ps && 'ps') ||
    (claims['sub'] !== wanted['sub'] && 'sub') ||
    (claims['account'] !== wanted['account'] && 'account') ||
    (claims['mission_s256'] !== wanted['mission_s256'] && 'mission_s256') ||
    (claims['tenant'] !== wanted['tenant'] && 'tenant') ||
    (!scopes(claims['scope']).every((scope) => allowed.has(scope)) && 'scope') ||
    (confirmationThumbprint(claims) !== checker.jkt && 'cnf') ||
    (outlives(token, checker) && 'exp')
  return wrong === false ? token : new Unfit(`${wrong} is not what was asked for`)
}

/**
 * Checks a person token fetched for a caller before it is presented (AAuth 7.1.2): as {@link checkPersonToken}, and
 * its signature.
 */
export async function verifyPersonToken(
  jwt: unknown,
  resource: string,
  checker: Checker,
): Promise<HeldToken | Unfit> {
  const token = checkPersonToken(jwt, resource, checker)
  if (token instanceof Unfit) return token
  const { claims } = token
  // A token that grants something is no person token (G-19).
  if (claims['scope'] !== undefined || claims['account'] !== undefined)
    return new Unfit('it grants something')
  const verifies = await verified(token.jwt, 'aa-person+jwt', checker)
  return verifies instanceof Unfit ? verifies : token
}

/** Checks that a person token is for this resource and this key (AAuth 7.1.2). The resource verifies its signature. */
export function checkPersonToken(jwt: unknown, resource: string, checker: Checker): HeldToken | Unfit {
  const token = holdToken('person', jwt)
  if (token === undefined) return new Unfit('there is none in the answer')
  const { claims } = token
  if (claims.iss !== checker.ps) return new Unfit('iss is another person server')
  if (!isFor(claims, resource)) return new Unfit('aud is another resource')
  if (typeof claims['sub'] !== 'string' || claims['sub'] === '') return new Unfit('it names no person')
  if (confirmationThumbprint(claims) !== checker.jkt) return new Unfit('cnf is another key')
  if (claims.exp <= checker.now) return new Unfit('it has ended')
  return outlives(token, checker) ? new Unfit('it ends later than it may') : token
}

/** Checks that an agent token is for this key and has not expired. */
export function checkAgentToken(jwt: unknown, jkt: string, now: number): HeldToken | Unfit {
  const token = holdToken('agent', jwt)
  if (token === undefined) return new Unfit('it is no agent token')
  if (confirmationThumbprint(token.claims) !== jkt)
    return new Unfit('its cnf is another key than the agent’s')
  return token.claims.exp > now ? token : new Unfit('it has ended')
}

/** nothing fetched with an upstream token outlives it. */
function outlives({ claims }: HeldToken, { until }: Checker): boolean {
  return until !== undefined && claims.exp > until
}

async function verified(jwt: string, typ: IssuedType, { issuers, now }: Checker): Promise<HeldToken | Unfit> {
  const token = await verifyIssued(jwt, typ, issuers, now)
  if (token instanceof Refusal) {
    const { detail, reason } = token.details
    return new Unfit(`${token.code}: ${detail ?? reason ?? 'it does not verify'}`)
  }
  return { kind: 'auth', jwt, claims: token.claims }
}
