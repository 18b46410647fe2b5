import type { TokenRecord } from './chain.js'

/** A request for a person's consent. */
export interface ConsentRequest {
  /** `introduction`: the agent wants to tell a resource for whom it acts. `authorization`: it wants to act there. */
  readonly kind: 'introduction' | 'authorization'
  /** The requesting agent: `aauth:sam@ap.example`, or a resource that acts as an agent: `aauth:shop@shop.example`. */
  readonly agent: string
  /** The sub-agent of `agent` that the request is for (10.2). */
  readonly subAgent?: string | undefined
  /**
   * For a request of a resource that acts as an agent (10.1): the token it acts on, the one before that, and so on,
   * to the person's agent's.
   */
  readonly chain?: readonly TokenRecord[] | undefined
  /** The resource's identifier. */
  readonly resource: string
  /** Empty for an introduction. */
  readonly scope: readonly string[]
  readonly account?: string | undefined
  readonly mission?: string | undefined
  /** The reason in the agent's words. */
  readonly justification?: string | undefined
  /** The account this is for, as named by the resource in its token (6.7.1), or else by the agent in its request. */
  readonly loginHint?: string | undefined
}

/**
 * Yes or no; or a later decision: the agent is told to wait (`202`), and the decision counts once `after` resolves.
 * `'visit'` is the moment when the person opens the interaction page.
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
  /** Asked before the first person token for a resource is issued; default: yes, unasked. */
  readonly introduction?: Consent
  /** OpenID Connect claims, released by the identity scopes a resource asks for and the person agrees to. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** The organisation of this account; included in person and auth tokens. */
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

/** The claims that an identity scope releases (OpenID Connect Core 5.4; AAuth 11.10). */
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
