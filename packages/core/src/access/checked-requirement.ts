import { type Enforcement, enforcementSchema } from '../adoption/dial.js'
import { andThen } from '../awaitable.js'
import { checkConfiguration } from '../configuration.js'
import type { RequestView } from '../http/request-view.js'
import { isServerIdentifier } from '../identifiers.js'
import { isUserList } from '../interaction/ask.js'
import { didYouMean } from '../nearest.js'
import { keyNeeded } from '../own-keys/made-key.js'
import { type ReplayMode, replayMode } from '../replay/replays.js'
import { z } from '../schema.js'
import { isRequirableComponent } from '../signature/required.js'
import { identityScopes } from '../token/claims.js'
import { type Bindings, nothing } from './bindings.js'
import { type ClaimRules, checkClaimRules, scopesOfClaims } from './claims.js'
import { type EffectTerms, effects } from './effects.js'
import { type Policy, policiesSchema, policyList } from './policy.js'
import type { SessionTerms, TenantRule, UserRule } from './requirement.js'
import { checkScopeRule, type ScopeNeed, type ScopeRule } from './scope-rule.js'

/** A requirement that has been checked, in the one form the decision knows. */
export interface CheckedRequirement {
  readonly needs: 'any' | 'agent' | 'person' | 'grant' | 'session'
  readonly scope: ScopeNeed
  readonly claims: ClaimRules
  /** Scopes that a challenge asks for as well, although a grant without them is served (G-72). */
  readonly ask: readonly string[]
  /** What a session has to be for, where the route needs one. */
  /** What a session has to be for, where one is needed. */
  readonly session: WantedSession
  readonly components: readonly string[]
  /** Whether those who decide see the content. */
  readonly content: boolean
  /** Whether the handler calls suppliers. */
  readonly onward: boolean
  readonly deliver: 'challenge' | 'held'
  /** `undefined`: as for the whole server. */
  readonly replay: ReplayMode | undefined
  readonly bindings: Bindings
  /** In the order in which they are asked: the server's, the router's, the route's. */
  readonly policies: readonly Policy[]
  readonly optional: boolean
  readonly observe: boolean
  /** For whom a report-only route is enforced all the same. */
  readonly enforce: Enforcement | undefined
  /** Whether there is another way in. */
  readonly or: boolean
  readonly orWins: ((request: RequestView) => boolean) | undefined
}

/** What a session has to be for and whose, as the route says it. */
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

const fn = <F>(expected: string): z.ZodType<F> =>
  z.custom<F>((value) => typeof value === 'function', `must be ${expected}`)
const isWay = (value: unknown): boolean =>
  typeof value === 'function' ||
  (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'function'))

// What may be said of a route, and what each has to be: one line a member, in the kinds of route that may say it.
const ofRoutes = {
  effect: z.enum(['read', 'write', 'irreversible'], "must be 'read', 'write' or 'irreversible'").optional(),
  components: z
    .custom<string | readonly string[]>(
      (value) => [value].flat().every((name) => typeof name === 'string' && isRequirableComponent(name)),
      'must be components that signatures can be asked to cover',
    )
    .optional(),
  content: z.boolean('must be a boolean').optional(),
  onward: z.boolean('must be a boolean').optional(),
  replay: z.union([z.boolean(), z.literal('all')], "must be true, false or 'all'").optional(),
  policy: policiesSchema.optional(),
  optional: z.boolean('must be a boolean').optional(),
  observe: z.boolean('must be a boolean').optional(),
  enforce: enforcementSchema.optional(),
  or: z.custom<unknown>(isWay, 'must be a function or a list of at least one').optional(),
  orWins: fn<NonNullable<CheckedRequirement['orWins']>>('a function of the request').optional(),
}
const ofPersons = {
  tenant: z.custom<TenantRule>(isTenantRule, 'must be true, { ps, tenant } or a function').optional(),
  mission: z
    .custom<NonNullable<Bindings['mission']>>(isMissionRule, 'must be true, a hash or a function')
    .optional(),
  person: fn<NonNullable<Bindings['person']>>('a function of the request').optional(),
  user: z
    .custom<UserRule>((value) => value === true || typeof value === 'function', 'must be true or a function')
    .optional(),
}
const ofGrants = {
  scope: z
    .custom<ScopeNeed>(
      (value) => typeof value === 'string' || typeof value === 'function' || isObject(value),
      'must be a name, a list, { anyOf: [...] }, { allOf: [...] } or a function',
    )
    .optional(),
  claims: z
    .custom<ClaimRules>((value) => isObject(value) && !Array.isArray(value), 'must name at least one claim')
    .optional(),
  ask: z.custom<string | readonly string[]>(isNames, 'must be a scope or a list of at least one').optional(),
  account: fn<NonNullable<Bindings['account']>>('a function of the request').optional(),
  deliver: z.enum(['challenge', 'held'], "must be 'challenge' or 'held'").optional(),
}
const identity = <K extends string>(kind: K): z.ZodLiteral<K> => z.literal(kind)

/** The one table of requirements. */
const kinds = {
  any: z.strictObject({ identity: identity('any'), ...ofRoutes }),
  agent: z.strictObject({ identity: identity('agent'), ...ofRoutes }),
  person: z.strictObject({ identity: identity('person'), ...ofPersons, ...ofRoutes }),
  session: z.strictObject({ session: z.unknown(), ...ofRoutes }),
  grant: z.strictObject({ ...ofGrants, ...ofPersons, ...ofRoutes }),
}
const sessionTerms = z.strictObject({
  scope: z
    .custom<string | readonly string[]>(isNames, 'must be a scope or a list of at least one')
    .optional(),
  description: z.string('must be a string').optional(),
  by: z
    .custom<NonNullable<SessionTerms['by']>>(
      (value) => typeof value === 'function' || isUserList(value),
      'must name one user or several, or be a function of the request',
    )
    .optional(),
})
/** What makes a route one of a kind, as it is written. */
const says: Readonly<Record<keyof typeof kinds, string>> = {
  any: "identity: 'any'",
  agent: "identity: 'agent'",
  person: "identity: 'person'",
  session: 'session',
  grant: 'scope or claims',
}
const isTerm = (name: string): boolean => Object.values(kinds).some(({ shape }) => name in shape)

/** Every member, with whatever its kind of route may not say left out. */
type Terms = Partial<
  z.output<typeof kinds.grant> & Omit<z.output<typeof kinds.session>, never> & { readonly identity: string }
>

/**
 * Checks a requirement when a route is declared.
 *
 * @throws TypeError naming what is wrong
 */
export function checkRequirement(requirement: unknown, context: RequirementContext): CheckedRequirement {
  const given = spellOut(requirement, context.scopes)
  const needs = kindOf(given)
  const shape: object = kinds[needs].shape
  const misplaced = Object.keys(given).find((name) => !(name in shape) && isTerm(name))
  if (misplaced !== undefined)
    throw new TypeError(`require: ${misplaced} goes with ${goesWith(misplaced)}, and not with ${says[needs]}`)
  const schema: z.ZodType<Terms> = kinds[needs] as never
  const terms = checkConfiguration(schema, given, { prefix: 'require: ' })
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

function kindOf(given: Readonly<Record<string, unknown>>): CheckedRequirement['needs'] {
  if ('identity' in given) {
    const { identity: kind } = given
    if (kind === 'any' || kind === 'agent' || kind === 'person') return kind
    throw new TypeError("require: identity: must be 'any', 'agent' or 'person'")
  }
  if ('session' in given) return 'session'
  if ('scope' in given || 'claims' in given) return 'grant'
  const alone = Object.keys(given).find(isTerm)
  throw alone === undefined
    ? shapeError()
    : new TypeError(`require: ${alone} does not say who may call; it goes with ${goesWith(alone)}`)
}

/** The kinds of route that a member can be said of. */
function goesWith(name: string): string {
  const needs = Object.keys(kinds) as (keyof typeof kinds)[]
  return needs
    .filter((each) => name in kinds[each].shape)
    .map((each) => says[each])
    .join(', ')
}

function checkGrantTerms(
  { scope, claims, ask }: Terms,
  needs: CheckedRequirement['needs'],
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

function checkEffect(effect: Terms['effect'], needs: CheckedRequirement['needs']): EffectTerms {
  if (effect === undefined) return noEffect
  if (effect !== 'read' && needs !== 'grant')
    throw new TypeError(`require: effect ${effect} needs a route with scope or claims`)
  return effects.get(effect) as EffectTerms
}

/** What has to be covered so that content can be believed to be what was signed. */
const contentComponents = ['content-type', 'content-digest']

const noEffect: EffectTerms = { components: [], replay: undefined, last: [] }

function checkSession(terms: unknown, { scopes, interaction }: RequirementContext): WantedSession {
  if (!interaction) throw new TypeError('require: session needs the option interaction, with the login')
  if (terms === true) return { scope: [] }
  if (!isObject(terms)) throw new TypeError('require: session: must be true or an object')
  const {
    scope = [],
    description,
    by,
  } = checkConfiguration(sessionTerms, terms, { prefix: 'require: session.' })
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

function checkOnward(
  { onward = false }: Terms,
  needs: CheckedRequirement['needs'],
  context: RequirementContext,
): boolean {
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

function isTenantRule(rule: unknown): boolean {
  if (rule === true || typeof rule === 'function') return true
  if (!isObject(rule)) return false
  const { ps, tenant, ...more } = rule as Readonly<Record<string, unknown>>
  return typeof ps === 'string' && isServerIdentifier(ps) && isNames(tenant) && Object.keys(more).length === 0
}

function isMissionRule(rule: unknown): boolean {
  return rule === true || typeof rule === 'function' || isNames(rule)
}

function isNames(value: unknown): boolean {
  const given: readonly unknown[] = Array.isArray(value) ? value : [value]
  return given.length > 0 && given.every((name) => typeof name === 'string')
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function shapeError(): TypeError {
  return new TypeError(
    "require: expected 'agent', 'person', { identity }, { scope }, { claims } or { session }",
  )
}
