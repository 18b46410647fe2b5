import type { AccessConfig } from '../access/access-options.js'
import { checkRequirement } from '../access/checked-requirement.js'
import type { GuardContext } from '../access/guard-context.js'
import { policiesSchema, policyList } from '../access/policy.js'
import type { Requirement } from '../access/requirement.js'
import type { RouteCaller } from '../access/route-caller.js'
import { createRouteGuard, type RouteGuard } from '../access/route-guard.js'
import type { UserScopes } from '../access/user-scopes.js'
import { enforcementSchema } from '../adoption/dial.js'
import { checkConfiguration } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import type { AccessModes } from '../endpoints/access-mode.js'
import type { ResourceServer } from './contract.js'
import type { Config } from './options.js'

const routeDefaults = z.strictObject({
  policy: policiesSchema.optional(),
  observe: z.boolean('must be a boolean').optional(),
  enforce: enforcementSchema.optional(),
})

/** What declaring routes depends on. */
export interface DeclarationContext {
  readonly config: Config
  readonly guards: GuardContext
  readonly userScopes: UserScopes
  readonly accessModes: AccessModes
}

/** Adds `require` and `with` to a server: the declaration of its routes, with these defaults. */
export function declareRoutes<Raw, Hook>(
  server: Omit<ResourceServer<Raw, Hook>, 'require' | 'with'>,
  context: DeclarationContext,
  { policies, observe, enforce }: Pick<AccessConfig, 'policies' | 'observe' | 'enforce'>,
): ResourceServer<Raw, Hook> {
  const { config, guards, userScopes, accessModes } = context
  const inherited = {
    policies,
    observe,
    enforce,
    scopes: new Set(config.scopes.keys()),
    accounts: config.access.accounts !== undefined,
    users: config.users !== undefined,
    keys: config.keys.signing !== undefined,
    interaction: config.interaction !== undefined,
    onward: config.onward !== undefined,
  }
  return {
    ...server,
    require: <const R extends Requirement<Raw, Hook>>(requirement: R) => {
      const checked = checkRequirement(requirement, inherited)
      userScopes.note(checked)
      accessModes.note(checked)
      return createRouteGuard(checked, guards) as RouteGuard<RouteCaller<R>, Raw>
    },
    with(defaults) {
      const more = checkConfiguration(routeDefaults, defaults, { prefix: 'with: ' })
      const observes = more.observe ?? observe
      if (more.enforce !== undefined && !observes)
        throw new TypeError('with: enforce needs observe: true; without it everybody is enforced')
      return declareRoutes(server, context, {
        policies: [...policies, ...policyList(more.policy)],
        observe: observes,
        enforce: observes ? (more.enforce ?? enforce) : undefined,
      })
    },
  }
}
