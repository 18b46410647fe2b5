import type { TokenRecord } from './chain.js'

/** A request for a person's consent. */
export interface ConsentRequest {
  /** `introduction`: the agent wants to say at a resource whom it acts for. `authorization`: it wants to act there. */
  readonly kind: 'introduction' | 'authorization'
  /** Who asks: `aauth:sam@ap.example`, or a resource that acts as an agent: `aauth:shop@shop.example`. */
  readonly agent: string
  /** The sub-agent of `agent` that it asks for (10.2). */
  readonly subAgent?: string | undefined
  /** For a request of a resource in its turn (10.1): the token it acts on, the one before that, to the person's agent's. */
  readonly chain?: readonly TokenRecord[] | undefined
  /** The resource's identifier. */
  readonly resource: string
  /** Empty for an introduction. */
  readonly scope: readonly string[]
  readonly account?: string | undefined
  readonly mission?: string | undefined
  /** Why, in the agent's words. */
  readonly justification?: string | undefined
  /** Which account this is for, as the resource named it in its token (6.7.1), or else the agent in its request. */
  readonly loginHint?: string | undefined
}

/**
 * Yes or no; or a decision that takes its time: the agent is told to wait (`202`), and the decision counts once
 * `after` has come to pass, `'visit'` being the moment the person opens the interaction page.
 */
export type Decision =
  | boolean
  | { readonly decision: boolean; readonly after: PromiseLike<unknown> | 'visit' }

/** How a person decides. An exception or a rejection counts as no. */
export type Consent = (ask: ConsentRequest) => Decision | PromiseLike<Decision>

/** Options of a person. */
export interface PersonOptions {
  /** Asked for every authorization; default: yes to everything. */
  readonly consent?: Consent
  /** Asked before a person token for a resource is given for the first time; default: yes, unasked. */
  readonly introduction?: Consent
  /** OpenID Connect claims, released by the identity scopes a resource asks for and the person agrees to. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** The organisation this account belongs to; stamped on person and auth tokens. */
  readonly tenant?: string
}

/** A person with an account at a person server. */
export interface Person {
  readonly name: string
  /** The identifier of the person server. */
  readonly ps: string
  readonly consent: Consent
  readonly introduction: Consent
  readonly claims: Readonly<Record<string, unknown>>
  readonly tenant: string | undefined
}

/** The claims an identity scope releases (OpenID Connect Core 5.4; AAuth 11.10). */
export const identityScopes: ReadonlyMap<string, readonly string[]> = new Map([
  ['openid', []],
  [
    'profile',
    ['name', 'given_name', 'family_name', 'nickname', 'preferred_username', 'picture', 'locale', 'birthdate'],
  ],
  ['email', ['email', 'email_verified']],
  ['address', ['address']],
  ['phone', ['phone_number', 'phone_number_verified']],
  ['tenant', []],
  ['groups', ['groups']],
  ['roles', ['roles']],
])

/** The claims of a person that these scopes release. */
export function releasedClaims(person: Person, scope: readonly string[]): Record<string, unknown> {
  const released = new Set(scope.flatMap((value) => identityScopes.get(value) ?? []))
  return Object.fromEntries(Object.entries(person.claims).filter(([name]) => released.has(name)))
}
