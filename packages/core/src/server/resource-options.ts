import type { AccessOptions } from '../access/access-options.js'
import type { AuditLog } from '../audit/log.js'
import type { OnwardOptions } from '../chaining/options.js'
import type { Logger } from '../configuration/logger.js'
import type { CryptoOptions } from '../crypto/verify.js'
import type { SubjectOptions } from '../decision/subjects.js'
import type { AccessMode } from '../endpoints/access-mode.js'
import type { AAuthEvent } from '../events.js'
import type { InteractionOptions } from '../interaction/options.js'
import type { IssuerFetch, IssuerOptions } from '../issuer/options.js'
import type { Limits } from '../limits.js'
import type { SigningKeys } from '../own-keys/signing-keys.js'
import type { PendingOptions } from '../pending/options.js'
import type { RevocationLimits } from '../revocation/revocation-limits.js'
import type { SessionOptions } from '../session/options.js'
import type { Store } from '../store/store.js'
import type { UsersOptions } from '../users/options.js'
import type { EventAbout } from './reporting.js'

/** The options of a resource server. Checked once, when it is created. */
export interface ResourceOptions<Raw = unknown, User extends object | string = object | string>
  extends AccessOptions<Raw> {
  /**
   * Our identifier, `https://` and a host: `iss` of the tokens that we mint, `aud` of those that we accept. Its host
   * is the authority that every signature must cover, whatever `Host` or a proxy says (AAuth 11.1.1, G-27).
   */
  readonly resource: string
  /**
   * The keys we sign with: a private JWK with a fully specified `alg` (`Ed25519` recommended, or `ES256`), a list of
   * them, a JWK Set, JSON text of one of these, a PKCS#8 PEM with one or several keys, or an `ExternalSigner`. The
   * first key signs; the public halves of all are published. A key without `kid` is named by its thumbprint. Required
   * if there are scopes; a resource that only asks who the caller is signs nothing.
   */
  readonly signingKeys?: SigningKeys
  /** Our scopes, each with its description for people in Markdown: published as `scope_descriptions` (AAuth 11.10). */
  readonly scopes?: Readonly<Record<string, string>>
  /**
   * Our access server, if the resource has one. Resource tokens then go there, and only its auth tokens count
   * (four-party). Default: none; the person's own server decides (three-party).
   */
  readonly accessServer?: string
  /**
   * The hint `access_mode` of the metadata (AAuth 11.2.4): what an agent should bring to its first call. Default:
   * what the most demanding declared route requires, from `agent-token` (which is left out) over `session-token` and
   * `person-token` to `auth-token`. It is only a hint: each route answers with its own requirement.
   */
  readonly accessMode?: AccessMode
  /**
   * Whether answers of guarded routes, refusals included, have a `Link` to the metadata with the relation
   * `aauth-resource` (AAuth 11.2.5), beside the application's own links. Default `false`. For pages:
   * `guard.server.metadataLink.element` (Express), `app.aauth.metadataLink.element` (Fastify).
   */
  readonly metadataLink?: boolean
  /** How many seconds `created` may differ from our clock, either way. Default 60; 1 to 3600. */
  readonly signatureWindow?: number
  /**
   * Components that every signature must cover beside `@method`, `@authority`, `@path` and `signature-key`.
   * Components about content are required only if there is content. Default: none. The base components protect
   * neither the query nor the body (AAuth C.2.4), so consider `['@query', 'content-type', 'content-digest']`.
   */
  readonly additionalSignatureComponents?: readonly string[]
  /** Display fields of the metadata. URLs are `https`. */
  readonly display?: {
    readonly name?: string
    /** Markdown. */
    readonly description?: string
    readonly logoUri?: string
    readonly logoDarkUri?: string
    readonly documentationUri?: string
    readonly tosUri?: string
    readonly policyUri?: string
  }
  /** The paths of our documents and endpoints. */
  readonly paths?: {
    /** Default `/.well-known/jwks.json`. Set it where the origin already serves another key set there. */
    readonly jwks?: string
    /** Default `/aauth/pending/`: what every pending URL begins with. */
    readonly pending?: string
    /** Where issuers send revocations of tokens (AAuth 11.12). Default `/aauth/revoke`; `false`: no such endpoint. */
    readonly revocation?: string | false
    /** The authorization endpoint, which exists if there are scopes. Default `/aauth/authorize`. */
    readonly authorization?: string
    /** Default `/aauth/interact/`: what every interaction URL begins with. */
    readonly interaction?: string
    /** Where people return to from a supplier's person server, with the option `onward`. Default `/aauth/callback`. */
    readonly callback?: string
  }
  /** Lifetime of a resource token in seconds. Default and maximum 300 (AAuth 6.7.1). */
  readonly resourceTokenLifetime?: number
  /** The longest `exp - iat` that is accepted in an agent token, in seconds. Default 86 400 (AAuth 5.3.1, G-17). */
  readonly maxAgentTokenLifetime?: number
  /**
   * Behaviour for other deployments and older drafts. All off by default; none loosens a check of a signature or
   * token.
   */
  readonly compat?: {
    /** Whether resource tokens also carry the claim `person_token_jti`, its name of August 2026. Default `false`. */
    readonly personTokenJti?: boolean
    /**
     * Whether resource tokens also carry the code of `interaction` in a claim `interaction_code`, where other
     * deployments look for it. Default `false`. The draft has no such claim, and `interaction` does not change.
     */
    readonly interactionCode?: boolean
    /**
     * Whether a revocation without the token's `exp` is accepted. It is then recorded for an hour, the longest life
     * of a person or auth token. Default `false`: it is answered `400 invalid_request` (AAuth 11.12.1, G-73), and the
     * token stays valid.
     */
    readonly revocationWithoutExp?: boolean
  }
  /** Which issuers are admitted, and how their keys are fetched and cached. */
  readonly issuers?: IssuerOptions<Raw>
  /**
   * Fetches issuers' documents instead of the built-in guarded fetch. It must then guard against server-side request
   * forgery itself, by checking and pinning addresses (Signature-Key draft, 7.3).
   */
  readonly fetch?: IssuerFetch
  /**
   * Where revocations and other state are stored. Default: memory, which other processes do not see. The store is
   * tested when it is first used: a second claim must fail, and entries must last for their time and no longer. A
   * store that fails the test is not used (`503`, event `store-failed` with the fault `unfit`).
   */
  readonly store?: Store
  /**
   * Where used signatures are stored. There are thousands of them, and a store that is full of them accepts no more
   * revocations. Default: `store` if it is given, otherwise separate memory.
   */
  readonly replayStore?: Store
  /**
   * Time limit for the store, in milliseconds; after that, requests that need it are refused. Default 1000; 10 to 10
   * 000.
   */
  readonly storeTimeout?: number
  /**
   * How late a revocation or denial that another instance has acknowledged may take effect here, in exchange for
   * fewer reads. What a request needs to know from `store` may then have been read up to `withinMs` earlier; 1 to 10
   * 000 milliseconds. After that it is read again, and if that fails, the request is refused. What this instance
   * acknowledged itself takes effect at once. Default: the store is read for every request, once for all that arrive
   * together, so that a stop applies to every request that arrives after it was acknowledged. A store in memory needs
   * no such bound.
   */
  readonly freshness?: { readonly withinMs: number }
  /** How long, how many and how large pending requests may be. */
  readonly pending?: PendingOptions
  /** How many revocations are recorded before an issuer is answered `429`. */
  readonly revocationLimits?: Partial<RevocationLimits>
  /**
   * Whether a signature can be used only once. `true`: on unsafe methods. `'all'`: on every method, which affects
   * honest clients that make the same call twice in a second. Default `false`: someone who has seen a request can
   * send it again within `signatureWindow`. A challenge or refusal does not use up the signature. Routes may set
   * their own.
   */
  readonly replay?: boolean | 'all'
  /**
   * Until this date, replays are reported (`replay-reported`) but served. At most 30 days ahead. Default: replays are
   * refused at once.
   */
  readonly replayReportOnlyUntil?: Date
  /** The page where people connect agents and approve calls: the application's login, and its own page if it has one. */
  readonly interaction?: InteractionOptions<Raw>
  /**
   * Links persons to users of the application, for routes with `user`. Requires `interaction`, where people sign in
   * and link themselves. Default: no users.
   */
  readonly users?: UsersOptions<User>
  /** Lets handlers call other resources in their callers' names (AAuth 10.1). Default: they cannot. */
  readonly onward?: OnwardOptions
  /** How sessions of connected agents are stored and how long they last. */
  readonly sessions?: SessionOptions
  /** Limits on the parts of a request. */
  readonly limits?: Partial<Limits>
  /**
   * How many verified tokens are remembered, so that each is parsed and verified only once. Each takes about 2 KB,
   * mostly outside V8's heap, or 6 KB with an ES256 key. Together they take at most 4 KiB times this number. Default
   * 10 000, which is at most 40 MB. A token that takes more than 16 KiB is not remembered. `0`: every token is
   * verified on every request.
   */
  readonly verifiedTokens?: number
  /** How signatures are verified: in the event loop, in the thread pool, or by a library of the application's choice. */
  readonly crypto?: CryptoOptions
  /**
   * The address for the member `help` in the problem bodies of our answers: an `https://` URL of a guide to errors,
   * to which the section is added as fragment (`#invalid_signature`). Default: `docs/errors.md` in this library's
   * repository. `false`: no such member. With a guide of your own, agents get instructions in your words.
   */
  readonly help?: string | false
  /**
   * The time in milliseconds that tokens, signatures and entries are compared with. Default `Date.now`. Durations (a
   * pause, a minimum interval, a rate per minute) are measured with `performance.now`, whatever the clock is set to;
   * a clock given here can advance them, but never set them back.
   */
  readonly clock?: () => number
  /** A random number in [0, 1), for spreading retries, never for secrets. Default `Math.random`. */
  readonly random?: () => number
  /**
   * Called with every event: refusals, challenges, fetches and others, for logs and metrics. No event holds a secret.
   * `about.request` is the request that the event is about, if any.
   */
  onEvent?(event: AAuthEvent, about: EventAbout<Raw>): void
  /**
   * How decisions name persons (the event `decision`). With a log that `createAuditLog` made, evidence of each
   * decision is also recorded there (AAuth 13.17, R-335). Default: no evidence is recorded.
   */
  readonly audit?: SubjectOptions | AuditLog
  /**
   * Where internal failures are logged: a policy that throws, a store that fails, a wrong signer. Each cause is
   * logged once a minute, with the error and the route. Default: `console.error`; in Fastify the application's
   * logger. A logger with `debug` also gets an entry for each challenge and refusal. `false`: nothing is logged.
   */
  readonly logger?: Logger | false
}
