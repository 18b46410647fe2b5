import { isServerIdentifier } from '../identifiers.js'
import type { AskedSession } from '../pending/open.js'
import { type ReplayMode, replayMode } from '../replay/replay-mode.js'
import { isRequirableComponent } from '../signature/required.js'
import { type Bindings, nothing } from './bindings.js'
import { type ClaimRules, checkClaimRules, scopesOfClaims } from './claims.js'
import { type EffectTerms, effects } from './effects.js'
import { isExpectation } from './expectation.js'
import { type Policy, policyList } from './policy.js'
import type { RequestView } from './request-view.js'
import { checkScopeRule, type ScopeNeed } from './scope-rule.js'

/** A requirement that has been checked, in the one form the decision knows. */
export interface CheckedRequirement {
  readonly needs: 'any' | 'agent' | 'person' | 'grant' | 'session'
  readonly scope: ScopeNeed
  readonly claims: ClaimRules
  /** What a session has to be for, where the route needs one. */
  readonly session: AskedSession | undefined
  readonly components: readonly string[]
  /** Whether those who decide see the content. */
  readonly content: boolean
  readonly deliver: 'challenge' | 'held'
  /** `undefined`: as for the whole server. */
  readonly replay: ReplayMode | undefined
  readonly bindings: Bindings
  /** In the order in which they are asked: the server's, the router's, the route's. */
  readonly policies: readonly Policy[]
  readonly optional: boolean
  readonly observe: boolean
  /** Whether there is another way in. */
  readonly or: boolean
  readonly orWins: ((request: RequestView) => boolean) | undefined
}

/** What a route inherits, and what its requirement is checked against. */
export interface RequirementContext {
  /** The scopes this resource describes. */
  readonly scopes: ReadonlySet<string>
  /** Whether the option `accounts` is there. */
  readonly accounts: boolean
  /** Whether there is a key that signs resource tokens. */
  readonly keys: boolean
  /** Whether the option `interaction` is there. */
  readonly interaction: boolean
  readonly policies: readonly Policy[]
  readonly observe: boolean
}

const routeTerms = [
  'effect',
  'components',
  'content',
  'replay',
  'policy',
  'optional',
  'observe',
  'or',
  'orWins',
]
const personTerms = ['tenant', 'mission', 'person']
const terms = {
  any: ['identity', ...routeTerms],
  agent: ['identity', ...routeTerms],
  person: ['identity', ...routeTerms, ...personTerms],
  session: ['session', ...routeTerms],
  grant: ['scope', 'claims', 'account', 'deliver', ...routeTerms, ...personTerms],
} as const

/**
 * Checks a requirement when a route is declared.
 *
 * @throws TypeError naming what is wrong
 */
export function checkRequirement(requirement: unknown, context: RequirementContext): CheckedRequirement {
  const given = spellOut(requirement)
  const needs = kindOf(given)
  const unknown = Object.keys(given).find(
    (name) => given[name] !== undefined && !(terms[needs] as readonly string[]).includes(name),
  )
  if (unknown !== undefined) throw new TypeError(`require: ${unknown} cannot be said of this kind of route`)
  const effect = checkEffect(given['effect'], needs)
  return {
    needs,
    ...checkGrantTerms(given, needs, context),
    ...checkRouteTerms(given, context),
    policies: [...context.policies, ...policyList(given['policy'], 'require: policy'), ...effect.last],
    content: given['content'] === true,
    components: [
      ...new Set([
        ...(given['content'] === true ? contentComponents : []),
        ...effect.components,
        ...checkComponents(given['components'] ?? []),
      ]),
    ],
    session: needs === 'session' ? checkSession(given['session'], context) : undefined,
    deliver: checkDelivery(given['deliver'] ?? 'challenge'),
    replay: checkReplay(given['replay'] ?? effect.replay),
    bindings: checkBindings(given, context),
  }
}

function spellOut(requirement: unknown): Readonly<Record<string, unknown>> {
  if (requirement === 'agent' || requirement === 'person') return { identity: requirement }
  if (typeof requirement !== 'object' || requirement === null) throw shapeError()
  return requirement as Readonly<Record<string, unknown>>
}

function kindOf({
  identity,
  scope,
  claims,
  session,
}: Readonly<Record<string, unknown>>): CheckedRequirement['needs'] {
  if (session !== undefined && identity === undefined) return 'session'
  if (identity === 'any' || identity === 'agent' || identity === 'person') return identity
  if (identity !== undefined || (scope === undefined && claims === undefined)) throw shapeError()
  return 'grant'
}

function checkGrantTerms(
  { scope, claims }: Readonly<Record<string, unknown>>,
  needs: CheckedRequirement['needs'],
  { scopes, keys }: RequirementContext,
): Pick<CheckedRequirement, 'scope' | 'claims'> {
  if (needs !== 'grant') return { scope: [], claims: {} }
  if (!keys) throw new TypeError('require: scopes and claims need the option signingKeys')
  const rules = claims === undefined ? {} : checkClaimRules(claims)
  if (scope === undefined) {
    if (scopesOfClaims(rules).length === 0)
      throw new TypeError('require: no identity scope brings these claims; name a scope as well')
    return { scope: [], claims: rules }
  }
  if (typeof scope !== 'function') return { scope: checkScopeRule(scope, scopes), claims: rules }
  const asked = scope as Extract<ScopeNeed, (request: never) => unknown>
  return { scope: async (request) => checkScopeRule(await asked(request), scopes), claims: rules }
}

function checkRouteTerms(
  { optional, observe, content, or, orWins }: Readonly<Record<string, unknown>>,
  context: RequirementContext,
): Pick<CheckedRequirement, 'optional' | 'observe' | 'or' | 'orWins'> {
  for (const [name, value] of Object.entries({ optional, observe, content })) {
    if (value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`require: ${name} must be a boolean`)
  }
  if (optional === true && or !== undefined)
    throw new TypeError('require: a route is optional or has another way in, not both')
  if (orWins !== undefined && (typeof orWins !== 'function' || or === undefined))
    throw new TypeError('require: orWins must be a function, beside or')
  return {
    optional: optional === true,
    observe: (observe as boolean | undefined) ?? context.observe,
    or: or !== undefined,
    orWins: orWins as CheckedRequirement['orWins'],
  }
}

function checkEffect(effect: unknown, needs: CheckedRequirement['needs']): EffectTerms {
  if (effect === undefined) return noEffect
  const found = effects.get(effect)
  if (found === undefined) throw new TypeError("require: effect must be 'read', 'write' or 'irreversible'")
  if (effect !== 'read' && needs !== 'grant')
    throw new TypeError(`require: effect ${String(effect)} needs a route with scope or claims`)
  return found
}

/** What has to be covered so that content can be believed to be what was signed. */
const contentComponents = ['content-type', 'content-digest']

const noEffect: EffectTerms = { components: [], replay: undefined, last: [] }

function checkSession(terms: unknown, { scopes, interaction }: RequirementContext): AskedSession {
  if (!interaction) throw new TypeError('require: session needs the option interaction, with the login')
  const given = terms === true ? {} : terms
  if (typeof given !== 'object' || given === null)
    throw new TypeError('require: session must be true or an object')
  const { scope = [], description, ...rest } = given as Readonly<Record<string, unknown>>
  const names: readonly unknown[] = [scope].flat()
  const strange = names.find((name) => typeof name !== 'string' || !scopes.has(name)) ?? Object.keys(rest)[0]
  if (strange !== undefined)
    throw new TypeError(
      `require: session: ${JSON.stringify(strange)} is not known, or not described in the option scopes`,
    )
  if (description !== undefined && typeof description !== 'string')
    throw new TypeError('require: session: description must be a string')
  return { scope: names as readonly string[], ...(description === undefined ? {} : { description }) }
}

function checkDelivery(deliver: unknown): CheckedRequirement['deliver'] {
  if (deliver !== 'challenge' && deliver !== 'held')
    throw new TypeError("require: deliver must be 'challenge' or 'held'")
  return deliver
}

function checkReplay(replay: unknown): ReplayMode | undefined {
  if (replay === undefined) return undefined
  if (replay !== true && replay !== false && replay !== 'all')
    throw new TypeError("require: replay must be true, false or 'all'")
  return replayMode(replay)
}

function checkComponents(components: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(components) ? components : [components]
  return names.map((name) => {
    if (typeof name === 'string' && isRequirableComponent(name)) return name
    throw new TypeError(
      `require: ${JSON.stringify(name)} is no component that signatures can be asked to cover`,
    )
  })
}

function checkBindings(
  { tenant, mission, person, account }: Readonly<Record<string, unknown>>,
  { accounts }: RequirementContext,
): Bindings {
  if (tenant !== undefined && !isTenantRule(tenant))
    throw new TypeError('require: tenant must be true, { ps, tenant } or a function')
  if (mission !== undefined && !isExpectation(mission))
    throw new TypeError('require: mission must be true, a hash or a function')
  for (const [name, value] of Object.entries({ person, account })) {
    if (value !== undefined && typeof value !== 'function')
      throw new TypeError(`require: ${name} must be a function of the request`)
  }
  if (account !== undefined && !accounts)
    throw new TypeError('require: account needs the option accounts, which says who holds an account')
  const bindings = { tenant, mission, person, account } as Bindings
  return Object.values(bindings).some((value) => value !== undefined) ? bindings : nothing
}

function isTenantRule(rule: unknown): boolean {
  if (rule === true || typeof rule === 'function') return true
  if (typeof rule !== 'object' || rule === null) return false
  const { ps, tenant } = rule as Readonly<Record<string, unknown>>
  const names: readonly unknown[] = [tenant].flat()
  return (
    typeof ps === 'string' &&
    isServerIdentifier(ps) &&
    names.length > 0 &&
    names.every((name) => typeof name === 'string')
  )
}

function shapeError(): TypeError {
  return new TypeError(
    "require: expected 'agent', 'person', { identity }, { scope }, { claims } or { session }",
  )
}
