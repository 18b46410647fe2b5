import type { Grant } from '../caller.js'
import { type Expectation, isExpectation, matches } from './expectation.js'

/**
 * What a claim of the auth token has to be. A claim is the word of its issuer: where any person server is admitted,
 * each can assert anything about its own persons. Restrict the issuers, or let a function check `grant.person.ps`.
 */
export type ClaimRule = Expectation<unknown, Grant>

/** The claims that a route requires, by name. */
export type ClaimRules = Readonly<Record<string, ClaimRule>>

/** Claims of a fixed type; a claim of another type counts as absent. */
export interface KnownClaims {
  readonly name: string
  readonly given_name: string
  readonly family_name: string
  readonly nickname: string
  readonly preferred_username: string
  readonly birthdate: string
  readonly locale: string
  readonly zoneinfo: string
  readonly email: string
  readonly email_verified: boolean
  readonly phone_number: string
  readonly phone_number_verified: boolean
}

// Which identity scope brings a claim: OpenID Connect Core, 5.4, and the enterprise scopes of AAuth 11.10.
const scopeOfClaim: ReadonlyMap<string, string> = new Map([
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile'].map(
    (claim) => [claim, 'profile'] as const,
  ),
  ...['picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'].map(
    (claim) => [claim, 'profile'] as const,
  ),
  ['email', 'email'],
  ['email_verified', 'email'],
  ['address', 'address'],
  ['phone_number', 'phone'],
  ['phone_number_verified', 'phone'],
  ['groups', 'groups'],
  ['roles', 'roles'],
])

const types: ReadonlyMap<string, 'string' | 'boolean'> = new Map(
  Object.entries({
    name: 'string',
    given_name: 'string',
    family_name: 'string',
    nickname: 'string',
    preferred_username: 'string',
    birthdate: 'string',
    locale: 'string',
    zoneinfo: 'string',
    email: 'string',
    email_verified: 'boolean',
    phone_number: 'string',
    phone_number_verified: 'boolean',
  } satisfies Record<keyof KnownClaims, 'string' | 'boolean'>),
)

/** The identity scopes that bring these claims. */
export function scopesOfClaims(rules: ClaimRules): readonly string[] {
  return [...new Set(Object.keys(rules).flatMap((claim) => scopeOfClaim.get(claim) ?? []))]
}

/** The claims that a grant lacks: scopes that may bring them, or a claim that no step-up can bring. */
export type ClaimsFound = { readonly lacking: readonly string[] } | { readonly wrong: string }

/**
 * Compares a grant with the rules. A claim that is absent although its scope was granted was withheld, so asking
 * again would not help.
 */
export function findClaims(rules: ClaimRules, grant: Grant): ClaimsFound {
  const lacking: string[] = []
  for (const [claim, rule] of Object.entries(rules)) {
    const value = claimOf(grant, claim)
    const scope = scopeOfClaim.get(claim)
    if (value === undefined && scope !== undefined && !grant.scope.includes(scope)) {
      if (!lacking.includes(scope)) lacking.push(scope)
    } else if (!matches(rule, value, grant)) return { wrong: claim }
  }
  return { lacking }
}

function claimOf({ claims }: Grant, name: string): unknown {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  const type = types.get(name)
  return type === undefined || typeof value === type ? value : undefined
}

/**
 * Checks the rules of a route.
 *
 * @throws TypeError naming what is wrong
 */
export function checkClaimRules(rules: unknown): ClaimRules {
  if (typeof rules !== 'object' || rules === null || Object.keys(rules).length === 0)
    throw new TypeError('require: claims must name at least one claim')
  for (const [claim, rule] of Object.entries(rules)) {
    if (!isExpectation(rule))
      throw new TypeError(`require: claims.${claim} must be true, a value, a list of values or a function`)
  }
  return rules as ClaimRules
}
