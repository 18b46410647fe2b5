import type { Awaitable } from '../awaitable.js'
import { andThen, isPromiseLike } from '../awaitable.js'
import type { TokenCaller } from '../caller.js'
import { importPublicJwk, KeyFault, type VerificationKey } from '../crypto/keys.js'
import type { Verify } from '../crypto/verify.js'
import type { Decisions } from '../decision/decisions.js'
import type { Draft } from '../decision/draft.js'
import { constantRefusal, Refusal, refuse } from '../errors.js'
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
import { traced, verifications } from '../tracing/channels.js'
import type { Unlinks } from '../users/unlinks.js'
import { checkVerified, type Marks, readMarks, type VerifiedCheckContext } from './verified-checks.js'

/** The dependencies of {@link authenticate}. */
export interface AuthenticationContext extends VerifiedCheckContext {
  readonly signature: SignaturePolicy
  /** Whether signatures of the usual shape are read by the fast path (`signature/fast`) instead of the parsers. */
  readonly shortcuts: boolean
  readonly token: TokenPolicy
  readonly issuers: IssuerKeys
  /** Whether the option `issuers.clientAddress` is set, which needs the framework's request. */
  readonly tellsClients: boolean
  readonly tokens: VerifiedTokens
  readonly verify: Verify
  readonly decisions: Decisions
  /** Used for what was begun earlier. Requests do not need it: routes with `user` look the user up. */
  readonly unlinks: Pick<Unlinks, 'mark' | 'hasEnded'>
  /** Milliseconds. */
  readonly clock: () => number
}

/** The caller who signed a request, the refusal of the request, or `unsigned`. */
export type Authenticated = TokenCaller | Refusal | typeof unsigned

/**
 * Verifies who signed a request: the seven steps of 11.3.4 for an agent, the cheapest first. A token that was
 * verified before costs one verification, that of the request, and no promise; a token that failed before costs none.
 */
export function authenticate(request: HttpRequest, context: AuthenticationContext): Awaitable<Authenticated> {
  const draft = context.decisions.draftOf(request)
  return verifications.hasSubscribers
    ? traced(verifications, { request }, () => noteEnd(authenticateNow(request, context, draft), draft))
    : noteEnd(authenticateNow(request, context, draft), draft)
}

function noteEnd(
  authenticated: Awaitable<Authenticated>,
  draft: Draft | undefined,
): Awaitable<Authenticated> {
  if (draft === undefined) return authenticated
  // A closure would cost more than what it does.
  if (isPromiseLike(authenticated)) return Promise.resolve(authenticated).then((last) => noteEnd(last, draft))
  const isCaller = authenticated !== unsigned && !(authenticated instanceof Refusal)
  draft.endVerification(isCaller ? authenticated : undefined)
  return authenticated
}

function authenticateNow(
  request: HttpRequest,
  context: AuthenticationContext,
  draft: Draft | undefined,
): Awaitable<Authenticated> {
  const now = Math.floor(context.clock() / 1000)
  const usual = context.shortcuts ? usualReader(context.signature).read(request, now) : undefined
  const read = usual ?? readFully(request, context, now)
  if (read === unsigned || read instanceof Refusal) return read
  const { jwt, digest } = read.key as PresentedJwt
  const known = context.tokens.get(digest, now)
  draft?.beginVerification(read, known !== undefined)
  if (known !== undefined) return new RequestCheck(request, read, context).prove(known)
  const admit = (): Awaitable<Authenticated> => {
    const token = readToken(jwt, context.token, now)
    if (token instanceof Refusal) return token
    if (draft !== undefined) draft.keyHeld = context.issuers.peek(token.query) !== undefined
    return new TokenCheck(new RequestCheck(request, read, context), context, token, digest, now).run()
  }
  const judge = (): Awaitable<Authenticated> => {
    const failed = context.tokens.failed(digest, now)
    if (failed === undefined) return admit()
    return failed.key === undefined
      ? andThen(context.issuers.find(failed.query, request), (found) =>
          found instanceof Refusal ? found : admit(),
        )
      : tokenUnverified
  }
  // Another request has brought the same token, and it is being verified. Nobody waits a second time: a token that is
  // still not remembered after that is too large, or its key is not cached.
  const ended = context.tokens.verifications.endOf(digest)
  if (ended === undefined) return judge()
  return ended.then(() => {
    const verified = context.tokens.get(digest, now)
    if (verified === undefined) return judge()
    if (draft !== undefined) draft.keyHeld = true
    return new RequestCheck(request, read, context).prove(verified)
  })
}

function readFully(request: HttpRequest, context: AuthenticationContext, now: number): Read {
  context.trace?.('wire', `${request.method} ${request.target}`)
  return checkWire(request) ?? readSignature(request, context.signature, now)
}

const tokenUnverified = constantRefusal(
  'invalid_jwt',
  'The token’s signature does not verify under its issuer’s key',
)
const signatureUnverified = constantRefusal('invalid_signature', unverified)

/** The checks of one request after its signature has been read and its token verified. */
class RequestCheck {
  readonly request: HttpRequest
  readonly #read: ReadSignature
  readonly #context: AuthenticationContext

  constructor(request: HttpRequest, read: ReadSignature, context: AuthenticationContext) {
    this.request = request
    this.#read = read
    this.#context = context
  }

  /** Step 7: proof that the request comes from the holder of the token's key. The remaining checks follow. */
  prove(token: VerifiedToken): Awaitable<Authenticated> {
    const verified = this.verifySignature(token.key)
    if (!isPromiseLike(verified)) return verified ?? this.conclude(token)
    // The request has arrived, so the store's state counts from now on.
    const marks = this.#context.readsAhead === true ? readMarks(this.#context) : undefined
    return Promise.resolve(verified).then((refused) => refused ?? this.conclude(token, marks))
  }

  /** Verifies the signature of the request with the confirmation key. */
  verifySignature(key: VerificationKey): Awaitable<Refusal | undefined> {
    const { base, signature } = this.#read
    this.#context.trace?.('signature', `${signature.length} bytes over a base of ${base.length}`)
    return andThen(this.#context.verify(key, base, signature), (valid) =>
      valid === true ? undefined : valid === false ? signatureUnverified : valid,
    )
  }

  /** The checks that follow once token and signature are verified. */
  conclude({ caller, source }: VerifiedToken, marks?: Marks): Awaitable<Authenticated> {
    this.#context.trace?.('admission', source.issuer)
    const refused = this.#context.issuers.refused(source.issuer, source.dwk)
    if (refused !== undefined) return refused
    return checkVerified(this.request, this.#read, caller, this.#context, marks)
  }
}

/** Step 5, for a token not seen before. The checks of its request follow. */
class TokenCheck {
  readonly #check: RequestCheck
  readonly #context: AuthenticationContext
  readonly #token: ReadToken
  readonly #digest: string
  readonly #now: number
  /** Whether the request signature was verified before the token. */
  #isProved = false

  /** @param now seconds */
  constructor(
    check: RequestCheck,
    context: AuthenticationContext,
    token: ReadToken,
    digest: string,
    now: number,
  ) {
    this.#check = check
    this.#context = context
    this.#token = token
    this.#digest = digest
    this.#now = now
  }

  /**
   * If the issuer's key is in memory, the token is verified first, so that a forged one costs one verification. If
   * not, the request signature is verified first, so that a stranger cannot cause a fetch without a valid signature
   * over this very request. If nothing would be fetched anyway, the answer needs no verification.
   */
  run(): Awaitable<Authenticated> {
    const { issuers, tokens } = this.#context
    const { query, claims } = this.#token
    this.#context.trace?.('issuer', `${query.issuer}/.well-known/${query.dwk}, kid ${query.kid}`)
    const held = issuers.peek(query)
    if (held instanceof KeyFault) return refuse('invalid_jwt', held.detail)
    if (held === undefined) return this.#discover()
    return andThen(this.#verify(held), (valid) => {
      if (valid instanceof Refusal) return valid
      if (valid) return this.#accept(held)
      tokens.addFailed(this.#digest, query, held, claims.exp)
      return issuers.mayFetch(query) ? this.#refind(held) : tokenUnverified
    })
  }

  #discover(): Awaitable<Authenticated> {
    // A 403 is only for requests whose signature has verified.
    if (!this.#context.issuers.mayFetch(this.#token.query) && this.#refusedIssuer() === undefined)
      return this.#find()
    return this.#proveFirst((refused) => refused ?? this.#find())
  }

  /**
   * Gets the key from the issuer and verifies the token with it. The key is fetched again once if it does not fit
   * (R-086).
   */
  async #find(): Promise<Authenticated> {
    const { issuers, tokens } = this.#context
    const { query, claims } = this.#token
    this.#context.trace?.('issuer', `${query.issuer}/.well-known/${query.dwk}, kid ${query.kid}`)
    const found = await issuers.find(query, this.#check.request)
    if (found instanceof Refusal) {
      tokens.addFailed(this.#digest, query, undefined, claims.exp)
      return found
    }
    if (found instanceof KeyFault) return refuse('invalid_jwt', found.detail)
    // Another request with the same token may have waited for the same key.
    const known = tokens.get(this.#digest, this.#now)
    if (known !== undefined) return this.#conclude(known)
    const valid = await this.#verify(found)
    if (valid instanceof Refusal) return valid
    return valid ? this.#accept(found) : this.#renew(found)
  }

  /** The key in memory did not fit; the issuer may have another one with that `kid` by now. */
  #refind(held: VerificationKey): Awaitable<Authenticated> {
    return this.#proveFirst((refused) => (refused === undefined ? this.#renew(held) : tokenUnverified))
  }

  async #renew(failed: VerificationKey): Promise<Authenticated> {
    const fresh = await this.#context.issuers.refind(this.#token.query, failed, this.#check.request)
    if (fresh instanceof Refusal) return fresh
    if (fresh === undefined || fresh instanceof KeyFault) return tokenUnverified
    const valid = await this.#verify(fresh)
    if (valid instanceof Refusal) return valid
    return valid ? this.#accept(fresh) : tokenUnverified
  }

  /** Remembers the verified token, so that later requests skip all this. */
  #accept(under: VerificationKey): Awaitable<Authenticated> {
    this.#context.trace?.('confirmation')
    const key = confirmationKey(this.#token)
    if (key instanceof Refusal) return key
    const { issuers, tokens } = this.#context
    const { query } = this.#token
    issuers.admit(query.issuer, query.dwk)
    const verified = tokens.verified(this.#token, key, this.#now)
    // The key may have been withdrawn while the verification was queued.
    if (issuers.peek(query) === under) tokens.add(this.#digest, verified)
    return this.#conclude(verified)
  }

  #conclude(token: VerifiedToken): Awaitable<Authenticated> {
    return this.#isProved ? this.#check.conclude(token) : this.#check.prove(token)
  }

  /** Verifies the request signature, and applies the operator's rules on issuers, before the token is verified. */
  #proveFirst(next: (refused: Refusal | undefined) => Awaitable<Authenticated>): Awaitable<Authenticated> {
    this.#context.trace?.('confirmation')
    const key = confirmationKey(this.#token)
    if (key instanceof Refusal) return key
    return andThen(this.#check.verifySignature(key), (refused) => {
      this.#isProved = refused === undefined
      return next(refused ?? this.#refusedIssuer())
    })
  }

  #verify(key: VerificationKey): Awaitable<boolean | Refusal> {
    const { jws } = this.#token
    this.#context.trace?.('token-signature', `under a key of ${key.algorithm.name}`)
    const { tokens, verify } = this.#context
    return (
      isSignedFor(jws, key) &&
      tokens.verifications.run(this.#digest, key, () => verify(key, jws.signingInput, jws.signature))
    )
  }

  #refusedIssuer(): Refusal | undefined {
    const { issuer, dwk } = this.#token.query
    this.#context.trace?.('admission', issuer)
    return this.#context.issuers.refused(issuer, dwk)
  }
}

type Read = ReadSignature | Refusal | typeof unsigned

/**
 * The confirmation key (AAuth 9.4.3.2). Missing members are the token's fault, invalid key material is the key's
 * (G-09).
 */
function confirmationKey(token: ReadToken): VerificationKey | Refusal {
  const key = importPublicJwk(token.claims.cnf.jwk)
  return key instanceof KeyFault ? refuse(keyFaultCodes[key.fault], `cnf.jwk: ${key.detail}`) : key
}

const keyFaultCodes = {
  incomplete: 'invalid_jwt',
  unsupported: 'unsupported_algorithm',
  invalid: 'invalid_key',
} as const
