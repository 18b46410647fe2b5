import type { Enforcement } from '../adoption/dial.js'
import { andThen } from '../awaitable.js'
import { didYouMean } from '../configuration/nearest.js'
import type { RequestView } from '../http/request-view.js'
import { keyNeeded } from '../own-keys/made-key.js'
import { type ReplayMode, replayMode } from '../replay/replays.js'
import { identityScopes } from '../token/claims.js'
import { type Bindings, nothing } from './bindings.js'
import { type ClaimRules, checkClaimRules, scopesOfClaims } from './claims.js'
import { type EffectTerms, effects } from './effects.js'
import { type Policy, policyList } from './policy.js'
import type { SessionTerms } from './requirement.js'
import {
  goesWith,
  isObject,
  isTerm,
  type RouteKind,
  readSessionTerms,
  readTerms,
  type Terms,
} from './requirement-schema.js'
import { checkScopeRule, type ScopeNeed, type ScopeRule } from './scope-rule.js'

/** A checked requirement, in the one form that `decide.ts` takes. */
export interface CheckedRequirement {
  readonly needs: RouteKind
  readonly scope: ScopeNeed
  readonly claims: ClaimRules
  /** Scopes that a challenge asks for as well, although a grant without them is served (G-72). */
  readonly ask: readonly string[]
  /** The session that a route requires. */
  readonly session: WantedSession
  readonly components: readonly string[]
  /** Whether policies and other functions see the content. */
  readonly content: boolean
  /** Whether the handler calls suppliers. */
  readonly onward: boolean
  readonly deliver: 'challenge' | 'held'
  /** `undefined`: as the server's option says. */
  readonly replay: ReplayMode | undefined
  readonly bindings: Bindings
  /** In the order in which they are asked: the server's, the router's, the route's. */
  readonly policies: readonly Policy[]
  readonly optional: boolean
  readonly observe: boolean
  /** The callers for which a report-only route is enforced already. */
  readonly enforce: Enforcement | undefined
  /** Whether there is another way in. */
  readonly or: boolean
  readonly orWins: ((request: RequestView) => boolean) | undefined
}

/** The scopes and users of a required session, as the route declares them. */
export type WantedSession = Omit<SessionTerms, 'scope'> & { readonly scope: readonly string[] }

/** What a route inherits, and what its requirement is checked against. */
export interface RequirementContext {
  /** The scopes this resource describes. */
  readonly scopes: ReadonlySet<string>
  /** Whether the option `accounts` is there. */
  readonly accounts: boolean
  /** Whether the option `users` is there. */
  readonly users: boolean
  /** Whether there is a key that signs resource tokens. */
  readonly keys: boolean
  /** Whether the option `interaction` is there. */
  readonly interaction: boolean
  /** Whether the option `onward` is there. */
  readonly onward: boolean
  readonly policies: readonly Policy[]
  readonly observe: boolean
  readonly enforce?: Enforcement | undefined
}

/**
 * Checks a requirement when a route is declared.
 *
 * @throws TypeError naming what is wrong
 */
export function checkRequirement(requirement: unknown, context: RequirementContext): CheckedRequirement {
  const given = spellOut(requirement, context.scopes)
  const needs = kindOf(given)
  const terms = readTerms(given, needs)
  const effect = checkEffect(terms.effect, needs)
  const { replay = effect.replay } = terms
  return {
    needs,
    ...checkGrantTerms(terms, needs, context),
    ...checkRouteTerms(terms, context),
    policies: [...context.policies, ...policyList(terms.policy), ...effect.last],
    content: terms.content === true,
    onward: checkOnward(terms, needs, context),
    components: [
      ...new Set([
        ...(terms.content === true ? contentComponents : []),
        ...effect.components,
        ...[terms.components ?? []].flat(),
      ]),
    ],
    session: needs === 'session' ? checkSession(given['session'], context) : { scope: [] },
    deliver: terms.deliver ?? 'challenge',
    replay: replay === undefined ? undefined : replayMode(replay),
    bindings: checkBindings(terms, context),
  }
}

function spellOut(requirement: unknown, scopes: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  if (requirement === 'agent' || requirement === 'person') return { identity: requirement }
  if (typeof requirement === 'string' && (scopes.has(requirement) || identityScopes.has(requirement)))
    throw new TypeError(`require: a scope is asked for by { scope: ${JSON.stringify(requirement)} }`)
  if (!isObject(requirement) || Array.isArray(requirement)) throw shapeError()
  return requirement as Readonly<Record<string, unknown>>
}

function kindOf(given: Readonly<Record<string, unknown>>): RouteKind {
  if ('identity' in given) {
    const { identity: kind } = given
    if (kind === 'any' || kind === 'agent' || kind === 'person') return kind
    throw new TypeError("require: identity: must be 'any', 'agent' or 'person'")
  }
  if ('session' in given) return 'session'
  if ('scope' in given || 'claims' in given) return 'grant'
  const names = Object.keys(given)
  const alone = names.find(isTerm)
  throw alone === undefined
    ? shapeError(names[0])
    : new TypeError(`require: ${alone} does not say who may call; it goes with ${goesWith(alone)}`)
}

function checkGrantTerms(
  { scope, claims, ask }: Terms,
  needs: RouteKind,
  { scopes, keys }: RequirementContext,
): Pick<CheckedRequirement, 'scope' | 'claims' | 'ask'> {
  if (needs !== 'grant') return { scope: [], claims: {}, ask: [] }
  if (!keys) throw new TypeError(`require: claims and scopes need the option signingKeys; ${keyNeeded}`)
  const rules = claims === undefined ? {} : checkClaimRules(claims)
  const more = { claims: rules, ask: checkAsk(ask, scopes) }
  if (scope === undefined) {
    if (scopesOfClaims(rules).length === 0)
      throw new TypeError('require: no identity scope brings these claims; name a scope as well')
    return { scope: [], ...more }
  }
  if (typeof scope !== 'function') return { scope: checkScopeRule(scope, scopes), ...more }
  const check = (rule: ScopeRule): ScopeRule => checkScopeRule(rule, scopes)
  return { scope: (request, deadline) => andThen(scope(request, deadline), check), ...more }
}

function checkAsk(ask: Terms['ask'], scopes: ReadonlySet<string>): readonly string[] {
  const asked = [ask ?? []].flat()
  const unknown = asked.find((name) => !scopes.has(name) && !identityScopes.has(name))
  if (unknown === undefined) return asked
  throw new TypeError(
    `require: ask: ${JSON.stringify(unknown)} is not described in the option scopes${didYouMean(unknown, scopes)}`,
  )
}

function checkRouteTerms(
  { optional = false, observe: own, enforce, or, orWins }: Terms,
  context: RequirementContext,
): Pick<CheckedRequirement, 'optional' | 'observe' | 'enforce' | 'or' | 'orWins'> {
  const observe = own ?? context.observe
  if (optional && or !== undefined)
    throw new TypeError('require: a route is optional or has another way in, not both')
  if (orWins !== undefined && or === undefined) throw new TypeError('require: orWins must be beside or')
  if (enforce !== undefined && !observe)
    throw new TypeError(
      'require: enforce needs observe: true; without it the route is enforced for everybody',
    )
  return {
    optional,
    observe,
    enforce: observe ? (enforce ?? context.enforce) : undefined,
    or: or !== undefined,
    orWins,
  }
}

function checkEffect(effect: Terms['effect'], needs: RouteKind): EffectTerms {
  if (effect === undefined) return noEffect
  if (effect !== 'read' && needs !== 'grant')
    throw new TypeError(`require: effect ${effect} needs a route with scope or claims`)
  return effects.get(effect) as EffectTerms
}

/** The components to be covered before content counts as signed. */
const contentComponents = ['content-type', 'content-digest']

const noEffect: EffectTerms = { components: [], replay: undefined, last: [] }

function checkSession(terms: unknown, { scopes, interaction }: RequirementContext): WantedSession {
  if (!interaction) throw new TypeError('require: session needs the option interaction, with the login')
  if (terms === true) return { scope: [] }
  if (!isObject(terms)) throw new TypeError('require: session: must be true or an object')
  const { scope = [], description, by } = readSessionTerms(terms)
  const asked = [scope].flat()
  const unknown = asked.find((name) => !scopes.has(name))
  if (unknown !== undefined)
    throw new TypeError(
      `require: session.scope: ${JSON.stringify(unknown)} is not described in the option scopes${didYouMean(unknown, scopes)}`,
    )
  return {
    scope: asked,
    ...(description === undefined ? {} : { description }),
    ...(by === undefined ? {} : { by }),
  }
}

function checkOnward({ onward = false }: Terms, needs: RouteKind, context: RequirementContext): boolean {
  if (onward && !context.onward) throw new TypeError('require: onward needs the option onward')
  if (onward && needs === 'agent')
    throw new TypeError(
      'require: onward needs a route that knows the person: scope, claims or identity person',
    )
  return onward
}

function checkBindings(
  { tenant, mission, person, account, user }: Terms,
  context: RequirementContext,
): Bindings {
  if (account !== undefined && !context.accounts)
    throw new TypeError('require: account needs the option accounts, which says who holds an account')
  if (user !== undefined) checkUser(context)
  const bindings: Bindings = { tenant, mission, person, account, user }
  return Object.values(bindings).some((value) => value !== undefined) ? bindings : nothing
}

function checkUser({ users, interaction, keys }: RequirementContext): void {
  if (!users)
    throw new TypeError('require: user needs the option users, which says which user a person is linked to')
  if (!interaction) throw new TypeError('require: user needs the option interaction, with the login')
  if (!keys) throw new TypeError(`require: user needs the option signingKeys; ${keyNeeded}`)
}

/** @param name a member that is not known */
function shapeError(name?: string): TypeError {
  const expected = "expected 'agent', 'person', { identity }, { scope }, { claims } or { session }"
  const unknown = name === undefined ? '' : `; ${name} is not known${didYouMean(name, saysWho)}`
  return new TypeError(`require: ${expected}${unknown}`)
}

/** Members that say who may call. */
const saysWho = ['identity', 'scope', 'claims', 'session']
