import type { CheckedRequirement } from './checked-requirement.js'
import { missingScopes, type ScopeRule } from './scope-rule.js'

/**
 * Tells which scopes only routes with `user` require. The authorization endpoint needs this, because it knows scopes
 * but no route.
 */
export interface UserScopes {
  /** Records the scopes of a declared route. */
  note(requirement: Pick<CheckedRequirement, 'scope' | 'bindings'>): void
  /** Whether one of these scopes is required only by routes with `user`. */
  needUser(scope: readonly string[]): boolean
}

/**
 * Creates the {@link UserScopes} of a server. A `scope` that is a function is left out, since its scopes are unknown
 * before a request.
 */
export function createUserScopes(): UserScopes {
  const withUser = new Set<string>()
  const without = new Set<string>()
  return {
    note({ scope, bindings }) {
      if (typeof scope === 'function') return
      const names = bindings.user === undefined ? without : withUser
      for (const name of namesIn(scope)) names.add(name)
    },
    needUser: (scope) => scope.some((name) => withUser.has(name) && !without.has(name)),
  }
}

function namesIn(rule: ScopeRule): readonly string[] {
  if (typeof rule !== 'object') return missingScopes(rule, [])
  if ('anyOf' in rule) return rule.anyOf.flatMap(namesIn)
  if ('allOf' in rule) return rule.allOf.flatMap(namesIn)
  return rule.flatMap(namesIn)
}
