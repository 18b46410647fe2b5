import { asUser, type Caller, type Connected, type Grant, type Person, type TokenCaller } from '../caller.js'
import { describeValue } from '../configuration/describe-value.js'
import { Refusal } from '../errors.js'
import type { Bound } from './bindings.js'
import type { CheckedRequirement, WantedSession } from './checked-requirement.js'
import { type ClaimRules, findClaims, scopesOfClaims } from './claims.js'
import type {
  AskGrant,
  AskSession,
  AskToken,
  Connect,
  Forbid,
  MatrixDecision,
  Refuse,
  Serve,
} from './decision.js'
import { deny, type PolicyVerdict, type StepUp } from './policy.js'
import type { ScopeList } from './scope-list.js'
import { missingScopes, type ScopeRule } from './scope-rule.js'

/** A requirement as it applies to one request: its functions have been called. */
export interface Need extends Bound {
  readonly needs: CheckedRequirement['needs']
  readonly optional: boolean
  readonly scope: ScopeRule
  readonly claims: ClaimRules
  readonly ask: readonly string[]
}

type Cell<C> = (need: Need, caller: C) => MatrixDecision
type Row = {
  readonly nobody: () => AskToken
  readonly agent: Cell<TokenCaller>
  readonly person: Cell<Person>
  readonly grant: Cell<Grant>
}

/**
 * The whole answer matrix (AAuth 6.1, 6.4, 6.5; part L). A row is what the route requires, a column is what the
 * request presented. The other functions of this file decide what a session, a policy or a person server's list of
 * scopes changes. No other file chooses between serving, challenging and forbidding.
 */
const matrix: Readonly<Record<Need['needs'], Row>> = {
  // An agent token is the least that identifies a caller; other tokens say more.
  any: { nobody: askAgent, agent: serve, person: serve, grant: serveBound },
  // A person or auth token does not say who is calling (G-06).
  agent: { nobody: askAgent, agent: serve, person: askAgent, grant: askAgent },
  // Agents that hold an auth token present it everywhere; it names the person as well (G-05).
  person: { nobody: askPerson, agent: askPerson, person: serveLinked, grant: serveLinked },
  // Never an auth-token challenge for a request that carried neither a person token nor an auth token.
  grant: { nobody: askPerson, agent: askPerson, person: askGrant, grant: serveIfEnough },
  // A session belongs to a key, whichever token presents that key (G-32).
  session: { nobody: askAgent, agent: connect, person: connect, grant: connect },
}

/** Decides by the matrix. */
export function decide(need: Need, caller: TokenCaller | undefined): MatrixDecision {
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

/** What an unsigned request is challenged for. */
export function askedOfNobody(needs: Need['needs']): AskToken['requirement'] {
  return matrix[needs].nobody().requirement
}

/** Challenges the caller to say who it is. */
export function askAgent(): AskToken {
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

/** Serves every caller to whom the bindings of the route do not object. */
function serveBound({ objection }: Need, caller: TokenCaller): Serve | Forbid {
  return objection === undefined ? { act: 'serve', caller } : forbid(objection)
}

/** On a route with `user` a person who is linked to nobody needs no grant, only our page. */
function serveLinked(need: Need, caller: Person | Grant): Serve | AskGrant | Forbid {
  const { unlinked, user } = need
  if (need.objection === undefined && unlinked === true) {
    // A resource token has to name a scope, and `openid` of the person server grants nothing but who the person is.
    const more = caller.kind === 'person' ? ['openid'] : []
    return { ...extend(caller, more, []), link: true }
  }
  return serveBound(need, user === undefined ? caller : asUser(caller, user))
}

function askGrant(need: Need, caller: Person): AskGrant | Forbid {
  const { objection, scope, claims, ask, account } = need
  if (objection !== undefined) return forbid(objection)
  const essential = scopesOfClaims(claims)
  const asked = [...new Set([...missingScopes(scope, []), ...essential, ...ask])]
  return { act: 'ask-grant', caller, scope: asked, essential, account, ...linkFor(need) }
}

/** Asks for our page as well if the person is linked to no user yet. */
function linkFor({ unlinked }: Need): Pick<AskGrant, 'link'> {
  return unlinked === true ? { link: true } : {}
}

/** Serves a grant that suffices. Otherwise asks for a wider one, and for our page where a user is missing. */
function serveIfEnough(need: Need, grant: Grant): MatrixDecision {
  const { objection, scope, claims, ask, account: wanted, user, unlinked } = need
  if (objection !== undefined) return forbid(objection)
  const found = findClaims(claims, grant)
  if ('wrong' in found) return forbid(`The claim ${found.wrong} is missing, or not what is needed here`)
  const missing = missingScopes(scope, grant.scope)
  const account = wanted ?? grant.account
  // A grant for one account gives nothing at another (AAuth 11.11, R-293), and agents drop one on a 401 only (N-113).
  const isEnough = missing.length + found.lacking.length === 0 && account === grant.account
  if (isEnough && unlinked !== true)
    return { act: 'serve', caller: user === undefined ? grant : asUser(grant, user) }
  return { ...extend(grant, [...missing, ...ask], found.lacking, account), ...linkFor(need) }
}

/**
 * Decides whether a session suffices for a route, and otherwise what to ask for.
 *
 * @param by the users whose sessions the route accepts; `undefined` for all of them, empty for none
 * @param found the session that the request presented, if it belongs to this key and has not ended
 */
export function decideSession(
  caller: TokenCaller,
  { scope, description }: WantedSession,
  by: readonly string[] | undefined,
  found: Connected | undefined,
): Serve | AskSession | Forbid {
  if (by?.length === 0) return forbid('Nobody may connect an agent here')
  // A session of a user whom the route does not accept counts as none.
  const isTaken = found !== undefined && (by === undefined || by.includes(found.user))
  const held = isTaken ? found.scope : []
  if (isTaken && scope.every((name) => held.includes(name))) return { act: 'serve', caller: found }
  const asked = {
    scope: [...new Set([...held, ...scope])],
    ...(description === undefined ? {} : { description }),
    ...(by === undefined ? {} : { by }),
  }
  return { act: 'ask-session', caller, asked }
}

/**
 * Turns a policy's verdict into a decision. The verdict may be an object that the application made itself.
 *
 * @returns `undefined` when the policy has no objection
 * @throws TypeError when the verdict does not apply to this caller: a fault of the policy, and a `500`
 */
export function decideVerdict(
  verdict: PolicyVerdict | undefined,
  caller: Caller,
  now: number,
  scopes: Pick<ScopeList, 'isOwn' | 'isIdentity'>,
): AskGrant | Forbid | undefined {
  switch (verdict?.verdict) {
    case 'allow':
    // These two are approved already: `ask-policies.ts` holds a call before that.
    case 'approval':
    case 'interact':
      return undefined
    case 'deny': {
      const { code, detail } = deny(verdict.code, verdict.detail)
      return forbid(detail, code)
    }
    case 'step-up':
      if (caller.kind === 'person' || caller.kind === 'grant') return stepUpFor(caller, verdict, now, scopes)
      throw new TypeError(
        `the policy answered stepUp(…), and a caller of kind ${caller.kind} has no grant to widen`,
      )
  }
  throw new TypeError(
    `the policy answered ${describeValue(verdict)}, which is no verdict: return allow() or deny(…)`,
  )
}

function stepUpFor(
  caller: Person | Grant,
  { scope, fresh }: StepUp,
  now: number,
  scopes: Pick<ScopeList, 'isOwn' | 'isIdentity'>,
): AskGrant | Forbid | undefined {
  if (caller.kind === 'grant' && fresh && isFresh(caller, scope, now)) return undefined
  const unknown = scope.find((name) => !scopes.isOwn(name) && !scopes.isIdentity(name))
  if (unknown !== undefined)
    throw new TypeError(`stepUp: scope ${JSON.stringify(unknown)} is not described in the option scopes`)
  const asked = extend(caller, scope, scope.filter(scopes.isIdentity))
  // Otherwise the agent would bring the grant that it has, and be challenged again.
  const isNew = fresh || caller.kind === 'person' || asked.scope.length > caller.scope.length
  return isNew ? asked : forbid('What was granted is not enough here')
}

// The clocks of issuers and ours may differ by this much.
const freshSeconds = 60

/**
 * Whether this is the new grant that was asked for. Without this check, a policy that always wants a new one would
 * refuse each new grant, for ever.
 */
function isFresh({ token, scope: granted }: Grant, scope: readonly string[], now: number): boolean {
  return now - token.iat <= freshSeconds && scope.every((name) => granted.includes(name))
}

/**
 * Reduces a request for a grant to the scopes that a resource token may name.
 *
 * @param admitted those scopes, or a refusal when the person's server cannot be asked
 */
export function decideAdmitted(
  ask: AskGrant,
  admitted: readonly string[] | Refusal,
): AskGrant | Forbid | Refuse {
  if (admitted instanceof Refusal) return { act: 'refuse', refusal: admitted }
  // A resource token needs a scope, even if it only leads to our page.
  return admitted.length > 0 && ask.essential.every((name) => admitted.includes(name))
    ? { ...ask, scope: admitted }
    : forbid('The person’s server does not offer what is needed here')
}

/**
 * Step-up: an agent keeps one auth token and replaces it, so the scopes that it has are asked for again (R-157,
 * G-47).
 *
 * @param essential identity scopes without which the new grant would be useless
 * @param account the account of the grant, unless the request acts on another one
 */
function extend(
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
function forbid(detail?: string, code = 'access_denied'): Forbid {
  return { act: 'forbid', code, detail }
}
