import type { Awaitable } from '../awaitable.js'
import type { Grant, Person, PersonIdentifier } from '../caller.js'
import type { HttpRequest } from '../http/message.js'
import { type RequestView, type RouteView, viewRequest } from '../http/request-view.js'
import { type Deadline, type Deadlines, Inquiry, isYes } from '../time/deadline.js'
import type { UserDirectory } from '../users/directory.js'
import { type Expectation, matches } from './expectation.js'
import type { TenantRule, UserRule } from './requirement.js'

/** The question that the option `accounts` answers: does this person hold this account? */
export interface AccountQuestion<Raw = unknown> extends Deadline {
  /** The request whose route or token names the account. */
  readonly request: RequestView<Raw>
  readonly person: PersonIdentifier
  /** The account, spelt as in the request or token. */
  readonly account: string
}

/** Says whether a person holds an account. */
export type AccountHolder = (question: AccountQuestion) => Awaitable<boolean>

/**
 * The person, organisation, mission, account and user that a route is bound to; each `undefined` where the route sets
 * none.
 */
export interface Bindings {
  readonly tenant: TenantRule | undefined
  readonly mission: Expectation<string, Person | Grant> | undefined
  readonly person:
    | ((request: RequestView, deadline: Deadline) => Awaitable<PersonIdentifier | null | undefined>)
    | undefined
  readonly account: ((request: RequestView, deadline: Deadline) => Awaitable<string | undefined>) | undefined
  readonly user: UserRule | undefined
}

/** The bindings of a route that sets none. */
export const nothing: Bindings = {
  tenant: undefined,
  mission: undefined,
  person: undefined,
  account: undefined,
  user: undefined,
}

/** The result of comparing a request with the bindings of its route. */
export interface Bound {
  /** Why the caller is not served, as a sentence for the caller. */
  readonly objection?: string
  /** The account that the request acts on, and that the person holds. The grant may still be for another one. */
  readonly account?: string
  /** The user that the person is linked to, on routes with `user`. */
  readonly user?: object | string
  /** Whether the route has `user` and the person is linked to none. */
  readonly unlinked?: boolean
}

/** What checking bindings depends on. */
export interface BindingContext {
  /** The option `accounts`. */
  readonly accounts: AccountHolder | undefined
  /** The option `users`. */
  readonly users: UserDirectory | undefined
  readonly deadlines: Deadlines
}

/** No objection, and nothing found. */
export const unbound: Bound = {}

/**
 * Compares a caller with the bindings of the route. The account that the request acts on is checked whatever account
 * the token names, so that nobody is asked for consent to a request that will be refused.
 */
export async function bind(
  bindings: Bindings,
  caller: Person | Grant,
  request: HttpRequest,
  route: RouteView,
  context: BindingContext,
): Promise<Bound> {
  const { person } = bindings
  if (bindings.tenant !== undefined && !isTenant(bindings.tenant, caller))
    return { objection: 'This organisation is not served here' }
  if (bindings.mission !== undefined && !matches(bindings.mission, caller.mission, caller))
    return { objection: 'This mission is not served here' }
  const view = viewRequest(request, route)
  const inquiry = (): Inquiry => new Inquiry(request, route.route)
  if (person !== undefined) {
    const owner = await context.deadlines.ask(inquiry(), (deadline) => person(view, deadline), 'person')
    if (!isPerson(owner, caller)) return { objection: 'This is not the person’s own' }
  }
  const bound = await bindAccount(bindings, caller, { view, inquiry }, context)
  if (bindings.user === undefined || bound.objection !== undefined) return bound
  return { ...bound, ...(await bindUser(bindings.user, caller, inquiry, context)) }
}

async function bindUser(
  rule: UserRule,
  caller: Person | Grant,
  inquiry: () => Inquiry,
  { users, deadlines }: BindingContext,
): Promise<Bound> {
  const user = await users?.find(caller, inquiry())
  if (user === undefined) return { unlinked: true }
  if (rule === true) return { user }
  const answer = await deadlines.ask(inquiry(), (deadline) => rule(user, caller, deadline), 'user')
  return answer === true ? { user } : { objection: 'The user of this person is not served here' }
}

async function bindAccount(
  bindings: Bindings,
  caller: Person | Grant,
  { view, inquiry }: { readonly view: RequestView; readonly inquiry: () => Inquiry },
  { deadlines, accounts: holds }: BindingContext,
): Promise<Bound> {
  const held = (account: string): Awaitable<boolean> =>
    holds !== undefined && isHeld(holds, caller, { account, request: view }, inquiry(), deadlines)
  const granted = caller.kind === 'grant' ? caller.account : undefined
  if (bindings.account === undefined) {
    return granted === undefined || holds === undefined || (await held(granted)) ? unbound : notHeld
  }
  const accountOf = bindings.account
  const account = await deadlines.ask(inquiry(), (deadline) => accountOf(view, deadline), 'account')
  if (account !== undefined && typeof account !== 'string')
    throw new TypeError('require: account must give a string or undefined')
  if (account === undefined) return { objection: 'The request names no account' }
  return (await held(account)) ? { account } : notHeld
}

const notHeld: Bound = { objection: 'The account is not held by this person' }

/** Only `true` is a yes. */
export async function isHeld(
  holds: AccountHolder,
  { person }: Person | Grant,
  asked: Pick<AccountQuestion, 'account' | 'request'>,
  inquiry: Inquiry,
  deadlines: Deadlines,
): Promise<boolean> {
  return (await deadlines.ask(Object.assign(inquiry, { person, ...asked }), holds, 'accounts')) === true
}

function isTenant(rule: TenantRule, caller: Person | Grant): boolean {
  const { tenant, person } = caller
  if (tenant === undefined) return false
  if (typeof rule === 'function') return isYes(rule(tenant, caller))
  return rule === true || (rule.ps === person.ps && [rule.tenant].flat().includes(tenant))
}

function isPerson(owner: PersonIdentifier | null | undefined, { person }: Person | Grant): boolean {
  return owner !== undefined && owner !== null && owner.ps === person.ps && owner.sub === person.sub
}
