import { LRUCache } from 'lru-cache'
import { sealCaller, type TokenCaller } from '../caller.js'
import type { VerificationKey } from '../crypto/keys.js'
import type { Refusal } from '../errors.js'
import type { IssuerKeys, KeyQuery } from '../issuer/issuer-keys.js'
import { siteOf } from '../issuer/site.js'
import { atMost, fixedLimits } from '../limits.js'
import { callerWeight } from './caller-weight.js'
import { FairLru } from './fair-lru.js'
import type { ReadToken } from './read.js'
import { shareTexts } from './shared.js'
import { TokenVerifications } from './verifications.js'

/** A token whose own signature has verified. It grants nothing by itself: every request must be signed with its key. */
export interface VerifiedToken {
  /** The confirmation key. */
  readonly key: VerificationKey
  /** Sealed. */
  readonly caller: TokenCaller
  readonly source: TokenSource
}

/** The issuer and key of a token; one object for all tokens of an issuer. */
interface TokenSource extends KeyQuery {
  /** When the use of the issuer's keys was last reported to {@link IssuerKeys}, in seconds. */
  notedAt: number
}

/** A token that did not verify. */
export interface FailedToken {
  readonly query: KeyQuery
  /** The issuer's key with which its signature failed; `undefined` if the issuer had none. */
  readonly key: VerificationKey | undefined
  /** Seconds. */
  readonly exp: number
}

/** Seconds between reports of use to {@link IssuerKeys}, which refreshes keys in use. */
const noteEvery = 10
/** Average bytes for a remembered token. Most take half of that; those with ES256 keys 50 % more. */
const averageBytes = 4096
/** Bytes for each token beside its caller and key: its entry in the cache, and a few objects. */
const ownBytes = 768
/**
 * Failed tokens remembered. Enough for a forgery that is repeated; that is the only one that costs its sender less
 * than us.
 */
const failedTokens = 1024
/** Issuers of remembered tokens, by number and by bytes. If one is forgotten, there may be two copies of it. */
const sources = 10_000
const sourceBytes = 4 * 1024 * 1024

/**
 * The tokens that have verified, by their exact bytes: each is parsed and verified only once. A token is held until
 * its `exp` or until its issuer's keys change, within bounds that issuers share by site. Whether it was revoked is
 * checked on every request, elsewhere.
 */
export class VerifiedTokens {
  /** For tokens that are not held yet. */
  readonly verifications: TokenVerifications<boolean | Refusal> = new TokenVerifications()
  readonly #tokens: FairLru<VerifiedToken>
  readonly #failed = new LRUCache<string, FailedToken>(atMost(failedTokens))
  readonly #sources = new LRUCache<string, TokenSource>({
    maxSize: sourceBytes,
    // Each weighs at least its share of the count. A bound by `max` would allocate room for all of them at once.
    sizeCalculation: ({ issuer, kid }) =>
      Math.max(Math.ceil(sourceBytes / sources), 256 + 2 * (issuer.length + kid.length)),
  })
  readonly #issuers: IssuerKeys

  /** @param most tokens held, of 4 KiB on average; 0 for none */
  constructor(most: number, issuers: IssuerKeys) {
    this.#tokens = new FairLru(most, most * averageBytes)
    this.#issuers = issuers
    issuers.onWithdrawn((issuer, dwk) =>
      this.#tokens.drop(siteOf(issuer), ({ source }) => source.issuer === issuer && source.dwk === dwk),
    )
  }

  /** How many are held. */
  get size(): number {
    return this.#tokens.size
  }

  /** The bytes that they take, as an estimate. */
  get weight(): number {
    return this.#tokens.weight
  }

  /** The token with this digest, if it is held and has not expired. @param now seconds */
  get(digest: string, now: number): VerifiedToken | undefined {
    const token = this.#tokens.get(digest)
    if (token === undefined) return undefined
    if (token.caller.token.exp <= now) {
      this.#tokens.delete(digest)
      return undefined
    }
    const { source } = token
    if (now - source.notedAt >= noteEvery) {
      source.notedAt = now
      this.#issuers.peek(source)
    }
    return token
  }

  /** Makes the {@link VerifiedToken} of a token whose signature has just verified. @param now seconds */
  verified({ type, claims, query }: ReadToken, key: VerificationKey, now: number): VerifiedToken {
    const name = nameOf(query)
    const source = this.#sources.get(name) ?? { ...query, notedAt: now }
    this.#sources.set(name, source)
    shareTexts(claims)
    return { key, caller: sealCaller(type.caller(claims, key.jkt)), source }
  }

  /**
   * Remembers a token, unless it takes more memory than a token may; such a token is verified on every request. Its
   * weight is computed once, here.
   */
  add(digest: string, token: VerifiedToken): void {
    const { key, caller } = token
    const weight = ownBytes + key.algorithm.keyBytes + callerWeight(caller, fixedLimits.rememberedToken)
    if (weight > fixedLimits.rememberedToken) return
    this.#tokens.add(digest, siteOf(token.source.issuer), token, weight)
  }

  /** Remembers that a token's signature failed under this key, or that there was no key. @param exp the token's */
  addFailed(digest: string, query: KeyQuery, key: VerificationKey | undefined, exp: number): void {
    this.#failed.set(digest, { query, key, exp })
  }

  /**
   * A token that is known to fail with its issuer's current key, while no other key can be fetched. Once it has
   * expired, that is the better answer; and if the operator does not admit the issuer, so is a `403` instead of a
   * missing key. @param now seconds
   *
   * @param now seconds
   */
  failed(digest: string, now: number): FailedToken | undefined {
    const failed = this.#failed.get(digest)
    if (failed === undefined || failed.exp <= now) return undefined
    const { query, key } = failed
    if (this.#issuers.peek(query) !== key || this.#issuers.mayFetch(query)) return undefined
    const isShutOut = key === undefined && this.#issuers.refused(query.issuer, query.dwk) !== undefined
    return isShutOut ? undefined : failed
  }
}

const nameOf = ({ issuer, dwk }: Pick<KeyQuery, 'issuer' | 'dwk'>): string => `${issuer} ${dwk}`
