import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { Caller } from '../caller.js'
import type { Decisions } from '../decision/decisions.js'
import type { Draft } from '../decision/draft.js'
import type { HttpRequest } from '../http/message.js'
import { type RequestView, type RouteView, viewRequest } from '../http/request-view.js'
import { type Deadlines, Inquiry } from '../time/deadline.js'
import { type Approvals, createApprovals, type Wanted } from './approvals.js'
import { decideVerdict } from './decide.js'
import type { AskGrant, Forbid, Hold, Serve } from './decision.js'
import { askMissing, type Policy, type PolicyInput } from './policy.js'
import type { ScopeList } from './scope-list.js'

/** Runs the policies of a route for a caller whom the protocol would serve. */
export type AskPolicies = (
  caller: Caller,
  request: HttpRequest,
  route: RouteView,
) => Awaitable<Serve | Hold | AskGrant | Forbid>

/** What running policies depends on. */
export interface PolicyContext {
  readonly scopes: Pick<ScopeList, 'isOwn' | 'isIdentity'>
  /** Whether there is an interaction page. */
  readonly interaction: boolean
  /** Milliseconds. */
  readonly clock: () => number
  /** Identifies the server in the held calls that it carries out. */
  readonly server: object
  readonly decisions: Decisions
  readonly deadlines: Deadlines
}

/** Runs the policies in order. The first that does not allow decides, and one that throws refuses. */
export function createAskPolicies(policies: readonly Policy[], context: PolicyContext): AskPolicies {
  if (policies.length === 0) return (caller) => ({ act: 'serve', caller })
  const { scopes, clock, deadlines } = context
  const names = policies.map((policy, place) => (policy.name || `policy ${place}`).slice(0, 100))
  const functions = names.map((name, place) => (policies[place]?.name ? `policy ${name}` : name))
  const readApprovals = createApprovals(policies, context.server)

  const ask = (
    place: number,
    approvals: Approvals,
    caller: Caller,
    request: HttpRequest,
    route: RouteView,
  ): ReturnType<AskPolicies> => {
    const policy = policies[place]
    const draft = context.decisions.draftOf(request)
    if (draft !== undefined) noteAsked(draft, names[place], caller)
    if (policy === undefined) return { act: 'serve', caller }
    const now = Math.floor(clock() / 1000)
    const input = new Asked(request, route, caller, now, approvals.by)
    return andThen(deadlines.ask(input, policy, functions[place] as string), (verdict) => {
      if (verdict?.verdict === 'approval' && typeof verdict.ask !== 'function') throw askMissing()
      const wanted = approvals.missing(verdict, place, caller)
      if (wanted !== undefined) return hold(caller, wanted)
      return decideVerdict(verdict, caller, now, scopes) ?? ask(place + 1, approvals, caller, request, route)
    })
  }

  const hold = (caller: Caller, wanted: Wanted): Hold => {
    if (wanted.ask.verdict === 'interact' && !context.interaction)
      throw new TypeError('interact needs the option interaction, with the login')
    return { act: 'hold', caller, wanted }
  }

  return (caller, request, route) => ask(0, readApprovals(request), caller, request, route)
}

/** Records which policy runs now. If no further one is recorded, it decided or failed. */
function noteAsked(draft: Draft, name: string | undefined, caller: Caller): void {
  draft.caller = caller
  draft.policy = name
}

/** The input of a policy. */
class Asked extends Inquiry implements PolicyInput {
  readonly caller: Caller
  readonly request: RequestView
  readonly now: number
  readonly approvedBy: readonly string[]

  constructor(
    request: HttpRequest,
    route: RouteView,
    caller: Caller,
    now: number,
    approvedBy: readonly string[],
  ) {
    super(request, route.route)
    this.caller = caller
    this.request = viewRequest(request, route)
    this.now = now
    this.approvedBy = approvedBy
  }
}
