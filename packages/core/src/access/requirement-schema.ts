import { type Enforcement, enforcementSchema } from '../adoption/dial.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { RequestView } from '../http/request-view.js'
import { isServerIdentifier } from '../identifiers.js'
import { isUserList } from '../interaction/ask.js'
import { isRequirableComponent } from '../signature/required.js'
import type { Bindings } from './bindings.js'
import type { ClaimRules } from './claims.js'
import { type Policies, policiesSchema } from './policy.js'
import type { SessionTerms, TenantRule, UserRule } from './requirement.js'
import type { ScopeNeed } from './scope-rule.js'

/** The kinds of route, by what they require to know of the caller. */
export type RouteKind = 'any' | 'agent' | 'person' | 'grant' | 'session'

/** Every member; those that do not belong to the kind of route are left out. */
export interface Terms {
  readonly effect?: 'read' | 'write' | 'irreversible' | undefined
  readonly components?: string | readonly string[] | undefined
  readonly content?: boolean | undefined
  readonly onward?: boolean | undefined
  readonly replay?: boolean | 'all' | undefined
  readonly policy?: Policies | undefined
  readonly optional?: boolean | undefined
  readonly observe?: boolean | undefined
  readonly enforce?: Enforcement | undefined
  readonly or?: unknown
  readonly orWins?: ((request: RequestView) => boolean) | undefined
  readonly tenant?: TenantRule | undefined
  readonly mission?: Bindings['mission'] | undefined
  readonly person?: Bindings['person'] | undefined
  readonly user?: UserRule | undefined
  readonly scope?: ScopeNeed | undefined
  readonly claims?: ClaimRules | undefined
  readonly ask?: string | readonly string[] | undefined
  readonly account?: Bindings['account'] | undefined
  readonly deliver?: 'challenge' | 'held' | undefined
}

const fn = <F>(expected: string): z.ZodType<F> =>
  z.custom<F>((value) => typeof value === 'function', `must be ${expected}`)
const isWay = (value: unknown): boolean =>
  typeof value === 'function' ||
  (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'function'))

// The members of a requirement and their schemas: one line for each, listed under the kinds of route that have it.
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
  orWins: fn<(request: RequestView) => boolean>('a function of the request').optional(),
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

/** All kinds of route and their members. */
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
/** How each kind of route is written, for error messages. */
const says: Readonly<Record<keyof typeof kinds, string>> = {
  any: "identity: 'any'",
  agent: "identity: 'agent'",
  person: "identity: 'person'",
  session: 'session',
  grant: 'scope or claims',
}
/** Whether some kind of route has this member. */
export const isTerm = (name: string): boolean => Object.values(kinds).some(({ shape }) => name in shape)

/**
 * Reads the members of a requirement.
 *
 * @throws TypeError naming the invalid member, or one that this kind of route does not have
 */
export function readTerms(given: Readonly<Record<string, unknown>>, kind: RouteKind): Terms {
  const { shape } = kinds[kind]
  const misplaced = Object.keys(given).find((name) => !(name in shape) && isTerm(name))
  if (misplaced !== undefined)
    throw new TypeError(`require: ${misplaced} goes with ${goesWith(misplaced)}, and not with ${says[kind]}`)
  const schema: z.ZodType<Terms> = kinds[kind]
  return checkConfiguration(schema, given, { prefix: 'require: ' })
}

/**
 * Reads the requirements on a session.
 *
 * @throws TypeError naming the invalid member
 */
export function readSessionTerms(given: unknown): {
  readonly [K in keyof SessionTerms]: SessionTerms[K] | undefined
} {
  return checkConfiguration(sessionTerms, given, { prefix: 'require: session.' })
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

export function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** The kinds of route that have a member, for error messages. */
export function goesWith(name: string): string {
  const needs = Object.keys(kinds) as (keyof typeof kinds)[]
  return needs
    .filter((each) => name in kinds[each].shape)
    .map((each) => says[each])
    .join(', ')
}
