import type { Awaitable } from '../awaitable.js'
import type { KeyFault, VerificationKey } from '../crypto/keys.js'
import type { Refusal } from '../errors.js'
import type { IssuerEvent, UntimedEvent } from '../events.js'
import type { HttpRequest } from '../http/message.js'
import type { IssuerMetadata } from './metadata.js'
import type { IssuerFetch } from './options.js'
import type { IssuerReport } from './report.js'

/** Names one key of one issuer: (`issuer`, `dwk`) decides the document, `kid` the key. */
export interface KeyQuery {
  readonly issuer: string
  readonly dwk: string
  readonly kid: string
}

/**
 * How far an issuer is known. `named`: by the operator, in `allow`, `prewarm` or `pinned` or as the access server.
 * `established`: a token of it verified ten minutes ago or earlier, and it has been held since. `newcomer`: all others.
 */
export type IssuerClass = 'named' | 'established' | 'newcomer'

/** The keys of all issuers, by what a token says of its issuer: fetched on demand, and cached within bounds. */
export interface IssuerKeys {
  /**
   * The key if it is in memory and usable now; may begin a refresh in the background. A {@link KeyFault}: the issuer
   * has that `kid`, but the key is unusable. `undefined`: ask {@link find}.
   */
  peek(query: KeyQuery): VerificationKey | KeyFault | undefined
  /**
   * The key, fetched if need be; without a promise where nothing is. Refusals: `unknown_key`, `issuer_missing`,
   * `issuer_mismatch`, `issuer_unavailable` with `retryAfter`, and `access_denied` for an issuer that the operator does
   * not admit. Never rejects.
   *
   * @param request the one it is for: of an issuer that is not known, its client is asked for (`issuers.clientAddress`)
   */
  find(query: KeyQuery, request?: HttpRequest): Awaitable<VerificationKey | KeyFault | Refusal>
  /**
   * After `failed` did not verify a token: one refresh, inside the floor (AAuth 11.4). Resolves with another key, with
   * `unknown_key` if the `kid` has gone, or with `undefined` if nothing changed or no refresh is allowed now.
   */
  refind(
    query: KeyQuery,
    failed: VerificationKey,
    request?: HttpRequest,
  ): Promise<VerificationKey | KeyFault | Refusal | undefined>
  /**
   * Whether {@link find} or {@link refind} would fetch, or wait for a fetch, now. Where not, they answer from what is in
   * memory, so that the request's own signature need not be verified first.
   */
  mayFetch(query: KeyQuery): boolean
  /** The operator's policy, before any fetch: `undefined` if the issuer is admitted, otherwise `access_denied`. */
  refused(issuer: string, dwk: string): Refusal | undefined
  /** Records that a token of this issuer has verified: it is no newcomer any more. */
  admit(issuer: string, dwk: string): void
  /** Whether a token of this issuer has verified, or the operator named it: it is no newcomer. */
  knows(issuer: string): boolean
  /** How far the issuer is known, which decides how much of what issuers share it may use. */
  classOf(issuer: string): IssuerClass
  /** The metadata, whose `issuer` has been checked and nothing else. Refusals as in {@link find}. */
  metadata(issuer: string, dwk: string): Promise<IssuerMetadata | Refusal>
  /**
   * Drops everything fetched of an issuer at once; its next token has it fetched again, as a newcomer. Pinned keys stay. Where
   * instances share a list of known issuers it is struck there, for all who start after that; the others, which hold what they
   * fetched, strike it at their next look, within 13 minutes.
   */
  forget(issuer: string): void
  /** Calls the listener when keys that verified tokens have changed or were dropped: those tokens have to be verified again. */
  onWithdrawn(listener: (issuer: string, dwk: string) => void): void
  /** The state of issuers' keys, for a health endpoint. @param most issuers listed, those used last first; default 100 */
  inspect(most?: number): IssuerReport
  /** Fetches the keys of `prewarm`; resolves when each has been tried once. Never rejects. */
  warm(): Promise<void>
  /** Ends timers and discoveries. Keys in memory can be used until they expire. */
  close(): void
}

/** The dependencies of {@link IssuerKeys}. */
export interface IssuerKeysContext {
  /** Milliseconds, as `Date.now`. */
  clock(): number
  /** A random number in [0, 1), as `Math.random`. */
  random(): number
  report(event: UntimedEvent<IssuerEvent>, request?: undefined, error?: unknown): void
  /** Issuers that the operator named in other options than `issuers`, such as the access server. Default: none. */
  readonly named?: readonly string[] | undefined
  /** Default: the guarded fetch. */
  readonly fetch?: IssuerFetch | undefined
  /** Calls `run` every `ms` until the returned function is called. Default: an unreferenced interval. */
  readonly every?: ((ms: number, run: () => void) => () => void) | undefined
}
