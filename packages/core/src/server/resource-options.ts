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
   * Our identifier, `https://` and a host: `iss` of what we mint, `aud` of what we accept. Its host is the authority
   * that every signature must cover, whatever `Host` or a proxy says (AAuth 11.1.1, G-27).
   */
  readonly resource: string
  /**
   * The keys we sign with: a private JWK with a fully specified `alg` (`Ed25519` recommended, or `ES256`), a list of
   * them, a JWK Set, JSON text of one of these, a PKCS#8 PEM with one key or several, or an `ExternalSigner`. The first
   * signs, the public halves of all are published. A key without `kid` is named by its thumbprint. Needed as soon as
   * there are scopes; a resource that asks only who somebody is signs nothing.
   */
  readonly signingKeys?: SigningKeys
  /** Our scopes and what each means to a person, in Markdown: published as `scope_descriptions` (AAuth 11.10). */
  readonly scopes?: Readonly<Record<string, string>>
  /**
   * Our access server, if the resource has one. Resource tokens then go there, and only its auth tokens count
   * (four-party). Default: none; the person's own server decides (three-party).
   */
  readonly accessServer?: string
  /**
   * The hint `access_mode` of the metadata (AAuth 11.2.4): what an agent should bring to its first call. Default: what the
   * most demanding route needs that has been declared, from `agent-token` (which is left out) over `session-token` and
   * `person-token` to `auth-token`. It binds nothing: each route answers with the requirement that it has.
   */
  readonly accessMode?: AccessMode
  /**
   * Whether answers of guarded routes, refusals among them, have a `Link` to the metadata with the relation
   * `aauth-resource` (AAuth 11.2.5), beside the application's own links. Default `false`. For pages:
   * `guard.server.metadataLink.element` (Express), `app.aauth.metadataLink.element` (Fastify).
   */
  readonly metadataLink?: boolean
  /** Seconds that `created` may lie from our clock, either way. Default 60; 1 to 3600. */
  readonly signatureWindow?: number
  /**
   * Components that every signature has to cover beside `@method`, `@authority`, `@path` and `signature-key`. Those
   * about content are asked for only where there is content. Default none; the query and the body are not protected
   * by the base components (AAuth C.2.4), so `['@query', 'content-type', 'content-digest']` is worth considering.
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
    /** Where issuers tell us of revoked tokens (AAuth 11.12). Default `/aauth/revoke`; `false`: there is no such endpoint. */
    readonly revocation?: string | false
    /** The authorization endpoint, where there are scopes. Default `/aauth/authorize`. */
    readonly authorization?: string
    /** Default `/aauth/interact/`: what every interaction URL begins with. */
    readonly interaction?: string
    /** Where people come back to from the person server of a supplier, with the option `onward`. Default `/aauth/callback`. */
    readonly callback?: string
  }
  /** Seconds a resource token lives. Default 300, which is also the most (AAuth 6.7.1). */
  readonly resourceTokenLifetime?: number
  /** Seconds; the longest `exp - iat` accepted of an agent token. Default 86 400 (AAuth 5.3.1, G-17). */
  readonly maxAgentTokenLifetime?: number
  /** Behaviour for other deployments and older drafts. Each is off by default; none loosens a check of a signature or token. */
  readonly compat?: {
    /** Send the resource token's claim under its August 2026 name `person_token_jti` as well. Default `false`. */
    readonly personTokenJti?: boolean
    /**
     * Send the code of a resource token's `interaction` in a claim `interaction_code` as well, where other deployments look
     * for it. Default `false`. It is no claim of the draft's, and `interaction` stays as it is.
     */
    readonly interactionCode?: boolean
    /**
     * Record a revocation that does not say the token's `exp`, for an hour, which no person or auth token outlives. Default
     * `false`: it is answered `400 invalid_request` (AAuth 11.12.1, G-73), and the token stays good.
     */
    readonly revocationWithoutExp?: boolean
  }
  /** Which issuers are admitted, and how their keys are fetched and kept. */
  readonly issuers?: IssuerOptions<Raw>
  /**
   * Fetches issuers' documents instead of the built-in guarded fetch. It then has to guard against server-side request
   * forgery itself: address checks and pinning (Signature-Key draft, 7.3).
   */
  readonly fetch?: IssuerFetch
  /**
   * Where revocations and other state are stored. Default: memory, which other processes do not see. At its first use the
   * store is tested: a second claim has to lose, and entries have to last for their time and no longer. A store that fails
   * the test is not used (`503`, event `store-failed` with the fault `unfit`).
   */
  readonly store?: Store
  /**
   * Where used signatures are stored, if not in `store`: there are thousands of them, and a store that is full of them
   * accepts no revocation any more. Default: `store` where it is given, otherwise memory of their own.
   */
  readonly replayStore?: Store
  /** Milliseconds that the store has for an answer; then requests that need it are refused. Default 1000; 10 to 10 000. */
  readonly storeTimeout?: number
  /**
   * How late a revocation or denial that another instance has acknowledged may take effect here, for fewer reads: what each
   * request asks of `store` is then answered from what was read at most `withinMs` before; 1 to 10 000 milliseconds. After
   * that it is read again, and where it cannot be, the request is refused. What this instance acknowledged itself holds at
   * once. Default: the store is read for every request, once for all that arrive together, so that a stop holds for every
   * request that arrives after it was acknowledged. A store in memory needs no such bound.
   */
  readonly freshness?: { readonly withinMs: number }
  /** Pending requests: how long, how many, how large. */
  readonly pending?: PendingOptions
  /** How many revocations are recorded before an issuer is answered `429`. */
  readonly revocationLimits?: Partial<RevocationLimits>
  /**
   * Whether the signature of a request serves only once. `true`: on methods that change something. `'all'`: on every
   * method, which honest clients that call twice in a second notice. Default `false`: within `signatureWindow` a request
   * that was overheard can be sent again. A challenge or refusal uses up no signature. Routes may say otherwise.
   */
  readonly replay?: boolean | 'all'
  /** Until then replays are reported (`replay-reported`) and let pass. At most 30 days ahead. Default: refused at once. */
  readonly replayReportOnlyUntil?: Date
  /** The page where people connect agents and approve calls: the application's login, and its own page if it has one. */
  readonly interaction?: InteractionOptions<Raw>
  /**
   * Which persons are which users of the application, for routes with `user`. Needs `interaction`, where people sign in and
   * link themselves. Default: the resource has no users of its own.
   */
  readonly users?: UsersOptions<User>
  /** Lets handlers call other resources in their callers' names (AAuth 10.1). Default: they cannot. */
  readonly onward?: OnwardOptions
  /** How sessions of connected agents are kept and how long they live. */
  readonly sessions?: SessionOptions
  /** Limits on what a request may hold. */
  readonly limits?: Partial<Limits>
  /**
   * Verified tokens remembered, so that each is parsed and verified only once; about 2 KB each, outside of V8's heap for
   * the better part, or 6 KB with a key of ES256. All together they take no more than 4 KiB for each of the number given.
   * Default 10 000, which is at most 40 MB. A token that takes more than 16 KiB by itself is not remembered. `0`: every
   * token is verified on every request.
   */
  readonly verifiedTokens?: number
  /** How signatures are verified: in the event loop, in the thread pool, or by a library of the application's. */
  readonly crypto?: CryptoOptions
  /**
   * Where the member `help` in the problem bodies of our answers leads: an `https://` address of a guide to errors, to which
   * the section is added as fragment (`#invalid_signature`). Default: `docs/errors.md` of this library's repository.
   * `false`: there is no such member. With a guide of your own, agents are told in your words what to do.
   */
  readonly help?: string | false
  /**
   * Milliseconds, as `Date.now`, which is the default: the time that tokens, signatures and entries are compared with.
   * Durations (a pause, a minimum interval, a rate a minute) are measured by `performance.now`, whatever the clock is set
   * to; a clock given here moves that forward, too, and never back.
   */
  readonly clock?: () => number
  /** Chance in [0, 1), as `Math.random`, which is the default; for spreading retries, never for secrets. */
  readonly random?: () => number
  /**
   * Called with every event: refusals, challenges, fetches and others, for logs and metrics. No event holds a secret.
   * `about.request` is the request that it is about, where it is about one.
   */
  onEvent?(event: AAuthEvent, about: EventAbout<Raw>): void
  /**
   * How decisions name persons (the event `decision`); and where it is a log that `createAuditLog` has made, evidence of
   * each is kept there (AAuth 13.17, R-335). Default: none is.
   */
  readonly audit?: SubjectOptions | AuditLog
  /**
   * Where failures of ours are logged: a policy that throws, a store that fails, a signer that is wrong. Each cause is
   * logged once a minute, with the error and the route. Default: `console.error`, in Fastify the application's logger.
   * One with `debug` gets an entry for each challenge and refusal besides. `false`: nothing is logged.
   */
  readonly logger?: Logger | false
}
