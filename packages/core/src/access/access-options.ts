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
  /** Whom the agent acts for. */
  readonly caller: Person
  /** Scopes of ours, and identity scopes that the person's server lists. */
  readonly scope: readonly string[]
  /** Held by this person, as the option `accounts` says. */
  readonly account: string | undefined
  readonly request: RequestView<Raw>
  /** Seconds, by this server's clock. */
  readonly now: number
}

/** The resource itself authorises, and no resource token is needed. */
export interface Authorized {
  readonly verdict: 'authorized'
  readonly scope: readonly string[]
  /** The person of the application's own for whom a session begins at once. */
  readonly session: SessionPerson | undefined
}

/** Whose session it is, in the application's own words. */
export interface SessionPerson {
  /** What handlers see as `aauth.user`. */
  readonly user: string
  /** JSON; handlers see it. */
  readonly data?: unknown
}

/** @throws TypeError when it is nobody */
export function checkSessionPerson({ user }: SessionPerson): void {
  if (!isUser(user)) throw new TypeError('authorized: the session needs a user')
}

/** What `authorize` answers: the scopes the resource is willing to ask consent for, or another end. */
export type AuthorizeVerdict = readonly string[] | Deny | Authorized | AskInteraction

/** Who may what: what is said once for the whole resource. */
export interface AccessOptions<Raw = unknown> {
  /**
   * The resource's own rules for every route, asked before a router's and a route's own. They see callers of every
   * kind, and are not asked about nobody (optional routes) nor about the other way in (`or`).
   */
  readonly policy?: Policies<Caller, Raw>
  /**
   * Milliseconds that each function of the application has for its answer: policies, `accounts`, `authorize`, `users`,
   * `person`, `account`, `user`, `scope`, `session.by`, the login and who is told of approvals. Then the request is answered
   * `503 policy_unavailable`, the `signal` that the function was handed is aborted, and what it answers later is dropped.
   * Default 2000; at most 600 000; `0`: as long as it takes.
   */
  readonly policyTimeout?: number
  /** Report-only for every route that does not say otherwise. Default `false`. */
  readonly observe?: boolean
  /**
   * Beside `observe: true`: for which callers routes are enforced all the same, on the way from watching to enforcing.
   * `{ percent: 10, by: 'key' }`: for one key in ten, the same ones at every instance, and the same and more at a higher
   * figure. Requests that name no key, those without a signature among them, are only observed until it is 100. Default:
   * for nobody. Routers and routes may say otherwise.
   */
  readonly enforce?: Enforcement
  /**
   * Whether a person holds an account. Needed for routes with `account`; where it is given, every grant for an account
   * is checked on every request, because an auth token's account is only what its issuer was asked for (AAuth 11.11).
   * Only `true` is a yes; one that throws is a `500`.
   */
  accounts?(question: AccountQuestion<Raw>): Awaitable<boolean>
  /**
   * What the person server may take for the name by which the person signs in there, for example their mail address as the
   * application knows it: the claim `login_hint` of resource tokens, in the sense of OpenID Connect (AAuth 6.7.1). Whoever is
   * granted something need not be whom it names. It is read by the agent, too. Printable text of 512 characters at most;
   * `undefined` or `null` where nothing is known. Anything else, and one that throws, is a `500`. Default: no hint.
   */
  loginHint?(question: LoginHintQuestion<Raw>): Awaitable<string | null | undefined>
  /**
   * What the resource is willing to ask consent for, of what an agent asks at the authorization endpoint: some or all
   * of `input.scope`, `deny(…)`, `authorized(scope)` where it needs no consent, or `interact(…)` to have a person
   * connect the agent on our page instead. Default: all of it. One that throws, or answers with more than was asked
   * for, is a `500`.
   */
  authorize?(input: AuthorizeInput<Raw>): Awaitable<AuthorizeVerdict>
}

/** The options as checked. */
export interface AccessConfig {
  readonly policies: readonly Policy[]
  readonly observe: boolean
  readonly enforce: Enforcement | undefined
  readonly accounts: AccountHolder | undefined
  readonly loginHint: LoginHint | undefined
  readonly authorize: NonNullable<AccessOptions['authorize']> | undefined
}

/** The options in which nothing is known of the framework's requests; those of every framework are. */
export type AnyAccessOptions = Omit<AccessOptions, 'policy'> & { readonly policy?: unknown }

const fn = <F>(): z.ZodType<F> => z.custom<F>((value) => typeof value === 'function', 'must be a function')

/** Members of the schema of all options. */
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
 * The resource authorises by itself: `200` with `{"status":"authorized"}` and no resource token (AAuth 6.6.1).
 *
 * @param scope what the agent may do now; some or all of what it asked for
 * @param session begins a session for this person of the application, whom it knows by the caller's `person`; without
 * it the application has to remember by itself what it authorised
 * @throws TypeError when the session is nobody's; from within `authorize` that is a `500`
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
