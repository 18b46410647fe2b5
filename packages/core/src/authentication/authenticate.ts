import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { TokenCaller } from '../caller.js'
import { importPublicJwk, KeyFault, type VerificationKey } from '../crypto/keys.js'
import type { Verify } from '../crypto/verify.js'
import { Refusal, refuse } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import { checkWire } from '../http/wire.js'
import type { IssuerKeys } from '../issuer/issuer-keys.js'
import { usualReader } from '../signature/fast/usual.js'
import type { PresentedJwt } from '../signature/key-scheme.js'
import { type ReadSignature, readSignature, type SignaturePolicy, unsigned } from '../signature/read.js'
import { unverified } from '../signature/verify.js'
import { isSignedFor } from '../token/jws.js'
import { type ReadToken, readToken } from '../token/read.js'
import type { TokenPolicy } from '../token/types.js'
import type { VerifiedToken, VerifiedTokens } from '../token/verified-tokens.js'
import { checkVerified, type VerifiedCheckContext } from './verified-checks.js'

/** What authentication works with. */
export interface AuthenticationContext extends VerifiedCheckContext {
  readonly signature: SignaturePolicy
  /** Whether what is of the usual shape is recognised without parsing it. */
  readonly shortcuts: boolean
  readonly token: TokenPolicy
  readonly issuers: IssuerKeys
  readonly tokens: VerifiedTokens
  readonly verify: Verify
  /** Milliseconds. */
  readonly clock: () => number
}

/** Whoever signed a request, why it is refused, or that it is not signed at all. */
export type Authenticated = TokenCaller | Refusal | typeof unsigned

/**
 * Who signed this request: the seven steps of 11.3.4 for an agent, cheapest first. A token seen before costs one
 * verification, that of the request; nothing on that way waits for anything. One that failed costs none.
 */
export function authenticate(request: HttpRequest, context: AuthenticationContext): Awaitable<Authenticated> {
  const now = Math.floor(context.clock() / 1000)
  const usual = context.shortcuts ? usualReader(context.signature).read(request, now) : undefined
  const read = usual ?? readFully(request, context, now)
  if (read === unsigned || read instanceof Refusal) return read
  const { jwt, digest } = read.key as PresentedJwt
  const known = context.tokens.get(digest, now)
  if (known !== undefined) return new Attempt(request, read, context).prove(known)
  const admit = (): Awaitable<Authenticated> => {
    const token = readToken(jwt, context.token, now)
    return token instanceof Refusal ? token : new Attempt(request, read, context).admit(token, digest, now)
  }
  const failed = context.tokens.failed(digest, now)
  if (failed === undefined) return admit()
  return failed.key === undefined
    ? andThen(context.issuers.find(failed.query), (found) => (found instanceof Refusal ? found : admit()))
    : refuseToken()
}

function readFully(request: HttpRequest, context: AuthenticationContext, now: number): Read {
  return checkWire(request) ?? readSignature(request, context.signature, now)
}

const refuseToken = (): Refusal =>
  refuse('invalid_jwt', 'The token’s signature does not verify under its issuer’s key')
const refuseSignature = (): Refusal => refuse('invalid_signature', unverified)

/** One request on its way from a well-formed signature to a caller. */
class Attempt {
  readonly #request: HttpRequest
  readonly #read: ReadSignature
  readonly #context: AuthenticationContext

  constructor(request: HttpRequest, read: ReadSignature, context: AuthenticationContext) {
    this.#request = request
    this.#read = read
    this.#context = context
  }

  /** Step 7: proof that the request comes from the holder of the token's key; then what is left to check. */
  prove(token: VerifiedToken): Awaitable<Authenticated> {
    return andThen(this.#verifyRequest(token.key), (refused) => refused ?? this.#conclude(token))
  }

  /**
   * Step 5 for a token not seen before. Where the issuer's key is in memory the token comes first, so that a forged one
   * costs one verification; where it is not, the request signature does, so that a fetch costs a stranger a valid
   * signature over this very request. Where nothing would be fetched anyway, the answer is had for nothing.
   */
  admit(token: ReadToken, digest: string, now: number): Awaitable<Authenticated> {
    const { issuers, tokens } = this.#context
    const { query } = token
    const held = issuers.peek(query)
    if (held instanceof KeyFault) return refuse('invalid_jwt', held.detail)
    if (held === undefined) return this.#discover(token, digest, now)
    return andThen(this.#verifyToken(token, held), (valid) => {
      if (valid instanceof Refusal) return valid
      if (valid) return this.#accept(token, held, digest, now, (verified) => this.prove(verified))
      tokens.addFailed(digest, query, held, token.claims.exp)
      return issuers.mayFetch(query) ? this.#refind(token, held, digest, now) : refuseToken()
    })
  }

  #discover(token: ReadToken, digest: string, now: number): Awaitable<Authenticated> {
    const { issuers } = this.#context
    const { query } = token
    // A 403 is only for requests whose signature has verified.
    if (!issuers.mayFetch(query) && this.#refusedIssuer(query.issuer, query.dwk) === undefined) {
      return this.#find(token, digest, now, (verified) => this.prove(verified))
    }
    return this.#proveFirst(token, (refused) =>
      refused === undefined
        ? this.#find(token, digest, now, (verified) => this.#conclude(verified))
        : refused,
    )
  }

  /** The key from the issuer, and the token under it; refreshed once if it does not fit. */
  async #find(token: ReadToken, digest: string, now: number, next: Next): Promise<Authenticated> {
    const { issuers, tokens } = this.#context
    const found = await issuers.find(token.query)
    if (found instanceof Refusal) {
      tokens.addFailed(digest, token.query, undefined, token.claims.exp)
      return found
    }
    if (found instanceof KeyFault) return refuse('invalid_jwt', found.detail)
    const valid = await this.#verifyToken(token, found)
    if (valid instanceof Refusal) return valid
    if (valid) return this.#accept(token, found, digest, now, next)
    return this.#renew(token, found, digest, now, next)
  }

  /** The held key did not fit: perhaps the issuer has another one of that name by now. */
  #refind(token: ReadToken, held: VerificationKey, digest: string, now: number): Awaitable<Authenticated> {
    return this.#proveFirst(token, (refused) =>
      refused === undefined
        ? this.#renew(token, held, digest, now, (verified) => this.#conclude(verified))
        : refuseToken(),
    )
  }

  async #renew(
    token: ReadToken,
    failed: VerificationKey,
    digest: string,
    now: number,
    next: Next,
  ): Promise<Authenticated> {
    const fresh = await this.#context.issuers.refind(token.query, failed)
    if (fresh instanceof Refusal) return fresh
    if (fresh === undefined || fresh instanceof KeyFault) return refuseToken()
    const valid = await this.#verifyToken(token, fresh)
    if (valid instanceof Refusal) return valid
    return valid ? this.#accept(token, fresh, digest, now, next) : refuseToken()
  }

  /** The token has verified, so what it says is known; the next time it is seen nothing of this is done again. */
  #accept(
    token: ReadToken,
    under: VerificationKey,
    digest: string,
    now: number,
    next: Next,
  ): Awaitable<Authenticated> {
    const key = confirmationKey(token)
    if (key instanceof Refusal) return key
    const { issuers, tokens } = this.#context
    const { query } = token
    issuers.admit(query.issuer, query.dwk)
    const verified = tokens.verified(token, key, now)
    // The key may have been withdrawn while the verification waited its turn.
    if (issuers.peek(query) === under) tokens.add(digest, verified)
    return next(verified)
  }

  /** The request's signature, and the operator's word on the issuer, before anything is known of the token. */
  #proveFirst(
    token: ReadToken,
    next: (refused: Refusal | undefined) => Awaitable<Authenticated>,
  ): Awaitable<Authenticated> {
    const key = confirmationKey(token)
    if (key instanceof Refusal) return key
    const { issuer, dwk } = token.query
    return andThen(this.#verifyRequest(key), (refused) => next(refused ?? this.#refusedIssuer(issuer, dwk)))
  }

  #verifyToken({ jws }: ReadToken, key: VerificationKey): Awaitable<boolean | Refusal> {
    return isSignedFor(jws, key) && this.#context.verify(key, jws.signingInput, jws.signature)
  }

  #verifyRequest(key: VerificationKey): Awaitable<Refusal | undefined> {
    const { base, signature } = this.#read
    return andThen(this.#context.verify(key, base, signature), (valid) =>
      valid === true ? undefined : valid === false ? refuseSignature() : valid,
    )
  }

  #refusedIssuer(issuer: string, dwk: string): Refusal | undefined {
    return this.#context.issuers.refused(issuer, dwk)
  }

  #conclude({ caller, source }: VerifiedToken): Awaitable<Authenticated> {
    const refused = this.#refusedIssuer(source.issuer, source.dwk)
    if (refused !== undefined) return refused
    return andThen(checkVerified(this.#request, this.#read, caller, this.#context), (late) => late ?? caller)
  }
}

type Read = ReadSignature | Refusal | typeof unsigned
type Next = (token: VerifiedToken) => Awaitable<Authenticated>

/** The confirmation key (AAuth 9.4.3.2): missing members are the token's fault, bad material is the key's (G-09). */
function confirmationKey(token: ReadToken): VerificationKey | Refusal {
  const key = importPublicJwk(token.claims.cnf.jwk)
  return key instanceof KeyFault ? refuse(keyFaultCodes[key.fault], `cnf.jwk: ${key.detail}`) : key
}

const keyFaultCodes = {
  incomplete: 'invalid_jwt',
  unsupported: 'unsupported_algorithm',
  invalid: 'invalid_key',
} as const
