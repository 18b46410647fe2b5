import type { Awaitable } from '../awaitable.js'
import { didYouMean } from '../configuration/nearest.js'
import type { RequestView } from '../http/request-view.js'
import type { Deadline } from '../time/deadline.js'

/**
 * The scopes that a grant must hold: one, all of a list, or `anyOf` and `allOf` nested in any way. Of alternatives,
 * an agent is sent for the first, so put the narrowest first.
 */
export type ScopeRule =
  | string
  | readonly ScopeRule[]
  | { readonly anyOf: readonly ScopeRule[] }
  | { readonly allOf: readonly ScopeRule[] }

/**
 * A rule, or a function that returns the rule for a request. If the function throws or names an unknown scope, the
 * request is answered `500`.
 */
export type ScopeNeed<Raw = unknown> =
  | ScopeRule
  | ((request: RequestView<Raw>, deadline: Deadline) => Awaitable<ScopeRule>)

/** The scopes that `held` lacks to meet the rule; of alternatives, those of the first. */
export function missingScopes(rule: ScopeRule, held: readonly string[]): readonly string[] {
  if (typeof rule === 'string') return held.includes(rule) ? [] : [rule]
  if ('anyOf' in rule) {
    const missing = rule.anyOf.map((alternative) => missingScopes(alternative, held))
    return missing.some((lacks) => lacks.length === 0) ? [] : (missing[0] as readonly string[])
  }
  const parts: readonly ScopeRule[] = 'allOf' in rule ? rule.allOf : rule
  return parts.flatMap((part) => missingScopes(part, held))
}

/**
 * Checks a rule.
 *
 * @param scopes the scopes this resource describes; a resource token may name no other of its own
 * @throws TypeError naming what is wrong
 */
export function checkScopeRule(rule: unknown, scopes: ReadonlySet<string>): ScopeRule {
  if (typeof rule === 'string') {
    if (scopes.has(rule)) return rule
    throw new TypeError(
      `require: scope ${JSON.stringify(rule)} is not described in the option scopes${rule.includes(' ') ? '; several scopes are a list' : didYouMean(rule, scopes)}`,
    )
  }
  const parts = partsOf(rule)
  if (parts === undefined)
    throw new TypeError('require: scope must be a name, a list, { anyOf: [...] } or { allOf: [...] }')
  if (parts.length === 0) throw new TypeError('require: scope must name at least one scope')
  for (const part of parts) checkScopeRule(part, scopes)
  return rule as ScopeRule
}

function partsOf(rule: unknown): readonly unknown[] | undefined {
  if (Array.isArray(rule)) return rule
  if (typeof rule !== 'object' || rule === null) return undefined
  const names = Object.keys(rule)
  const [name] = names
  const parts: unknown =
    name === 'anyOf' || name === 'allOf' ? (rule as Record<string, unknown>)[name] : undefined
  return names.length === 1 && Array.isArray(parts) ? parts : undefined
}
