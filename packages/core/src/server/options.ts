import { z } from 'zod'
import {
  type AccessConfig,
  type AccessOptions,
  type AnyAccessOptions,
  accessOptionsShape,
  readAccessOptions,
} from '../access/access-options.js'
import { isPending } from '../awaitable.js'
import { checkConfiguration } from '../configuration.js'
import type { CryptoOptions, Ed25519Verifier } from '../crypto/verify.js'
import { markKey } from '../denial/denials.js'
import type { AAuthEvent, Report } from '../events.js'
import { isServerIdentifier } from '../identifiers.js'
import { type InteractionOptions, interactionOptionsSchema } from '../interaction/options.js'
import { type IssuerFetch, type IssuerOptions, issuerOptionsSchema } from '../issuer/options.js'
import { defaultLimits, issuerSkew, type Limits } from '../limits.js'
import { monotonicBy, steadyClock } from '../monotonic.js'
import { KeyRing, type SigningKeyOption } from '../own-keys/key-ring.js'
import { type PendingOptions, type PendingSettings, pendingOptionsSchema } from '../pending/options.js'
import { type ReplayMode, replayMode } from '../replay/replays.js'
import { type RevocationLimits, revocationLimits } from '../revocation/revocation-limits.js'
import { type SessionOptions, type SessionSettings, sessionOptionsSchema } from '../session/options.js'
import { isRequirableComponent } from '../signature/required.js'
import { createMemoryStore } from '../store/memory-store.js'
import { provenStore } from '../store/proven-store.js'
import type { Store } from '../store/store.js'
import { type WatchedStore, watchStore } from '../store/watched-store.js'

/** How a resource server is set up. Checked once, when it is created. */
export interface ResourceOptions<Raw = unknown> extends AccessOptions<Raw> {
  /**
   * Our identifier, `https://` and a host: `iss` of what we mint, `aud` of what we accept. Its host is the authority
   * that every signature must cover, whatever `Host` or a proxy says (AAuth 11.1.1, G-27).
   */
  readonly resource: string
  /**
   * Private JWKs with a fully specified `alg` (`Ed25519` recommended, or `ES256`). The first signs, the public halves
   * of all are published. Needed as soon as there are scopes. A JWK without `kid` is named by its thumbprint.
   */
  readonly signingKeys?: readonly SigningKeyOption[]
  /** Our scopes and what each means to a person, in Markdown: published as `scope_descriptions` (AAuth 11.10). */
  readonly scopes?: Readonly<Record<string, string>>
  /**
   * Our access server, if the resource has one. Resource tokens then go there, and only its auth tokens count
   * (four-party). Default: none; the person's own server decides (three-party).
   */
  readonly accessServer?: string
  /**
   * The hint `access_mode` of the metadata (AAuth 11.2.4). Default: `auth-token` where there are scopes, otherwise
   * left out, which means `agent-token`.
   */
  readonly accessMode?: 'agent-token' | 'person-token' | 'session-token' | 'auth-token'
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
  /** Where our documents and endpoints are. */
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
  }
  /** Seconds a resource token lives. Default 300, which is also the most (AAuth 6.7.1). */
  readonly resourceTokenLifetime?: number
  /** Seconds; the longest `exp - iat` accepted of an agent token. Default 86 400 (AAuth 5.3.1, G-17). */
  readonly maxAgentTokenLifetime?: number
  /** Ways of older and of other deployments. Each is off by default; none loosens a check of a signature or a token. */
  readonly compat?: {
    /** Send the resource token's claim under its August 2026 name `person_token_jti` as well. Default `false`. */
    readonly personTokenJti?: boolean
    /**
     * Record a revocation that does not say the token's `exp`, for an hour, which no person or auth token outlives. Default
     * `false`: it is answered `400 invalid_request` (AAuth 11.12.1, G-73), and the token stays good.
     */
    readonly revocationWithoutExp?: boolean
  }
  /** Which issuers are admitted, and how their keys are kept. */
  readonly issuers?: IssuerOptions
  /**
   * Fetches issuers' documents instead of the built-in guarded fetch. Whoever gives one takes over the guard against
   * server-side request forgery: address checks and pinning are then theirs (Signature-Key draft, 7.3).
   */
  readonly fetch?: IssuerFetch
  /**
   * Where revocations and other state live. Default: memory, which other processes do not see. At its first use it has
   * to show that a second claim loses and that entries last for their time and no longer; one that does not is refused
   * (`503`, event `store-failed` with the fault `unfit`).
   */
  readonly store?: Store
  /**
   * Where used signatures live, if not in `store`: they come and go by the thousand, and a store that they fill takes no
   * revocation any more. Default: `store` where it is given, otherwise a memory of their own.
   */
  readonly replayStore?: Store
  /** Milliseconds the store has for an answer, after which what rests on it is refused. Default 1000; 10 to 10 000. */
  readonly storeTimeout?: number
  /** Calls and sessions that have to wait: how long, how many, how large. */
  readonly pending?: PendingOptions
  /** How many revocations are recorded before an issuer is told to wait. */
  readonly revocationLimits?: Partial<RevocationLimits>
  /**
   * Whether the signature of a request serves only once. `true`: on methods that change something. `'all'`: on every
   * method, which honest clients that call twice in a second notice. Default `false`: within `signatureWindow` a request
   * that was overheard can be sent again. A challenge or refusal uses up no signature. Routes may say otherwise.
   */
  readonly replay?: boolean | 'all'
  /** Until then replays are reported (`replay-reported`) and let pass. At most 30 days ahead. Default: refused at once. */
  readonly replayReportOnlyUntil?: Date
  /** The page where people connect agents and approve calls: the application's own login, and the page if not ours. */
  readonly interaction?: InteractionOptions<Raw>
  /** How sessions of connected agents are sealed and how long they live. */
  readonly sessions?: SessionOptions
  /** Caps on what a stranger sends. */
  readonly limits?: Partial<Limits>
  /**
   * Verified tokens remembered, so that each is parsed and verified only once; about 2 KB each, outside of V8's heap for
   * the better part, or 6 KB with a key of ES256. All together they take no more than 4 KiB for each of the number given.
   * Default 10 000, which is at most 40 MB. A token that takes more than 16 KiB by itself is not remembered. `0`: every
   * token is verified on every request.
   */
  readonly verifiedTokens?: number
  /** How signatures are verified: in the event loop, in the thread pool, or by a library of yours. */
  readonly crypto?: CryptoOptions
  /**
   * Milliseconds, as `Date.now`, which is the default: what tokens, signatures and entries are held against. How long
   * something lasts (a pause, a floor, a budget a minute) is measured by `performance.now`, whatever a clock is set to;
   * a clock given here moves that forward, too, and never back.
   */
  readonly clock?: () => number
  /** Chance in [0, 1), as `Math.random`, which is the default; for spreading retries, never for secrets. */
  readonly random?: () => number
  /** Told of every refusal, challenge and fetch, for logs and metrics. No secret is in an event. */
  readonly onEvent?: (event: AAuthEvent) => void
}

const httpsUrl = z
  .string()
  .refine((value) => URL.canParse(value) && value.startsWith('https://'), 'must be https')
const seconds = (max: number): z.ZodNumber => z.int().min(1).max(max)
const fn = <F>(): z.ZodType<F> => z.custom<F>((value) => typeof value === 'function', 'must be a function')
const path = z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, 'must be an absolute path')
const folder = path.endsWith('/', 'must end with /')
const identifier = z
  .string()
  .refine(
    isServerIdentifier,
    'must be a server identifier: https, host only, lower case, no port, no trailing slash',
  )

const schema = z.strictObject({
  ...accessOptionsShape,
  resource: identifier,
  signingKeys: z
    .array(
      z.custom<object>((value) => typeof value === 'object' && value !== null, 'must be a JWK or a signer'),
    )
    .min(1)
    .optional(),
  scopes: z.record(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope'), z.string()).optional(),
  accessServer: identifier.optional(),
  accessMode: z.enum(['agent-token', 'person-token', 'session-token', 'auth-token']).optional(),
  signatureWindow: seconds(3600).default(60),
  additionalSignatureComponents: z
    .array(z.string().refine(isRequirableComponent, 'is no component that signatures can be asked to cover'))
    .default([]),
  display: z
    .strictObject({
      name: z.string().optional(),
      description: z.string().optional(),
      logoUri: httpsUrl.optional(),
      logoDarkUri: httpsUrl.optional(),
      documentationUri: httpsUrl.optional(),
      tosUri: httpsUrl.optional(),
      policyUri: httpsUrl.optional(),
    })
    .default({}),
  paths: z
    .strictObject({
      jwks: path.default('/.well-known/jwks.json'),
      pending: folder.default('/aauth/pending/'),
      revocation: path.or(z.literal(false)).default('/aauth/revoke'),
      authorization: path.default('/aauth/authorize'),
      interaction: folder.default('/aauth/interact/'),
    })
    .prefault({}),
  pending: pendingOptionsSchema,
  interaction: interactionOptionsSchema.optional(),
  sessions: sessionOptionsSchema,
  resourceTokenLifetime: seconds(300).default(300),
  maxAgentTokenLifetime: seconds(31_536_000).default(86_400),
  compat: z
    .strictObject({
      personTokenJti: z.boolean().default(false),
      revocationWithoutExp: z.boolean().default(false),
    })
    .prefault({}),
  issuers: issuerOptionsSchema.optional(),
  fetch: fn<IssuerFetch>().optional(),
  store: z.custom<Store>(isStore, 'must have get, put, claim and delete').optional(),
  revocationLimits: z
    .strictObject({
      perMinute: z.int().positive().optional(),
      live: z.int().positive().optional(),
      newcomersPerMinute: z.int().positive().optional(),
    })
    .default({}),
  replay: z.union([z.boolean(), z.literal('all')]).default(false),
  replayReportOnlyUntil: z.date().optional(),
  replayStore: z.custom<Store>(isStore, 'must have get, put, claim and delete').optional(),
  storeTimeout: z.int().min(10).max(10_000).default(1000),
  limits: z
    .strictObject({
      signatureInput: z.int().positive().optional(),
      signature: z.int().positive().optional(),
      signatureKey: z.int().positive().optional(),
      components: z.int().positive().optional(),
      token: z.int().positive().optional(),
      tokenMembers: z.int().positive().optional(),
      body: z.int().nonnegative().optional(),
    })
    .default({}),
  verifiedTokens: z.int().nonnegative().default(10_000),
  crypto: z
    .strictObject({
      mode: z.enum(['auto', 'sync', 'threads']).optional(),
      maxWaiting: z.int().positive().optional(),
      ed25519: fn<Ed25519Verifier>().optional(),
    })
    .default({}),
  clock: fn<() => number>().optional(),
  random: fn<() => number>().optional(),
  onEvent: fn<(event: AAuthEvent) => void>().optional(),
})

/** Objects of the application or of a library of its: they are taken as they are. */
const opaque: ReadonlySet<string> = new Set(['store', 'replayStore', 'signingKeys'])

function isStore(value: unknown): boolean {
  const store = value as Partial<Record<string, unknown>> | null
  return (
    typeof store === 'object' &&
    store !== null &&
    ['get', 'put', 'claim', 'delete'].every((verb) => typeof store[verb] === 'function')
  )
}

/** The options with every default filled in and every key imported. */
export interface Config {
  readonly resource: string
  /** The host of `resource`. */
  readonly authority: string
  /** It changes: read it at each use. */
  readonly keys: KeyRing
  readonly scopes: ReadonlyMap<string, string>
  readonly accessServer: string | undefined
  readonly accessMode: string | undefined
  readonly signatureWindow: number
  readonly additionalSignatureComponents: readonly string[]
  readonly display: NonNullable<ResourceOptions['display']>
  readonly paths: {
    readonly jwks: string
    readonly pending: string
    readonly interaction: string
    readonly revocation: string | false
    readonly authorization: string
  }
  readonly access: AccessConfig
  readonly pending: PendingSettings
  readonly interaction: InteractionOptions | undefined
  readonly sessions: SessionSettings
  readonly resourceTokenLifetime: number
  readonly maxAgentTokenLifetime: number
  readonly compat: { readonly personTokenJti: boolean; readonly revocationWithoutExp: boolean }
  readonly issuers: IssuerOptions
  readonly fetch: IssuerFetch | undefined
  readonly store: WatchedStore
  readonly replayStore: WatchedStore
  readonly revocationLimits: RevocationLimits
  readonly replay: ReplayMode
  /** Milliseconds. */
  readonly replayReportOnlyUntil: number
  readonly limits: Limits
  readonly verifiedTokens: number
  readonly crypto: CryptoOptions
  readonly clock: () => number
  /** Milliseconds that only ever grow: for everything that lasts. */
  readonly monotonic: () => number
  /** The time of day at the start, moved on by `monotonic`: for what lasts and is told as dates. */
  readonly steady: () => number
  readonly random: () => number
  readonly report: Report
}

/** Options in which nothing is known of the framework's requests; those of every framework are. */
export type AnyResourceOptions = Omit<ResourceOptions, 'policy'> & AnyAccessOptions

/**
 * Checks the options.
 *
 * @throws TypeError naming the option at fault
 */
export function readOptions(options: AnyResourceOptions): Config {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(
      'option resource: is missing; options are an object with at least the https:// origin of this API',
    )
  const given = checkConfiguration(schema, options, { prefix: 'option ', opaque })
  const scopes = new Map(Object.entries(given.scopes ?? {}))
  const clock = given.clock ?? (() => Date.now())
  const { onEvent, storeTimeout, replayStore, ...rest } = given
  const report = onEvent === undefined ? () => {} : guarded(onEvent)
  const monotonic = monotonicBy(given.clock)
  const steady = steadyClock(clock, monotonic)
  const watch = (store: Store | undefined, needs: readonly string[]): WatchedStore =>
    watchStore(store === undefined ? createMemoryStore({ clock }) : provenStore(store, { clock }), {
      timeout: storeTimeout,
      clock,
      monotonic,
      needs,
      report,
    })
  const watched = watch(given.store, [markKey])
  const lifetime = given.resourceTokenLifetime + Math.max(given.signatureWindow, issuerSkew)
  const keys = new KeyRing(options.signingKeys ?? [], { clock: steady, lifetime, report })
  if (scopes.size > 0 && keys.signing === undefined) {
    throw new TypeError('option signingKeys: scopes need a key that signs resource tokens')
  }
  return {
    ...rest,
    authority: given.resource.slice('https://'.length),
    keys,
    scopes,
    accessServer: given.accessServer,
    accessMode: given.accessMode ?? (scopes.size > 0 ? 'auth-token' : undefined),
    display: options.display ?? {},
    access: readAccessOptions(options),
    issuers: options.issuers ?? {},
    interaction: options.interaction,
    fetch: given.fetch,
    store: watched,
    replayStore: replayStore === undefined && given.store !== undefined ? watched : watch(replayStore, []),
    revocationLimits: { ...revocationLimits, ...options.revocationLimits },
    replay: replayMode(given.replay),
    replayReportOnlyUntil: checkReportOnly(given.replayReportOnlyUntil, clock()),
    limits: { ...defaultLimits, ...options.limits },
    clock,
    monotonic,
    steady,
    random: given.random ?? (() => Math.random()),
    report,
  }
}

// A listener's fault must decide nothing about a request.
function guarded(onEvent: Report): Report {
  return (event) => {
    const warn = (cause: unknown): void =>
      process.emitWarning(`onEvent threw: ${String(cause)}`, { code: 'AAUTH_ON_EVENT' })
    try {
      const told: unknown = onEvent(event)
      // It may be an async function: a rejection that nobody handles ends the process.
      if (isPending(told)) void Promise.resolve(told).catch(warn)
    } catch (cause) {
      warn(cause)
    }
  }
}

function checkReportOnly(until: Date | undefined, now: number): number {
  if (until === undefined) return Number.NEGATIVE_INFINITY
  if (until.getTime() - now > 30 * 86_400_000) {
    throw new TypeError('option replayReportOnlyUntil: must be at most 30 days ahead')
  }
  return until.getTime()
}
