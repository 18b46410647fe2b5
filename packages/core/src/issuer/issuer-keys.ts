import type { Awaitable } from '../awaitable.js'
import type { KeyFault, VerificationKey } from '../crypto/keys.js'
import type { Refusal } from '../errors.js'
import type { IssuerEvent, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { IssuerMetadata } from './metadata.js'
import type { IssuerFetch } from './options.js'
import type { IssuerReport } from './report.js'

/** Names one key of one issuer: `issuer` and `dwk` name the document, `kid` the key. */
export interface KeyQuery {
  readonly issuer: string
  readonly dwk: string
  readonly kid: string
}

/**
 * How well an issuer is known. `named`: the operator named it, in `allow`, `prewarm` or `pinned` or as the access
 * server. `established`: a token of it verified at least ten minutes ago, and it has been cached since. `newcomer`:
 * all others.
 */
export type IssuerClass = 'named' | 'established' | 'newcomer'

/** The keys of all issuers that tokens name: fetched on demand, and cached within bounds. */
export interface IssuerKeys {
  /**
   * The key if it is in memory and usable now. May begin a refresh in the background. A {@link KeyFault}: the issuer
   * has that `kid`, but the key is unusable. `undefined`: call {@link find}.
   */
  peek(query: KeyQuery): VerificationKey | KeyFault | undefined
  /**
   * The key, fetched if necessary; without a promise if not. Refusals: `unknown_key`, `issuer_missing`,
   * `issuer_mismatch`, `issuer_unavailable` with `retryAfter`, and `access_denied` for an issuer that the operator
   * does not admit. Never rejects.
   *
   * @param request the request that needs the key. If the issuer is unknown, the request's client is determined
   * (`issuers.clientAddress`)
   */
  find(query: KeyQuery, request?: HttpRequest): Awaitable<VerificationKey | KeyFault | Refusal>
  /**
   * Called when `failed` did not verify a token: refreshes the key once, within the minimum interval (AAuth 11.4).
   * Resolves with another key, with `unknown_key` if the `kid` is gone, or with `undefined` if nothing changed or no
   * refresh is allowed now.
   */
  refind(
    query: KeyQuery,
    failed: VerificationKey,
    request?: HttpRequest,
  ): Promise<VerificationKey | KeyFault | Refusal | undefined>
  /**
   * Whether {@link find} or {@link refind} would fetch, or wait for a fetch, now. If not, they answer from memory,
   * and the request's own signature need not be verified first.
   */
  mayFetch(query: KeyQuery): boolean
  /** Applies the operator's rules, before any fetch: `undefined` if the issuer is admitted, otherwise `access_denied`. */
  refused(issuer: string, dwk: string): Refusal | undefined
  /** Records that a token of this issuer has verified, so that it is no newcomer any more. */
  admit(issuer: string, dwk: string): void
  /** Whether a token of this issuer has verified, or the operator named it. */
  knows(issuer: string): boolean
  /** How well the issuer is known. That decides how much of the shared bounds it may use. */
  classOf(issuer: string): IssuerClass
  /** The metadata. Only its `issuer` has been checked. Refusals as in {@link find}. */
  metadata(issuer: string, dwk: string): Promise<IssuerMetadata | Refusal>
  /**
   * Drops everything fetched from an issuer at once. Its next token has it fetched again, as a newcomer. Pinned keys
   * stay. If instances share a list of known issuers, the issuer is removed from it for all that start later. Running
   * instances remove it at their next read of the list, within 13 minutes.
   */
  forget(issuer: string): void
  /**
   * Calls the listener when keys that have verified tokens were changed or dropped. Those tokens must be verified
   * again.
   */
  onWithdrawn(listener: (issuer: string, dwk: string) => void): void
  /**
   * The state of issuers' keys, for a health endpoint. @param most issuers listed, the most recently used first;
   * default 100
   */
  inspect(most?: number): IssuerReport
  /** Fetches the keys of `prewarm`. Resolves when each has been tried once. Never rejects. */
  warm(): Promise<void>
  /** Stops timers and discoveries. Keys in memory can be used until they expire. */
  close(): void
}

/** The dependencies of {@link IssuerKeys}. */
export interface IssuerKeysContext {
  /** Milliseconds, as `Date.now`. */
  clock(): number
  /** A random number in [0, 1), as `Math.random`. */
  random(): number
  report(event: UntimedEvent<IssuerEvent>, request?: undefined, error?: unknown): void
  /** Issuers that the operator named in other options, such as the access server. Default: none. */
  readonly named?: readonly string[] | undefined
  /** Default: the guarded fetch. */
  readonly fetch?: IssuerFetch | undefined
  /** Calls `run` every `ms` until the returned function is called. Default: an unreferenced interval. */
  readonly every?: ((ms: number, run: () => void) => () => void) | undefined
}
