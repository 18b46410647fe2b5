import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { TokenCaller } from '../caller.js'
import type { HttpRequest } from '../http/message.js'
import { type RouteView, viewRequest } from '../http/request-view.js'
import { Inquiry } from '../time/deadline.js'
import { type BindingContext, type Bound, bind, nothing, unbound } from './bindings.js'
import type { CheckedRequirement } from './checked-requirement.js'
import type { Need } from './decide.js'

/** Works out what a requirement needs of one request. */
export type NeedOf = (
  caller: TokenCaller | undefined,
  request: HttpRequest,
  route: RouteView,
) => Awaitable<Need>

/** Creates it. */
export function createNeed(requirement: CheckedRequirement, context: BindingContext): NeedOf {
  const { bindings, scope } = requirement
  const { deadlines } = context
  const fixed: Need | undefined = typeof scope === 'function' ? undefined : { ...requirement, scope }

  return (caller, request, route) => {
    // Functions of the requirement are called for persons only: their answers may reveal something about a person's
    // data.
    if (caller === undefined || caller.kind === 'agent' || requirement.needs === 'agent')
      return fixed ?? { ...requirement, scope: [] }
    // With the option `accounts`, every grant for an account is checked, so that `account` can be trusted on every
    // route.
    const isBound = bindings !== nothing || (context.accounts !== undefined && hasAccount(caller))
    if (fixed !== undefined && !isBound) return fixed
    const bound: Awaitable<Bound> = isBound ? bind(bindings, caller, request, route, context) : unbound
    return andThen(bound, (found) => {
      if (typeof scope !== 'function') return { ...requirement, scope, ...found }
      const inquiry = new Inquiry(request, route.route)
      const rule = deadlines.ask(inquiry, (deadline) => scope(viewRequest(request, route), deadline), 'scope')
      return andThen(rule, (known) => ({ ...requirement, scope: known, ...found }))
    })
  }
}

function hasAccount(caller: TokenCaller): boolean {
  return caller.kind === 'grant' && caller.account !== undefined
}
