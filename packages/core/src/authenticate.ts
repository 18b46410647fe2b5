import { type Caller, sealCaller } from './caller.js'
import { Refusal, refuse } from './errors.js'
import type { HttpRequest } from './http.js'
import type { IssuerKeys } from './issuer/issuer-keys.js'
import { importPublicJwk, KeyFault, type VerificationKey } from './keys.js'
import type { JwtScheme } from './signature/key-scheme.js'
import { type ReadSignature, readSignature, type SignaturePolicy, unsigned } from './signature/read.js'
import { verifySignature } from './signature/verify.js'
import { verifyJws } from './token/jws.js'
import { type ReadToken, readToken } from './token/read.js'
import type { TokenPolicy } from './token/types.js'
import { checkVerified, type VerifiedCheckContext } from './verified-checks.js'
import { checkWire } from './wire.js'

/** What authentication works with. */
export interface AuthenticationContext extends VerifiedCheckContext {
  readonly signature: SignaturePolicy
  readonly token: TokenPolicy
  readonly issuers: IssuerKeys
  /** Milliseconds. */
  readonly clock: () => number
}

/** Whoever signed a request, why it is refused, or that it is not signed at all. */
export type Authenticated = Caller | Refusal | typeof unsigned

/**
 * Who signed this request: the seven steps of 11.3.4 for an agent. Nothing is fetched before everything local has
 * passed, and no issuer is contacted before the request's own signature has verified.
 */
export async function authenticate(
  request: HttpRequest,
  context: AuthenticationContext,
): Promise<Authenticated> {
  const now = Math.floor(context.clock() / 1000)
  const wire = checkWire(request)
  if (wire !== undefined) return wire
  const read = readSignature(request, context.signature, now)
  if (read === unsigned || read instanceof Refusal) return read
  const token = readToken((read.key as JwtScheme).jwt, context.token, now)
  if (token instanceof Refusal) return token
  const key = await verifyTokenAndSignature(read, token, context)
  if (key instanceof Refusal) return key
  const caller = token.type.caller(token.claims, key.jkt)
  return (await checkVerified(request, read, caller, context)) ?? sealCaller(caller)
}

/**
 * Where the issuer's key is in memory the token comes first, so that a forged one costs one verification; where it is
 * not, the request signature does, so that a fetch costs a stranger a valid signature over this very request.
 */
async function verifyTokenAndSignature(
  read: ReadSignature,
  token: ReadToken,
  context: AuthenticationContext,
): Promise<VerificationKey | Refusal> {
  const known = context.issuers.peek(token.query)
  if (known instanceof KeyFault) return refuse('invalid_jwt', known.detail)
  if (known !== undefined && verifyJws(token.jws, known)) {
    const key = confirmationKey(token)
    return key instanceof Refusal ? key : (verifySignature(read, key) ?? checkIssuer(token, context) ?? key)
  }
  const key = confirmationKey(token)
  if (key instanceof Refusal) return key
  const refused = verifySignature(read, key) ?? checkIssuer(token, context)
  if (refused !== undefined)
    return known === undefined ? refused : refuse('invalid_jwt', 'The token does not verify')
  return (await verifyToken(token, known, context)) ?? key
}

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

function checkIssuer(token: ReadToken, context: AuthenticationContext): Refusal | undefined {
  return context.issuers.refused(token.query.issuer, token.query.dwk)
}

/** The token under its issuer's key, fetched if need be, and refreshed once if the key at hand does not fit. */
async function verifyToken(
  token: ReadToken,
  failed: VerificationKey | undefined,
  context: AuthenticationContext,
): Promise<Refusal | undefined> {
  const { issuers } = context
  const found = failed ?? (await issuers.find(token.query))
  if (found instanceof Refusal) return found
  if (found instanceof KeyFault) return refuse('invalid_jwt', found.detail)
  if (failed === undefined && verifyJws(token.jws, found)) {
    issuers.admit(token.query.issuer, token.query.dwk)
    return undefined
  }
  const fresh = await issuers.refind(token.query, found)
  if (fresh instanceof Refusal) return fresh
  return fresh !== undefined && !(fresh instanceof KeyFault) && verifyJws(token.jws, fresh)
    ? undefined
    : refuse('invalid_jwt', 'The token does not verify')
}
