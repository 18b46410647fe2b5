import type { Enforcement } from '../adoption/dial.js'
import type { Awaitable } from '../awaitable.js'
import type { Agent, Caller, Connected, Grant, Person, PersonIdentifier, TokenCaller } from '../caller.js'
import type { RequestView } from '../http/request-view.js'
import type { Deadline } from '../time/deadline.js'
import type { ClaimRules } from './claims.js'
import type { Effect } from './effects.js'
import type { Expectation } from './expectation.js'
import type { Policies } from './policy.js'
import type { ScopeNeed } from './scope-rule.js'

/** Members that every kind of route may have. */
export interface RouteTerms<C extends Caller, Raw = unknown, Hook = never> {
  /**
   * Components that signatures on this route must cover, beside those that the whole server requires: for example
   * `['content-type', 'content-digest']` or `['@query']`. Components about content are required only if there is
   * content. An agent that does not cover them is told so (`invalid_input` with `required_input`). The metadata names
   * only those of the option `additionalSignatureComponents` (AAuth 11.3.3.1).
   */
  readonly components?: readonly string[]
  /**
   * Whether policies, approvers and the other functions of this requirement see the content: as `request.content`, in
   * bytes and, if it is JSON, parsed. Signatures must then cover `content-type` and `content-digest` if there is
   * content. Content beyond the option `limits.body` is answered `413`; content that parsers could read in two ways
   * (a content coding, a repeated member) `400`. Default `false`.
   */
  readonly content?: boolean
  /** Whether a signature can be used only once on this route: `true` for unsafe methods, `'all'` for every method. */
  readonly replay?: boolean | 'all'
  /**
   * Whether the handler calls suppliers in its caller's name (AAuth 10.1). `onward` then has the token of the
   * request, and the call can be held. Requires the option `onward` and a route that can know the person. Default
   * `false`.
   */
  readonly onward?: [C] extends [Agent] ? false : boolean
  /**
   * The route's own policies. They run last: after everything else has passed, and after the server's and the
   * router's.
   */
  readonly policy?: Policies<C, Raw>
  /**
   * `read`: an unsafe method is answered `403 read_only`. {@link Effect} lists the others, for routes that require a
   * grant.
   */
  readonly effect?: [C] extends [Grant] ? Effect : 'read'
  /**
   * Whether unsigned requests are served too, without a caller. An invalid or incomplete signature is still refused,
   * and a caller who signs must meet the requirement. Default `false`.
   */
  readonly optional?: boolean
  /**
   * Report-only: every request is verified and decided, and none is refused. The answer that it would have got is on
   * the request and is reported to `onEvent`. No token is minted. Default: as the router or server says; `false`
   * without one.
   */
  readonly observe?: boolean
  /** With `observe: true`: the callers for which the route is enforced already. Default: as the router or server says. */
  readonly enforce?: Enforcement
  /**
   * The API's other way in (a bearer token, an API key). It runs for unsigned requests and decides alone; its
   * handlers see no caller of ours. If it answers `401`, our challenge is added to its own.
   */
  readonly or?: Hook
  /**
   * With {@link or}: whether the other way in decides on a signed request too, without its signature being looked at.
   * Default: a signed request never goes the other way in, even if its signature is invalid.
   */
  readonly orWins?: (request: RequestView<Raw>) => boolean
}

/** Members of routes that know the person. All of them are checked before anybody is asked for consent. */
export interface PersonTerms<Raw = unknown> {
  /**
   * The organisation that the person must act within: any (`true`), tenants of one person server, or what a function
   * accepts. A tenant's name means nothing without its person server. Otherwise `403`.
   */
  readonly tenant?: TenantRule
  /** The mission that the call must belong to: any (`true`), or one by its hash. Otherwise `403`. */
  readonly mission?: Expectation<string, Person | Grant>
  /**
   * The person whose data the request is about, looked up by the request and compared with the token. Everybody else
   * gets `403`. `undefined` or `null`: nobody is served.
   */
  readonly person?: (
    request: RequestView<Raw>,
    deadline: Deadline,
  ) => Awaitable<PersonIdentifier | null | undefined>
  /**
   * Requires that the person is linked to a user of the application by the option `users`: to any (`true`), or to one
   * that a function accepts with `true`; otherwise `403`. Handlers and policies see the user in `aauth.user`. A
   * person who is linked to nobody gets `401` with a resource token whose `interaction` leads to our page first
   * (AAuth 7.2.3). Requires the options `users`, `interaction` and `signingKeys`.
   */
  readonly user?: UserRule
}

/** The users of the application that a route serves. */
export type UserRule =
  | true
  // A method, so that an application may narrow the type to what its `find` returns.
  | { judge(user: unknown, caller: Person | Grant, deadline: Deadline): Awaitable<boolean> }['judge']

/** An organisation: tenants of one person server. */
export type TenantRule =
  | true
  | { readonly ps: string; readonly tenant: string | readonly string[] }
  | ((tenant: string, caller: Person | Grant) => boolean)

/** Members of routes that require a grant. */
export interface GrantTerms<Raw = unknown, Hook = never>
  extends PersonTerms<Raw>,
    RouteTerms<Grant, Raw, Hook> {
  /**
   * The account that this request acts on. Requires the option `accounts`, because the account in an auth token is
   * only what its issuer was asked for. A grant for another account, or for none, gets `401` with a resource token
   * for this one if the person holds it, otherwise `403` (AAuth 11.11, N-113). `undefined`: the request names no
   * account, `403`.
   */
  readonly account?: (request: RequestView<Raw>, deadline: Deadline) => Awaitable<string | undefined>
  /**
   * Claims that the auth token must carry. An agent is sent for the identity scope that brings a missing claim, if
   * the person's server supports it. Otherwise, and for a wrong value, `403`.
   */
  readonly claims?: ClaimRules
  /**
   * Scopes that a challenge asks for beside the required ones; a grant without them is served too. For agents that
   * never follow a second challenge: they bring at once what a policy's `stepUp` would ask for (G-72). Scopes of
   * ours, or identity scopes; identity scopes that the person's server does not support are left out. Default: none.
   */
  readonly ask?: string | readonly string[]
  /**
   * How an auth token is asked for. `challenge` (default): `401`, and the agent repeats its call. `held`: `202`; the
   * call is held and carried out once, when the agent polls with the token (AAuth 6.5.1). The draft requires agents
   * to support both; some deployed ones support only the first. A call whose content is too long to hold is
   * challenged.
   */
  readonly deliver?: 'challenge' | 'held'
}

/** A route for callers with a token of any kind. */
export interface AnyRequirement<Raw = unknown, Hook = never> extends RouteTerms<TokenCaller, Raw, Hook> {
  readonly identity: 'any'
  readonly session?: undefined
  readonly scope?: undefined
}

/** A route that requires an agent token. */
export interface AgentRequirement<Raw = unknown, Hook = never> extends RouteTerms<Agent, Raw, Hook> {
  readonly identity: 'agent'
  readonly session?: undefined
  readonly scope?: undefined
}

/** A route that requires a person token. A grant identifies the person too (G-05). */
export interface PersonRequirement<Raw = unknown, Hook = never>
  extends PersonTerms<Raw>,
    RouteTerms<Person | Grant, Raw, Hook> {
  readonly identity: 'person'
  readonly session?: undefined
  readonly scope?: undefined
}

/** A route that requires a grant of scopes. */
export interface ScopeRequirement<Raw = unknown, Hook = never> extends GrantTerms<Raw, Hook> {
  /** Absent here and present in the other requirements, so that TypeScript can infer the caller of `policy`. */
  readonly identity?: undefined
  readonly session?: undefined
  readonly scope: ScopeNeed<Raw>
}

/** A route that requires a grant for claims about the person: at least one that an identity scope brings. */
export interface ClaimsRequirement<Raw = unknown, Hook = never> extends GrantTerms<Raw, Hook> {
  readonly identity?: undefined
  readonly session?: undefined
  readonly scope?: undefined
  readonly claims: ClaimRules
}

/** A route for agents that a user of the application has connected on our page (AAuth 6.2). */
export interface SessionRequirement<Raw = unknown, Hook = never> extends RouteTerms<Connected, Raw, Hook> {
  readonly identity?: undefined
  readonly scope?: undefined
  readonly claims?: undefined
  /** What the page asks for. Requires the option `interaction`. */
  readonly session: true | SessionTerms<Raw>
}

/** The session that a route requires. */
export interface SessionTerms<Raw = unknown> {
  /**
   * Scopes that the session must have, all of them. Each must be among the option `scopes`, whose descriptions the
   * page shows. Default: none.
   */
  readonly scope?: string | readonly string[]
  /** One sentence about what the agent wants, shown on the page. Plain text. */
  readonly description?: string
  /**
   * The users who may connect an agent here: one or several names as the login returns them, or a function of the
   * request (if it names nobody, the agent gets `403`). A session that another user approved does not count on this
   * route. Default: anyone who can sign in (G-76).
   */
  readonly by?:
    | string
    | readonly string[]
    | ((request: RequestView<Raw>, deadline: Deadline) => Awaitable<string | readonly string[] | undefined>)
}

/**
 * Declares `identity` and `session` absent in a union of requirements, so that TypeScript can tell its members apart
 * and infer the caller of `policy`. Plain literals satisfy it.
 */
export type NoIdentity = {
  readonly identity?: undefined
  readonly session?: undefined
  valueOf(): unknown
}

/** Requirements written as one word. */
export type ShortRequirement = ('agent' | 'person') & NoIdentity

/** Requirements written as an object. */
export type FullRequirement<Raw = unknown, Hook = never> =
  | AnyRequirement<Raw, Hook>
  | AgentRequirement<Raw, Hook>
  | PersonRequirement<Raw, Hook>
  | ScopeRequirement<Raw, Hook>
  | ClaimsRequirement<Raw, Hook>
  | SessionRequirement<Raw, Hook>

/** What a route requires. */
export type Requirement<Raw = unknown, Hook = never> = ShortRequirement | FullRequirement<Raw, Hook>

/** A route of an application and its declaration. */
export interface DeclaredRoute<R = Requirement> {
  /** In upper case; `ALL` for every method. */
  readonly method: string
  /** The path as the framework spells it, with prefixes. */
  readonly path: string
  /** `false`: declared open. `undefined`: declares nothing, and is open. */
  readonly aauth: R | false | undefined
}
