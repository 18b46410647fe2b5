import { type Enforcement, enforcementSchema } from '../adoption/dial.js'
import type { Awaitable } from '../awaitable.js'
import type { Caller, Person } from '../caller.js'
import { z } from '../configuration/schema.js'
import type { RequestView } from '../http/request-view.js'
import { isUser } from '../identifiers.js'
import type { AskInteraction } from '../interaction/ask.js'
import type { Deadline } from '../time/deadline.js'
import type { LoginHint, LoginHintQuestion } from '../users/login-hint.js'
import type { AccountHolder, AccountQuestion } from './bindings.js'
import { type Deny, type Policies, type Policy, policiesSchema, policyList } from './policy.js'

/** What an agent asks for at the authorization endpoint, before anybody has consented to anything. */
export interface AuthorizeInput<Raw = unknown> extends Deadline {
  /** The person the agent acts for. */
  readonly caller: Person
  /** Scopes of ours, and identity scopes that the person's server supports. */
  readonly scope: readonly string[]
  /** An account that this person holds, as the option `accounts` confirmed. */
  readonly account: string | undefined
  readonly request: RequestView<Raw>
  /** Seconds, by this server's clock. */
  readonly now: number
}

/** The resource authorises the request itself; no resource token is needed. */
export interface Authorized {
  readonly verdict: 'authorized'
  readonly scope: readonly string[]
  /** Begins a session for this user of the application. */
  readonly session: SessionPerson | undefined
}

/** The user of a session, by the application's own name. */
export interface SessionPerson {
  /** The user as handlers see it in `aauth.user`. */
  readonly user: string
  /** Any JSON value. Handlers see it in `aauth.data`. */
  readonly data?: unknown
}

/** @throws TypeError when `user` is empty or no string */
export function checkSessionPerson({ user }: SessionPerson): void {
  if (!isUser(user)) throw new TypeError('authorized: the session needs a user')
}

/** What `authorize` returns: the scopes that the resource is willing to ask consent for, or another verdict. */
export type AuthorizeVerdict = readonly string[] | Deny | Authorized | AskInteraction

/** Access rules for the whole resource. */
export interface AccessOptions<Raw = unknown> {
  /**
   * The resource's own rules for every route. They run before the policies of a router and of a route, and see
   * callers of every kind. They do not run for unsigned requests on optional routes, or when the other way in (`or`)
   * decides.
   */
  readonly policy?: Policies<Caller, Raw>
  /**
   * Time limit for each function of the application, in milliseconds: policies, `accounts`, `authorize`, `users`,
   * `person`, `account`, `user`, `scope`, `session.by`, the login, and the functions told of approvals. When it
   * passes, the request is answered `503 policy_unavailable`, the `signal` given to the function aborts, and a later
   * result is ignored. Default 2000; at most 600 000; `0` means no limit.
   */
  readonly policyTimeout?: number
  /** Whether routes are report-only unless they set `observe` themselves. Default `false`. */
  readonly observe?: boolean
  /**
   * With `observe: true`: the share of callers for which routes are enforced already. With `{ percent: 10, by: 'key'
   * }` one key in ten is enforced. They are the same keys at every instance, and a higher figure includes them.
   * Requests that name no key, such as unsigned ones, are only observed until the figure is 100. Default: no caller.
   * Routers and routes may set their own.
   */
  readonly enforce?: Enforcement
  /**
   * Whether a person holds an account. Required for routes with `account`. When set, every grant for an account is
   * checked on every request, because the account in an auth token is only what its issuer was asked for (AAuth
   * 11.11). Only `true` counts as yes. An error thrown is a `500`.
   */
  accounts?(question: AccountQuestion<Raw>): Awaitable<boolean>
  /**
   * A hint for the person server about who should sign in, for example a mail address that the application knows. It
   * becomes the claim `login_hint` of resource tokens, as in OpenID Connect (AAuth 6.7.1). The person who then
   * consents may be someone else, and the agent can read the hint. At most 512 characters of printable text;
   * `undefined` or `null` for no hint. Any other value, or an error thrown, is a `500`. Default: no hint.
   */
  loginHint?(question: LoginHintQuestion<Raw>): Awaitable<string | null | undefined>
  /**
   * Decides on a request to the authorization endpoint. Return the scopes to ask consent for (some or all of
   * `input.scope`), `deny(…)`, `authorized(scope)` if no consent is needed, or `interact(…)` to have a person connect
   * the agent on our page. Default: all scopes asked for. An error thrown, or a scope that was not asked for, is a
   * `500`.
   */
  authorize?(input: AuthorizeInput<Raw>): Awaitable<AuthorizeVerdict>
}

/** The checked options. */
export interface AccessConfig {
  readonly policies: readonly Policy[]
  readonly observe: boolean
  readonly enforce: Enforcement | undefined
  readonly accounts: AccountHolder | undefined
  readonly loginHint: LoginHint | undefined
  readonly authorize: NonNullable<AccessOptions['authorize']> | undefined
}

/** The options for any framework: the type of its requests is left out. */
export type AnyAccessOptions = Omit<AccessOptions, 'policy'> & { readonly policy?: unknown }

const fn = <F>(): z.ZodType<F> => z.custom<F>((value) => typeof value === 'function', 'must be a function')

/** The part of the options' schema that belongs here. */
export const accessOptionsShape: {
  policy: z.ZodOptional<Policies>
  observe: z.ZodOptional<boolean>
  enforce: z.ZodOptional<Enforcement>
  accounts: z.ZodOptional<AccountHolder>
  loginHint: z.ZodOptional<LoginHint>
  authorize: z.ZodOptional<NonNullable<AccessOptions['authorize']>>
} = {
  policy: policiesSchema.optional(),
  observe: z.boolean().optional(),
  enforce: enforcementSchema.optional(),
  accounts: fn<AccountHolder>().optional(),
  loginHint: fn<LoginHint>().optional(),
  authorize: fn<NonNullable<AccessOptions['authorize']>>().optional(),
}

/** Fills in the defaults of options that have been checked. */
export function readAccessOptions(options: AnyAccessOptions): AccessConfig {
  const { observe = false, enforce } = options
  if (enforce !== undefined && !observe)
    throw new TypeError('option enforce: needs observe: true; without it everybody is enforced')
  return {
    policies: policyList(options.policy as Policies | undefined),
    observe,
    enforce,
    accounts: options.accounts,
    loginHint: options.loginHint?.bind(options),
    authorize: options.authorize,
  }
}

/**
 * The resource authorises the request itself: `200` with `{"status":"authorized"}` and no resource token (AAuth
 * 6.6.1).
 *
 * @param scope what the agent may do now; some or all of what it asked for
 * @param session the user for whom a session begins; `authorize` finds that user by `caller.person`. Without it, the
 * application has to remember what it authorised
 * @throws TypeError when the session has no user; inside `authorize` that is a `500`
 *
 * @example
 * ```ts
 * import { authorized, createResourceServer } from '@countersign/core'
 *
 * const server = createResourceServer({
 *   resource: 'https://notes.example',
 *   signingKeys: [JSON.parse(process.env['AAUTH_KEY'] ?? '{}')],
 *   scopes: { 'notes.read': 'Read your notes', 'notes.write': 'Change your notes' },
 *   // Reading is ours to allow; for the rest the agent is sent to the person's server.
 *   authorize: ({ scope }) => (scope.every((name) => name === 'notes.read') ? authorized(scope) : scope),
 * })
 * ```
 */
export function authorized(scope: readonly string[], session?: SessionPerson): Authorized {
  if (session !== undefined) checkSessionPerson(session)
  return { verdict: 'authorized', scope, session }
}
