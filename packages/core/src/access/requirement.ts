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

/** What may be said of every route. */
export interface RouteTerms<C extends Caller, Raw = unknown, Hook = never> {
  /**
   * Components that signatures on this route cover beside those of the whole server, for example
   * `['content-type', 'content-digest']` or `['@query']`. Those about content are asked for only where there is content.
   * An agent that does not cover them is told so (`invalid_input` with `required_input`); the metadata names only the
   * option `additionalSignatureComponents`, which is for the whole server (AAuth 11.3.3.1).
   */
  readonly components?: readonly string[]
  /**
   * Whether policies, whoever approves and the other functions of this requirement see what is sent: `request.content`,
   * as bytes and, where it is JSON, parsed. Signatures then have to cover `content-type` and `content-digest` where there
   * is content. Content beyond the option `limits.body` is `413`; what parsers could read in two ways (a content coding,
   * a member twice) is `400`. Default `false`.
   */
  readonly content?: boolean
  /** Whether a signature serves only once on this route: `true` on methods that change something, `'all'` on every. */
  readonly replay?: boolean | 'all'
  /**
   * Whether the handler calls suppliers in its caller's name (AAuth 10.1): what the request came with is then at hand for
   * `onward`, and the call can wait. Needs the option `onward`, and a route that can know the person. Default `false`.
   */
  readonly onward?: [C] extends [Agent] ? false : boolean
  /** The route's own rules; they run after the server's and the router's, when everything else has passed. */
  readonly policy?: Policies<C, Raw>
  /** `read`: a method that may change something is a `403 read_only`. See {@link Effect} for what grants can do. */
  readonly effect?: [C] extends [Grant] ? Effect : 'read'
  /**
   * Nobody may call as well: a request without any signature is served, without a caller. One with a bad signature, or
   * with half of one, is refused all the same; a caller who signs has to meet the requirement. Default `false`.
   */
  readonly optional?: boolean
  /**
   * Report-only: everything is verified and decided and nothing is refused. What would have been is on the request and
   * told to `onEvent`; nothing is minted. Default: what the server or router says, `false`.
   */
  readonly observe?: boolean
  /** With `observe: true`: for which callers the route is enforced all the same. Default: as the router or server says. */
  readonly enforce?: Enforcement
  /**
   * The API's other way in (a bearer token, an API key): it runs for a request without any signature and decides alone;
   * its handlers see no caller of ours. If it answers `401`, our challenge is beside its own.
   */
  readonly or?: Hook
  /**
   * With {@link or}: asked of a request that is signed, whether the other way in decides nevertheless, and the signature
   * is not even looked at. Default: a signed request is ours, and a bad signature never falls back.
   */
  readonly orWins?: (request: RequestView<Raw>) => boolean
}

/** What may be said of routes that know the person. All of it is settled before anybody is asked for consent. */
export interface PersonTerms<Raw = unknown> {
  /**
   * The person must act within an organisation: any (`true`), one of a person server's, or what a function says. A
   * tenant's name means nothing without its person server. Otherwise `403`.
   */
  readonly tenant?: TenantRule
  /** The call must belong to a mission: any (`true`), or by its hash. Otherwise `403`. */
  readonly mission?: Expectation<string, Person | Grant>
  /**
   * Whose data this is: only that person is served, everybody else gets `403`. Looked up by what the request names,
   * compared with what the token says. `undefined` or `null`: nobody's.
   */
  readonly person?: (
    request: RequestView<Raw>,
    deadline: Deadline,
  ) => Awaitable<PersonIdentifier | null | undefined>
  /**
   * A user of the application is needed, whom the person is linked to as the option `users` says: any (`true`), or one of
   * whom a function says `true`; otherwise `403`. Handlers and policies find the user in `aauth.user`. A person who is
   * linked to nobody gets `401` with a resource token whose `interaction` brings them to our page first (AAuth 7.2.3).
   * Needs the options `users`, `interaction` and `signingKeys`.
   */
  readonly user?: UserRule
}

/** Which users of the application a route serves. */
export type UserRule =
  | true
  // What `find` answers is known to the application; a method, so that it may say so.
  | { judge(user: unknown, caller: Person | Grant, deadline: Deadline): Awaitable<boolean> }['judge']

/** An organisation: tenants of one person server. */
export type TenantRule =
  | true
  | { readonly ps: string; readonly tenant: string | readonly string[] }
  | ((tenant: string, caller: Person | Grant) => boolean)

/** What may be said of routes that need a grant. */
export interface GrantTerms<Raw = unknown, Hook = never>
  extends PersonTerms<Raw>,
    RouteTerms<Grant, Raw, Hook> {
  /**
   * The account this request acts on. Needs the option `accounts`, since an auth token's account is only what its issuer
   * was asked for. A grant for another account, or for none, gets `401` with a resource token for this one if the person
   * holds it, otherwise `403` (AAuth 11.11, N-113). `undefined`: no account, `403`.
   */
  readonly account?: (request: RequestView<Raw>, deadline: Deadline) => Awaitable<string | undefined>
  /**
   * Claims the auth token has to carry. Agents are sent for the identity scope that brings a missing one, if the
   * person's server lists it; otherwise, and where the value is wrong, `403`.
   */
  readonly claims?: ClaimRules
  /**
   * Scopes that a challenge asks for beside those that are needed: a grant without them is served all the same. For
   * agents that never follow a second challenge, so that what a policy's `stepUp` would ask for is there from the first
   * (G-72). Scopes of ours, or identity scopes; of these, those that the person's server does not list are left out.
   * Default none.
   */
  readonly ask?: string | readonly string[]
  /**
   * How an auth token is asked for. `challenge` (default): `401`, and the agent makes its call again. `held`: `202`; the
   * call is put aside and carried out, once, when the agent polls with the token (AAuth 6.5.1). Every agent has to know
   * both, some in the field know only the first. A call whose content is too long to hold is challenged.
   */
  readonly deliver?: 'challenge' | 'held'
}

/** A route for a caller with a token of any kind. */
export interface AnyRequirement<Raw = unknown, Hook = never> extends RouteTerms<TokenCaller, Raw, Hook> {
  readonly identity: 'any'
  readonly session?: undefined
  readonly scope?: undefined
}

/** A route that is content to know who is calling. */
export interface AgentRequirement<Raw = unknown, Hook = never> extends RouteTerms<Agent, Raw, Hook> {
  readonly identity: 'agent'
  readonly session?: undefined
  readonly scope?: undefined
}

/** A route that wants to know whom the agent acts for. A grant says so too (G-05). */
export interface PersonRequirement<Raw = unknown, Hook = never>
  extends PersonTerms<Raw>,
    RouteTerms<Person | Grant, Raw, Hook> {
  readonly identity: 'person'
  readonly session?: undefined
  readonly scope?: undefined
}

/** A route that needs a person's grant. */
export interface ScopeRequirement<Raw = unknown, Hook = never> extends GrantTerms<Raw, Hook> {
  /** Only the other requirements have it; its absence lets TypeScript give `policy` its own caller. */
  readonly identity?: undefined
  readonly session?: undefined
  readonly scope: ScopeNeed<Raw>
}

/** A route that needs a grant for what it says about the person: at least one claim that an identity scope brings. */
export interface ClaimsRequirement<Raw = unknown, Hook = never> extends GrantTerms<Raw, Hook> {
  readonly identity?: undefined
  readonly session?: undefined
  readonly scope?: undefined
  readonly claims: ClaimRules
}

/** A route for agents that a person of the application's own has connected on our page (AAuth 6.2). */
export interface SessionRequirement<Raw = unknown, Hook = never> extends RouteTerms<Connected, Raw, Hook> {
  readonly identity?: undefined
  readonly scope?: undefined
  readonly claims?: undefined
  /** What is asked for on the page. Needs the option `interaction`. */
  readonly session: true | SessionTerms<Raw>
}

/** What a session has to be for. */
export interface SessionTerms<Raw = unknown> {
  /** All of these; each must be among the options' `scopes`, whose descriptions the page shows. Default none. */
  readonly scope?: string | readonly string[]
  /** One sentence about what the agent wants, for the page. Plain text. */
  readonly description?: string
  /**
   * Who may connect an agent here: one or several of the application's own names, as its login gives them, or a function
   * of the request that says so (nobody: the agent is answered `403`). A session that somebody else approved is none on
   * this route. Default: whoever can sign in (G-76).
   */
  readonly by?:
    | string
    | readonly string[]
    | ((request: RequestView<Raw>, deadline: Deadline) => Awaitable<string | readonly string[] | undefined>)
}

/**
 * What every member of a union of requirements says of `identity` and `session`, so that TypeScript can tell them apart
 * by their absence and give `policy` its own caller. A plain literal satisfies it.
 */
export type NoIdentity = {
  readonly identity?: undefined
  readonly session?: undefined
  valueOf(): unknown
}

/** The requirements that are short for an identity alone. */
export type ShortRequirement = ('agent' | 'person') & NoIdentity

/** The requirements that are spelt out. */
export type FullRequirement<Raw = unknown, Hook = never> =
  | AnyRequirement<Raw, Hook>
  | AgentRequirement<Raw, Hook>
  | PersonRequirement<Raw, Hook>
  | ScopeRequirement<Raw, Hook>
  | ClaimsRequirement<Raw, Hook>
  | SessionRequirement<Raw, Hook>

/** What a route requires. */
export type Requirement<Raw = unknown, Hook = never> = ShortRequirement | FullRequirement<Raw, Hook>

/** A route of an application, and what it declares. */
export interface DeclaredRoute<R = Requirement> {
  /** In upper case; `ALL` for every method. */
  readonly method: string
  /** As the framework spells it, prefixes included. */
  readonly path: string
  /** `false`: open on purpose. `undefined`: nothing is said, which leaves it open. */
  readonly aauth: R | false | undefined
}
