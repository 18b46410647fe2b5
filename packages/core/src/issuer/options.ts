import { z } from '../configuration/schema.js'
import { KeyFault } from '../crypto/keys.js'
import type { RequestView } from '../http/request-view.js'
import { isHostName, isServerIdentifier } from '../identifiers.js'
import { isNat64Prefix } from './address.js'
import { Fault } from './fault.js'
import { KeySet } from './key-set.js'
import { type IssuerLimits, issuerLimits } from './limits.js'

/** One well-known document of one issuer: `{issuer}/.well-known/{dwk}`. */
export interface IssuerDocument {
  readonly issuer: string
  readonly dwk: string
}

/** The keys of an issuer, given in the options. */
export interface PinnedIssuer extends IssuerDocument {
  /** A JWKS, `{ keys: [...] }`, with at least one usable key that has a `kid`. */
  readonly jwks: { readonly keys: readonly object[] }
  /** Members of the issuer's metadata that are needed here, such as `scopes_supported`. Default: none. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Which issuers are admitted, how they may be reached, and how their keys are cached. Identifiers are compared
 * exactly.
 */
export interface IssuerOptions<Raw = unknown> {
  /** Admits only these issuers. Default: every issuer. A listed issuer is never treated as a newcomer. */
  readonly allow?: readonly string[] | undefined
  /** Never admits these issuers. Default: none. */
  readonly deny?: readonly string[] | undefined
  /**
   * Whether an issuer is admitted. Called before any fetch, and for each token that is not remembered. Only `true`
   * admits; an exception refuses. It must be synchronous. If `allow` or `deny` are given too, all of them must agree.
   */
  readonly admit?: ((issuer: { readonly id: string; readonly dwk: string }) => boolean) | undefined
  /** Issuers whose keys are given here and never fetched. */
  readonly pinned?: readonly PinnedIssuer[] | undefined
  /** Issuers whose keys are fetched at start and refreshed from then on, used or not. */
  readonly prewarm?: readonly IssuerDocument[] | undefined
  /**
   * Other hosts on which an issuer's `jwks_uri` may be, as `host` or `host:port`, by issuer (Signature-Key draft,
   * 7.3). Default: only the issuer's own host.
   */
  readonly keyHosts?: Readonly<Record<string, readonly string[]>> | undefined
  /**
   * Hosts, by exact name, that may resolve to private, loopback or link-local addresses. Any stranger can then make
   * this server open TLS connections to them. Default: none. No effect if `fetch` is given.
   */
  readonly privateHosts?: readonly string[] | undefined
  /**
   * The prefix by which this network reaches IPv4 over IPv6 (NAT64, RFC 6052), such as `64:ff9b::/96`: 32, 40, 48,
   * 56, 64 or 96 bits long. An address within it is checked as the IPv4 address that it contains. Default: none, and
   * such addresses are refused. No effect if `fetch` is given.
   */
  readonly nat64Prefix?: string | undefined
  /**
   * The address of the client that sent a request, as known behind your proxies: `({ raw }) => raw.ip` with Express
   * or Fastify, if those are told of the proxies. Clients then share the budget and the places of newcomers as the
   * issuers' domains do: a single client gets at most a quarter. IPv6 counts by its first 64 bits. `undefined`:
   * unknown, so only the share of the issuer's domain applies. All requests for which it throws, or returns no IP
   * address, count as one client (event `issuer-policy-failed`). It must be synchronous, and is called only before an
   * unknown issuer is fetched. Default: clients are not distinguished.
   */
  readonly clientAddress?: ((request: RequestView<Raw>) => string | undefined) | undefined
  /**
   * The answer when an issuer cannot be reached and no usable key is cached. `retry` (default): `503` with
   * `Retry-After`. `refuse`: `401 unknown_key`, as AAuth 11.3.4 literally says.
   */
  readonly unavailable?: 'retry' | 'refuse' | undefined
  /** Limits of discovery and of the key cache. Default {@link issuerLimits}. */
  readonly limits?: { readonly [Name in keyof IssuerLimits]?: number | undefined } | undefined
}

/** The type that a `fetch` must have; the global `fetch` has it. */
export type IssuerFetch = (
  url: string,
  init: {
    /** `POST` only to revoke a resource token of ours at the server that received it. */
    readonly method: 'GET' | 'POST'
    readonly headers: Record<string, string>
    readonly body?: string
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<IssuerResponse>

/** The members of a response that are used. */
export interface IssuerResponse {
  readonly status: number
  readonly redirected: boolean
  readonly headers: { get(name: string): string | null }
  readonly body: {
    getReader(): {
      read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
      cancel(): Promise<void>
    }
    cancel(): Promise<void>
  } | null
}

const identifier = z
  .string()
  .refine(
    isServerIdentifier,
    'must be a server identifier: https, host only, lower case, no port, no trailing slash',
  )
const dwk = z
  .string()
  .refine(isDocumentName, 'must be the name of a well-known document, such as aauth-person.json')
const host = z.string().refine(isHostName, 'must be a lower-case host name, without port')
const keyHost = z
  .string()
  .refine(
    (value) => isHostName(value.replace(/:[0-9]{1,5}$/, '')),
    'must be a lower-case host name, or host:port',
  )
const jwks = z
  .custom<PinnedIssuer['jwks']>((value) => typeof value === 'object' && value !== null, 'must be a JWKS')
  .refine(hasUsableKey, 'must be a JWKS with a usable key that has a kid and a fully specified alg')
const document = { issuer: identifier, dwk }

const positive = z.int().positive().optional()
// AAuth 11.4 allows a longer interval and a shorter age, and nothing else.
const limitsSchema = z
  .strictObject({
    ...(Object.fromEntries(Object.keys(issuerLimits).map((name) => [name, positive])) as Record<
      keyof IssuerLimits,
      typeof positive
    >),
    floor: z.int().min(issuerLimits.floor, 'must be at least a minute').optional(),
    ceiling: z.int().positive().max(issuerLimits.ceiling, 'must be at most 24 hours').optional(),
  })
  .refine(newcomersStay, { path: ['newcomers'], message: 'must be at least twice newcomersPerMinute' })
  .refine(documentsFit, { path: ['newcomerBytes'], message: 'must hold the largest documents of an issuer' })

/** The schema of {@link IssuerOptions}, a part of the schema of all options. */
export const issuerOptionsSchema: z.ZodType<IssuerOptions> = z.strictObject({
  allow: z.array(identifier).optional(),
  deny: z.array(identifier).optional(),
  admit: z
    .custom<NonNullable<IssuerOptions['admit']>>((value) => typeof value === 'function', 'must be a function')
    .optional(),
  clientAddress: z
    .custom<NonNullable<IssuerOptions['clientAddress']>>(
      (value) => typeof value === 'function',
      'must be a function',
    )
    .optional(),
  pinned: z
    .array(z.strictObject({ ...document, jwks, metadata: z.record(z.string(), z.unknown()).optional() }))
    .optional(),
  prewarm: z.array(z.strictObject(document)).optional(),
  keyHosts: z.record(identifier, z.array(keyHost)).optional(),
  privateHosts: z.array(host).optional(),
  nat64Prefix: z.string().refine(isNat64Prefix, 'must be a NAT64 prefix, such as 64:ff9b::/96').optional(),
  unavailable: z.enum(['retry', 'refuse']).optional(),
  limits: limitsSchema.optional(),
})

/** Whether `name` can be that of a well-known document: it contains nothing that changes the URL. */
export function isDocumentName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,63}\.json$/.test(name)
}

function hasUsableKey(value: PinnedIssuer['jwks']): boolean {
  const set = KeySet.read({ ...value })
  if (set instanceof Fault) return false
  return value.keys.some((jwk) => {
    const { kid } = (jwk ?? {}) as { readonly kid?: unknown }
    const key = typeof kid === 'string' ? set.get(kid) : undefined
    return key !== undefined && !(key instanceof KeyFault)
  })
}

type GivenLimits = NonNullable<IssuerOptions['limits']>

// A newcomer then stays at least a minute, however many more come.
function newcomersStay(given: GivenLimits): boolean {
  const { newcomers, newcomersPerMinute } = withDefaults(given)
  return newcomers >= 2 * newcomersPerMinute
}

function documentsFit(given: GivenLimits): boolean {
  const { newcomerBytes, issuerBytes, metadataBytes, jwksBytes, documentsPerIssuer } = withDefaults(given)
  return Math.min(newcomerBytes, issuerBytes) >= 2 * documentsPerIssuer * (metadataBytes + jwksBytes)
}

/** The limits with their defaults. */
export function withDefaults(given: IssuerOptions['limits']): IssuerLimits {
  const stated = Object.entries(given ?? {}).filter(([, value]) => value !== undefined)
  return { ...issuerLimits, ...Object.fromEntries(stated) }
}
