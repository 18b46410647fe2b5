import {
  type AccessConfig,
  type AnyAccessOptions,
  accessOptionsShape,
  readAccessOptions,
} from '../access/access-options.js'
import { guideAddress } from '../answer/help.js'
import { OwnAuditLog } from '../audit/log.js'
import { type OnwardSettings, onwardOptionsSchema, readOnwardOptions } from '../chaining/options.js'
import { agentTokenLifetime } from '../chaining/own-agent.js'
import { checkConfiguration, membersOf } from '../configuration/configuration.js'
import type { Logger } from '../configuration/logger.js'
import { z } from '../configuration/schema.js'
import { whole } from '../configuration/whole.js'
import type { Ed25519Verifier } from '../crypto/verify.js'
import type { Decisions } from '../decision/decisions.js'
import { createSubjects, type SubjectOptions, type Subjects } from '../decision/subjects.js'
import { markKey } from '../denial/denials.js'
import type { Report } from '../events.js'
import { isServerIdentifier } from '../identifiers.js'
import { type InteractionOptions, interactionOptionsSchema } from '../interaction/options.js'
import { type IssuerFetch, type IssuerOptions, issuerOptionsSchema } from '../issuer/options.js'
import { defaultLimits, issuerSkew, type Limits } from '../limits.js'
import { OwnKeyRing } from '../own-keys/key-ring.js'
import { keyNeeded } from '../own-keys/made-key.js'
import { readSigningKeys, type SigningKeys } from '../own-keys/signing-keys.js'
import { type PendingSettings, pendingOptionsSchema } from '../pending/options.js'
import { type ReplayMode, replayMode } from '../replay/replays.js'
import { type RevocationLimits, revocationLimits } from '../revocation/revocation-limits.js'
import { revokedMarkKey } from '../revocation/revocations.js'
import { type SessionSettings, sessionOptionsSchema } from '../session/options.js'
import { isRequirableComponent } from '../signature/required.js'
import { batchReads } from '../store/batched-store.js'
import { leaseReads } from '../store/leased-store.js'
import { createMemoryStore } from '../store/memory-store.js'
import { provenStore } from '../store/proven-store.js'
import type { Store } from '../store/store.js'
import { type WatchedStore, watchStore } from '../store/watched-store.js'
import { monotonicBy, steadyClock } from '../time/clock.js'
import { type UsersOptions, usersOptionsSchema } from '../users/options.js'
import { createReporting, type Listener } from './reporting.js'
import { resourceFault } from './resource-identifier.js'
import type { ResourceOptions } from './resource-options.js'

const httpsUrl = z
  .string()
  .refine((value) => URL.canParse(value) && value.startsWith('https://'), 'must be https')
const fn = <F>(): z.ZodType<F> => z.custom<F>((value) => typeof value === 'function', 'must be a function')
const path = z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, 'must be an absolute path')
const folder = path.endsWith('/', 'must end with /')
const ownIdentifier = z
  .string()
  .refine(isServerIdentifier, { error: ({ input }) => resourceFault(input) ?? '' })
const identifier = z
  .string()
  .refine(
    isServerIdentifier,
    'must be a server identifier: https, host only, lower case, no port, no trailing slash',
  )

const noStore =
  'must have get, put, claim and delete; createRedisStore(client) of @countersign/redis makes one of a Redis client'

const schema = z.strictObject({
  ...accessOptionsShape,
  resource: ownIdentifier,
  // Checked where keys are read, which can name the invalid one.
  signingKeys: z.custom<SigningKeys>(() => true).optional(),
  scopes: z
    .record(
      z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope'),
      z.string('must be a text that tells a person what it means'),
      "must be an object of each scope and what it means to a person: { 'notes.read': 'Read your notes' }",
    )
    .optional(),
  accessServer: identifier.optional(),
  accessMode: z.enum(['agent-token', 'person-token', 'session-token', 'auth-token']).optional(),
  metadataLink: z.boolean().default(false),
  signatureWindow: whole('seconds', 1, 3600).default(60),
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
    .optional(),
  paths: z
    .strictObject({
      jwks: path.default('/.well-known/jwks.json'),
      pending: folder.default('/aauth/pending/'),
      revocation: z
        .union([path, z.literal(false)], 'must be an absolute path, or false')
        .default('/aauth/revoke'),
      authorization: path.default('/aauth/authorize'),
      interaction: folder.default('/aauth/interact/'),
      callback: path.default('/aauth/callback'),
    })
    .prefault({}),
  pending: pendingOptionsSchema,
  interaction: interactionOptionsSchema.optional(),
  users: usersOptionsSchema.optional(),
  onward: onwardOptionsSchema.optional(),
  sessions: sessionOptionsSchema,
  resourceTokenLifetime: whole('seconds', 1, 300).default(300),
  maxAgentTokenLifetime: whole('seconds', 1, 31_536_000).default(86_400),
  compat: z
    .strictObject({
      personTokenJti: z.boolean().default(false),
      interactionCode: z.boolean().default(false),
      revocationWithoutExp: z.boolean().default(false),
    })
    .prefault({}),
  issuers: issuerOptionsSchema.optional(),
  fetch: fn<IssuerFetch>().optional(),
  store: z.custom<Store>(isStore, noStore).optional(),
  revocationLimits: z
    .strictObject({
      perMinute: z.int().positive().default(revocationLimits.perMinute),
      live: z.int().positive().default(revocationLimits.live),
      newcomersPerMinute: z.int().positive().default(revocationLimits.newcomersPerMinute),
    })
    .prefault({}),
  replay: z.union([z.boolean(), z.literal('all')], "must be true, false or 'all'").default(false),
  replayReportOnlyUntil: z.date().optional(),
  replayStore: z.custom<Store>(isStore, noStore).optional(),
  policyTimeout: whole('milliseconds', 0, 600_000).default(2000),
  storeTimeout: whole('milliseconds', 10, 10_000).default(1000),
  freshness: z.strictObject({ withinMs: whole('milliseconds', 1, 10_000) }).optional(),
  limits: z
    .strictObject({
      signatureInput: z.int().positive().default(defaultLimits.signatureInput),
      signature: z.int().positive().default(defaultLimits.signature),
      signatureKey: z.int().positive().default(defaultLimits.signatureKey),
      components: z.int().positive().default(defaultLimits.components),
      token: z.int().positive().default(defaultLimits.token),
      tokenMembers: z.int().positive().default(defaultLimits.tokenMembers),
      body: z.int().nonnegative().default(defaultLimits.body),
    })
    .prefault({}),
  verifiedTokens: z.int().nonnegative().default(10_000),
  crypto: z
    .strictObject({
      mode: z.enum(['auto', 'sync', 'threads']).optional(),
      maxWaiting: z.int().positive().optional(),
      ed25519: z.union([fn<Ed25519Verifier>(), z.literal(false)], 'must be a function, or false').optional(),
    })
    .default({}),
  help: z
    .union(
      [z.literal(false), httpsUrl.refine((url) => !url.includes('#'), 'must have no fragment')],
      'must be an https:// address without a fragment, or false',
    )
    .default(guideAddress),
  clock: fn<() => number>().optional(),
  random: fn<() => number>().optional(),
  onEvent: fn<Listener>().optional(),
  // May be an audit log, which is an object with more members.
  audit: z
    .looseObject({
      subjects: z.boolean('must be a boolean').optional(),
      subjectKey: z.string().min(32, 'must be text of 32 characters or more').optional(),
    })
    .optional(),
  logger: z
    .union(
      [z.literal(false), z.custom<Logger>(isLogger)],
      'must be an object with the methods error and warn, or false',
    )
    .optional(),
})

/** The names of all options, or of the members of an option that is an object. The guides are tested against them. */
export const optionNames = (...path: readonly string[]): readonly string[] => membersOf(schema, path)

/** Options that hold objects of the application; their members are not checked. */
const opaque: ReadonlySet<string> = new Set(['store', 'replayStore', 'signingKeys', 'logger', 'key'])

function isStore(value: unknown): boolean {
  const store = value as Partial<Record<string, unknown>> | null
  return (
    typeof store === 'object' &&
    store !== null &&
    ['get', 'put', 'claim', 'delete'].every((verb) => typeof store[verb] === 'function')
  )
}

function isLogger(value: unknown): boolean {
  const logger = value as Partial<Record<string, unknown>> | null
  return (
    (typeof logger === 'object' || typeof logger === 'function') &&
    logger !== null &&
    ['error', 'warn'].every((level) => typeof logger[level] === 'function')
  )
}

/** Options that are used as given, or with the default of the schema. */
type Kept =
  | 'resource'
  | 'signatureWindow'
  | 'policyTimeout'
  | 'metadataLink'
  | 'additionalSignatureComponents'
  | 'display'
  | 'resourceTokenLifetime'
  | 'maxAgentTokenLifetime'
  | 'issuers'
  | 'verifiedTokens'
  | 'help'
  | 'crypto'
  | 'clock'
  | 'random'

/** {@link ResourceOptions}, checked, with every default filled in and every key imported. */
export interface Config extends Required<Pick<ResourceOptions, Kept>> {
  /** The host of `resource`. */
  readonly authority: string
  /** Changes with every rotation, so read it at each use. */
  readonly keys: OwnKeyRing
  readonly scopes: ReadonlyMap<string, string>
  readonly accessServer: string | undefined
  readonly accessMode: ResourceOptions['accessMode']
  readonly paths: Required<NonNullable<ResourceOptions['paths']>>
  readonly compat: Required<NonNullable<ResourceOptions['compat']>>
  readonly access: AccessConfig
  readonly pending: PendingSettings
  readonly interaction: InteractionOptions | undefined
  readonly users: UsersOptions | undefined
  readonly onward: OnwardSettings | undefined
  readonly sessions: SessionSettings
  readonly fetch: IssuerFetch | undefined
  readonly store: WatchedStore
  /** Whether the application gave the store, which then may be remote. */
  readonly isShared: boolean
  readonly replayStore: WatchedStore
  readonly revocationLimits: RevocationLimits
  readonly replay: ReplayMode
  /** Milliseconds, as `Date.now`. */
  readonly replayReportOnlyUntil: number
  readonly limits: Limits
  /** Milliseconds that never decrease, for durations. */
  readonly monotonic: () => number
  /** The time of day at start, advanced by `monotonic`: for durations that are reported as dates. */
  readonly steady: () => number
  readonly report: Report
  readonly decisions: Decisions
  readonly audit: OwnAuditLog | undefined
  readonly subjects: Subjects
}

/** The options for any framework: the type of its requests is left out. */
export type AnyResourceOptions = Omit<ResourceOptions, 'policy' | 'issuers'> &
  AnyAccessOptions & {
    // A function that takes one framework's requests accepts no others.
    readonly issuers?: IssuerOptions<never>
  }

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
  // `undefined` here usually comes from a variable that is not set.
  if ('signingKeys' in options) readSigningKeys(options.signingKeys, 'option signingKeys')
  const given = checkConfiguration(schema, options, { prefix: 'option ', opaque })
  const scopes = new Map(Object.entries(given.scopes ?? {}))
  const clock = given.clock ?? (() => Date.now())
  const { onEvent, logger, audit, storeTimeout, freshness, replayStore, ...rest } = given
  const monotonic = monotonicBy(given.clock)
  // The object itself, because a schema copies what it checks.
  const log = readAudit(options.audit)
  const subjects = createSubjects(
    (audit ?? {}) as SubjectOptions,
    given.resource,
    options.signingKeys,
    log?.subjectSecrets,
  )
  const { report, decisions } = createReporting({
    resource: given.resource,
    onEvent,
    logger,
    clock,
    monotonic,
    subjects: subjects.name,
    audit: log,
  })
  const steady = steadyClock(clock, monotonic)
  const watch = (given: Store | undefined, needs: readonly string[]): WatchedStore => {
    const store = given === undefined ? createMemoryStore({ clock }) : provenStore(given, { clock })
    return batchReads(watchStore(store, { timeout: storeTimeout, clock, monotonic, needs, report }), store)
  }
  const marks = [markKey, revokedMarkKey]
  const asked = watch(given.store, marks)
  const watched =
    freshness === undefined || given.store === undefined
      ? asked
      : leaseReads(asked, { keys: marks, ...freshness, clock, monotonic })
  const longest = options.onward === undefined ? 0 : agentTokenLifetime
  const lifetime =
    Math.max(given.resourceTokenLifetime, longest) + Math.max(given.signatureWindow, issuerSkew)
  const keys = new OwnKeyRing(options.signingKeys, { clock: steady, lifetime, report })
  if (scopes.size > 0 && keys.signing === undefined) {
    throw new TypeError(`option signingKeys: is missing; ${keyNeeded}`)
  }
  return {
    ...rest,
    authority: given.resource.slice('https://'.length),
    keys,
    scopes,
    accessServer: given.accessServer,
    accessMode: given.accessMode,
    display: options.display ?? {},
    access: readAccessOptions(options),
    issuers: (options.issuers ?? {}) as IssuerOptions,
    interaction: options.interaction,
    users: options.users,
    onward: options.onward === undefined ? undefined : readOnwardOptions(options.onward, options.signingKeys),
    fetch: given.fetch,
    store: watched,
    isShared: given.store !== undefined,
    replayStore: replayStore === undefined && given.store !== undefined ? watched : watch(replayStore, []),
    replay: replayMode(given.replay),
    replayReportOnlyUntil: checkReportOnly(given.replayReportOnlyUntil, clock()),
    clock,
    monotonic,
    steady,
    random: given.random ?? (() => Math.random()),
    report,
    decisions,
    audit: log,
    subjects,
  }
}

/** The audit log, or `undefined` when the option only says how persons are named. */
function readAudit(audit: ResourceOptions['audit']): OwnAuditLog | undefined {
  if (audit === undefined || audit instanceof OwnAuditLog) return audit
  const other = Object.keys(audit).find((name) => name !== 'subjects' && name !== 'subjectKey')
  const isLog = typeof (audit as { readonly flush?: unknown }).flush === 'function'
  // A log made by another copy of this package would never receive a decision.
  if (isLog)
    throw new TypeError('option audit: is a log that createAuditLog of this very package has not made')
  if (other !== undefined) throw new TypeError(`option audit.${other}: is not known`)
  return undefined
}

function checkReportOnly(until: Date | undefined, now: number): number {
  if (until === undefined) return Number.NEGATIVE_INFINITY
  if (until.getTime() - now > 30 * 86_400_000) {
    throw new TypeError('option replayReportOnlyUntil: must be at most 30 days ahead')
  }
  return until.getTime()
}
