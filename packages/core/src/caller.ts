/** The token that was presented, by its names and times. The token itself is not kept. */
export interface PresentedToken {
  /** The issuer: an agent provider, a person server or an access server. */
  readonly iss: string
  readonly jti: string
  /** Seconds. */
  readonly iat: number
  /** Seconds. */
  readonly exp: number
}

interface Verified {
  readonly token: PresentedToken
  /** RFC 7638 SHA-256 thumbprint of the key that signed the request. */
  readonly jkt: string
  /**
   * On a call that was held for approval: the users who approved it, in order (G-76). Absent where approvals name
   * nobody.
   */
  readonly approvedBy?: readonly string[]
}

/** The identifier of a person at a resource: the person server and a `sub`, which means nothing without it (AAuth 14.1, G-02). */
export interface PersonIdentifier {
  /** The person server. */
  readonly ps: string
  /** Opaque, specific to this resource, and the same whichever agent acts. */
  readonly sub: string
}

/** The caller presented an agent token: the agent is known (AAuth 5.3). */
export interface Agent extends Verified {
  readonly kind: 'agent'
  /** `aauth:local@domain`. Compare it as a whole; its parts mean nothing. */
  readonly agent: string
  /** The agent provider, whose host is the agent's domain. */
  readonly provider: string
  /** The person server from which a person token can be requested; only a hint. */
  readonly ps?: string
  /**
   * On a sub-agent: the agent that it helps, of the same provider (AAuth 10.2). Nothing else marks a sub-agent: a `+`
   * in `agent` means nothing, and person and auth tokens never name one. A `parent_agent` of another provider is left
   * out (G-03).
   */
  readonly parentAgent?: string
}

/** The caller presented a person token: the person is known, and nothing is granted (AAuth 7.1). */
export interface Person extends Verified {
  readonly kind: 'person'
  readonly person: PersonIdentifier
  /** The organisation the person acts within. It is not part of the person's identity. */
  readonly tenant?: string
  /** `mission_s256`, opaque. */
  readonly mission?: string
  /** Only on routes with `user`: the application's user to whom the person is linked, as `users.find` returned it. */
  readonly user?: unknown
}

/** The caller presented an auth token: a person has granted the scopes that it names (AAuth 9.4). */
export interface Grant extends Verified {
  readonly kind: 'grant'
  readonly person: PersonIdentifier
  readonly scope: readonly string[]
  /** The one account this grant is for (AAuth 11.11). */
  readonly account?: string
  readonly tenant?: string
  readonly mission?: string
  /**
   * Every claim of the token, for identity claims such as `email` or `groups`. Only `cnf` is left out; its key is
   * `jkt`.
   */
  readonly claims: Readonly<Record<string, unknown>>
  /** Only on routes with `user`: the application's user to whom the person is linked, as `users.find` returned it. */
  readonly user?: unknown
}

/** A caller as its token describes it. */
export type TokenCaller = Agent | Person | Grant

/**
 * What is stored of the caller for whom a pending request or session was begun: enough to stop it by revocation or
 * denial.
 */
export type Origin =
  | (Pick<Agent, 'kind' | 'jkt' | 'agent' | 'parentAgent'> & { readonly token: TokenName })
  | (Pick<Person | Grant, 'jkt' | 'person'> & {
      readonly kind: 'person' | 'grant'
      readonly token: TokenName
      /**
       * The mark of the person's last unlinking when this was stored; `null`: there was none. Absent where it was not
       * read.
       */
      readonly unlinked?: string | null
    })

/** The names of a token: its issuer and `jti`. */
export type TokenName = Pick<PresentedToken, 'iss' | 'jti'>

/** The marks of a person's and a key's last ended sessions, as known when a decision was made. */
export interface EndMarks {
  readonly user?: string
  readonly jkt?: string
}

/** The part of a caller that is stored. */
export function originOf({ kind, jkt, token, ...who }: TokenCaller): Origin {
  const kept = { jkt, token: { iss: token.iss, jti: token.jti } }
  if ('agent' in who) {
    const { agent, parentAgent } = who
    return { kind: 'agent', agent, ...(parentAgent === undefined ? {} : { parentAgent }), ...kept }
  }
  return { kind: kind as 'person' | 'grant', person: who.person, ...kept }
}

/** The caller holds a session: a user of this application has connected the agent on our page (AAuth 6.2, 6.3). */
export interface Connected extends Verified {
  readonly kind: 'session'
  /** The user, by the application's own name, as its login returned it. */
  readonly user: string
  readonly scope: readonly string[]
  /** The data that the application's login put into the session; JSON. */
  readonly data?: unknown
  readonly session: {
    /** Ends this one session: `sessions.end({ id })`. */
    readonly id: string
    /** Seconds. */
    readonly began: number
  }
  /** The caller by the token of this request. */
  readonly by: TokenCaller
}

/** The verified signer of the request. Frozen. Check `kind` first. */
export type Caller = TokenCaller | Connected

// A resource token may be minted only for a caller that was verified here, so no object made elsewhere is
// accepted.
const verified = new WeakSet<TokenCaller>()

/** Freezes a caller whose token has verified. */
export function sealCaller<C extends TokenCaller>(caller: C): C {
  Object.freeze(caller.token)
  if (caller.kind !== 'agent') Object.freeze(caller.person)
  if (caller.kind === 'grant') {
    Object.freeze(caller.scope)
    freezeDeep(caller.claims)
  }
  verified.add(caller)
  return Object.freeze(caller)
}

// The verified caller behind one to which a route has added the user.
const bare = new WeakMap<TokenCaller, TokenCaller>()

/** The caller with the user of the application that the person is linked to. */
export function asUser<C extends Person | Grant>(caller: C, user: unknown): C {
  const known = sealCaller({ ...caller, user })
  bare.set(known, caller)
  return known
}

/** The caller as verified. The application keeps its user, and it is looked up again for each request. */
export function withoutUser<C extends TokenCaller>(caller: C): C {
  return (bare.get(caller) as C | undefined) ?? caller
}

/** Whether this very object is the result of verification; a copy is not. */
export function isVerifiedCaller(caller: TokenCaller): boolean {
  return verified.has(caller)
}

function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const member of Object.values(value)) freezeDeep(member)
}

/** Whether two callers act for the same person, or are the same agent. */
export function samePerson(a: TokenCaller, b: TokenCaller): boolean {
  if (a.kind === 'agent' || b.kind === 'agent')
    return a.kind === 'agent' && b.kind === 'agent' && a.agent === b.agent && a.provider === b.provider
  return a.person.ps === b.person.ps && a.person.sub === b.person.sub
}

/** Whether a token presented later stands for the same bearer and account: an approval is for one account. */
export function standsFor(later: TokenCaller, caller: TokenCaller): boolean {
  if (later.kind !== caller.kind || !samePerson(later, caller)) return false
  if (later.kind === 'agent' || caller.kind === 'agent') return true
  const account = (one: Person | Grant): string | undefined =>
    one.kind === 'grant' ? one.account : undefined
  return (
    later.tenant === caller.tenant && later.mission === caller.mission && account(later) === account(caller)
  )
}
