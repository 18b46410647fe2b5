import type { CheckedRequirement } from './checked-requirement.js'
import { missingScopes, type ScopeRule } from './scope-rule.js'

/** Which scopes are for routes with `user`: the authorization endpoint is asked for scopes, and knows no route. */
export interface UserScopes {
  /** Notes what a route says. */
  note(requirement: Pick<CheckedRequirement, 'scope' | 'bindings'>): void
  /** Whether one of these is needed only where a user is needed as well. */
  needUser(scope: readonly string[]): boolean
}

/** Creates the {@link UserScopes} of a server. A `scope` that is a function names nothing before there is a request, and is left out. */
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
