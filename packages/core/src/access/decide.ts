import type { Caller, Grant, Person, TokenCaller } from '../caller.js'
import type { Wanted } from './approvals.js'
import type { Bound } from './bindings.js'
import type { CheckedRequirement } from './checked-requirement.js'
import { type ClaimRules, findClaims, scopesOfClaims } from './claims.js'
import { missingScopes, type ScopeRule } from './scope-rule.js'

/** A requirement as it is for one request: nothing in it is a function of the request any more. */
export interface Need extends Bound {
  readonly needs: CheckedRequirement['needs']
  readonly optional: boolean
  readonly scope: ScopeRule
  readonly claims: ClaimRules
  readonly ask: readonly string[]
}

/** Serve the caller, as far as the protocol goes; the policy still has the last word. */
export interface Serve {
  readonly act: 'serve'
  /** `undefined`: nobody, where the route is optional. */
  readonly caller: Caller | undefined
}

/** Challenge with a requirement that needs no token of ours. */
export interface AskToken {
  readonly act: 'ask'
  readonly requirement: 'agent-token' | 'person-token'
}

/** Challenge with a resource token for these scopes, minted from this caller. */
export interface AskGrant {
  readonly act: 'ask-grant'
  readonly caller: Person | Grant
  readonly scope: readonly string[]
  /** Those of the scopes without which it is no use asking. */
  readonly essential: readonly string[]
  readonly account: string | undefined
}

/** Access is denied: nothing the caller could bring would help. */
export interface Forbid {
  readonly act: 'forbid'
  readonly code: string
  readonly detail: string | undefined
}

/** Put the call aside until somebody has approved it; only a policy says so. */
export interface Hold {
  readonly act: 'hold'
  readonly caller: Caller
  readonly wanted: Wanted
}

/** The route has a flow of our own: look for a session, and where there is none have a person connect the agent. */
export interface Connect {
  readonly act: 'connect'
  readonly caller: TokenCaller
}

/** What to do with a request whose signature and token are good, or which has none at all. */
export type Decision = Serve | AskToken | AskGrant | Hold | Connect | Forbid

type Cell<C> = (need: Need, caller: C) => Decision
type Row = {
  readonly nobody: () => AskToken
  readonly agent: Cell<TokenCaller>
  readonly person: Cell<Person>
  readonly grant: Cell<Grant>
}

/**
 * The whole answer matrix (AAuth 6.1, 6.4, 6.5; part L). A row is what the endpoint needs, a column what the request
 * carried. No other place chooses between serving, challenging and forbidding.
 */
const matrix: Readonly<Record<Need['needs'], Row>> = {
  // The least that makes anybody known; what else a caller brings says more.
  any: { nobody: askAgent, agent: serve, person: serve, grant: serveBound },
  // A person or auth token does not say who is calling (G-06).
  agent: { nobody: askAgent, agent: serve, person: askAgent, grant: askAgent },
  // Agents that hold an auth token present it everywhere; it names the person as well (G-05).
  person: { nobody: askPerson, agent: askPerson, person: serveBound, grant: serveBound },
  // Never an auth-token challenge for a request that carried neither a person token nor an auth token.
  grant: { nobody: askPerson, agent: askPerson, person: askGrant, grant: fit },
  // A session goes with the key, whatever token says whose key it is (G-32).
  session: { nobody: askAgent, agent: connect, person: connect, grant: connect },
}

/** Decides by the matrix. */
export function decide(need: Need, caller: TokenCaller | undefined): Decision {
  if (caller === undefined && need.optional) return { act: 'serve', caller }
  const row = matrix[need.needs]
  switch (caller?.kind) {
    case undefined:
      return row.nobody()
    case 'agent':
      return row.agent(need, caller)
    case 'person':
      return row.person(need, caller)
    case 'grant':
      return row.grant(need, caller)
  }
}

/** What a request without a signature of ours is asked for. */
export function askedOfNobody(needs: Need['needs']): AskToken['requirement'] {
  return matrix[needs].nobody().requirement
}

function askAgent(): AskToken {
  return { act: 'ask', requirement: 'agent-token' }
}

function askPerson(): AskToken {
  return { act: 'ask', requirement: 'person-token' }
}

function serve(_: Need, caller: TokenCaller): Serve {
  return { act: 'serve', caller }
}

function connect(_: Need, caller: TokenCaller): Connect {
  return { act: 'connect', caller }
}

function serveBound({ objection }: Need, caller: TokenCaller): Serve | Forbid {
  return objection === undefined ? { act: 'serve', caller } : forbid(objection)
}

function askGrant({ objection, scope, claims, ask, account }: Need, caller: Person): AskGrant | Forbid {
  if (objection !== undefined) return forbid(objection)
  const essential = scopesOfClaims(claims)
  const asked = [...new Set([...missingScopes(scope, []), ...essential, ...ask])]
  return { act: 'ask-grant', caller, scope: asked, essential, account }
}

function fit({ objection, scope, claims, ask, account: wanted }: Need, grant: Grant): Decision {
  if (objection !== undefined) return forbid(objection)
  const found = findClaims(claims, grant)
  if ('wrong' in found) return forbid(`The claim ${found.wrong} is missing, or not what is needed here`)
  const missing = missingScopes(scope, grant.scope)
  const account = wanted ?? grant.account
  // A grant for one account gives nothing at another (AAuth 11.11, R-293), and agents drop one on a 401 only (N-113).
  return missing.length + found.lacking.length === 0 && account === grant.account
    ? { act: 'serve', caller: grant }
    : extend(grant, [...missing, ...ask], found.lacking, account)
}

/**
 * Step-up: agents keep one auth token and replace it, so ask for what they have as well (R-157, G-47).
 *
 * @param essential identity scopes without which it is no use asking
 * @param account that of the grant, unless the request acts on another one
 */
export function extend(
  caller: Person | Grant,
  more: readonly string[],
  essential: readonly string[],
  account: string | undefined = caller.kind === 'grant' ? caller.account : undefined,
): AskGrant {
  const held = caller.kind === 'grant' ? caller.scope : []
  return {
    act: 'ask-grant',
    caller,
    scope: [...new Set([...held, ...more, ...essential])],
    essential,
    account,
  }
}

/** A plain denial (G-54). */
export function forbid(detail?: string, code = 'access_denied'): Forbid {
  return { act: 'forbid', code, detail }
}
