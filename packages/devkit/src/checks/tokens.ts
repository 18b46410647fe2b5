import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWK,
  jwtVerify,
} from '../keys/jose.js'
import type { Directory, Document, JsonObject } from './directory.js'
import { isObject } from './directory.js'
import { Fault } from './fault.js'
import { isServerId } from './identifiers.js'

/** A verified token: its claims and the exact text that was verified. */
export interface VerifiedToken {
  readonly jwt: string
  readonly claims: JsonObject
}

/** The identifiers of a token. */
export interface TokenName {
  readonly iss: string
  readonly jti: string
}

/** The token types of AAuth (11.5.1). */
export type TokenType = 'aa-agent+jwt' | 'aa-person+jwt' | 'aa-auth+jwt' | 'aa-resource+jwt'

/** The documents a token of this type may be verified against (11.5.2 step 2). */
const documentsOf: ReadonlyMap<string, readonly Document[]> = new Map<TokenType, readonly Document[]>([
  ['aa-agent+jwt', ['aauth-agent.json']],
  ['aa-person+jwt', ['aauth-person.json']],
  ['aa-auth+jwt', ['aauth-person.json', 'aauth-access.json']],
  ['aa-resource+jwt', ['aauth-resource.json']],
])

/** Limit on `exp - iat` of a person or auth token, in seconds (11.5.2). */
const maxLifetime = 3600

/** The `typ` of a JWT, without verifying anything; `undefined` if it is no JWT. */
export function typeOf(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).typ
  } catch {
    return undefined
  }
}

/**
 * The common JWT verification of 11.5.2, with `jose`: `typ`, `iss`, `dwk`, the issuer's key by `kid`, the signature,
 * `exp` without tolerance, the required claims and, for person and auth tokens, the lifetime ceiling.
 *
 * @param now seconds
 * @returns a Fault `expired` when only `exp` fails, otherwise `invalid`
 */
export async function verifyToken(
  jwt: string,
  types: readonly TokenType[],
  directory: Directory,
  now: number,
): Promise<VerifiedToken | Fault> {
  const named = readUntrusted(jwt, types)
  if (named instanceof Fault) return named
  const token = await verifyOnce(jwt, named, directory, now)
  if (token !== 'other-key') return token
  // The issuer may have changed the key under its kid.
  directory.forget(named.issuer)
  const again = await verifyOnce(jwt, named, directory, now)
  return again === 'other-key' ? new Fault('invalid', 'its signature does not verify') : again
}

async function verifyOnce(
  jwt: string,
  named: Untrusted,
  directory: Directory,
  now: number,
): Promise<VerifiedToken | Fault | 'other-key'> {
  const key = await directory.key(named.issuer, named.document, named.kid)
  if (key instanceof Fault) return new Fault('invalid', key.detail)
  try {
    const { payload } = await jwtVerify(jwt, createLocalJWKSet({ keys: [key as JWK] }), {
      typ: named.typ,
      algorithms: ['Ed25519', 'ES256'],
      currentDate: new Date(now * 1000),
      requiredClaims: [
        'iss',
        'dwk',
        'jti',
        'iat',
        'exp',
        ...(named.typ === 'aa-resource+jwt' ? [] : ['cnf']),
      ],
    })
    return lifetimeFault(payload, named.typ) ?? { jwt, claims: payload }
  } catch (error) {
    if (error instanceof errors.JWTExpired) return new Fault('expired', 'exp has passed')
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'other-key'
    return new Fault('invalid', error instanceof Error ? error.message : String(error))
  }
}

interface Untrusted {
  readonly typ: TokenType
  readonly issuer: string
  readonly document: Document
  readonly kid: string
}

function readUntrusted(jwt: string, types: readonly TokenType[]): Untrusted | Fault {
  try {
    const { typ, kid } = decodeProtectedHeader(jwt)
    if (!types.some((type) => type === typ))
      return new Fault('invalid', `typ is ${typ}, not ${types.join(' or ')}`)
    if (typeof kid !== 'string') return new Fault('invalid', 'the header has no kid')
    const { iss, dwk } = decodeJwt(jwt)
    if (!isServerId(iss)) return new Fault('invalid', 'iss is not a server identifier')
    const document = documentsOf.get(typ as TokenType)?.find((name) => name === dwk)
    if (document === undefined) return new Fault('invalid', `dwk ${String(dwk)} does not go with ${typ}`)
    return { typ: typ as TokenType, issuer: iss, document, kid }
  } catch (error) {
    return new Fault('invalid', error instanceof Error ? error.message : String(error))
  }
}

function lifetimeFault(claims: JsonObject, typ: TokenType): Fault | undefined {
  const { jti, iat, exp } = claims as { jti?: unknown; iat: number; exp: number }
  if (typeof jti !== 'string' || jti === '') return new Fault('invalid', 'jti is not a string')
  const capped = typ === 'aa-person+jwt' || typ === 'aa-auth+jwt'
  return capped && exp - iat > maxLifetime
    ? new Fault('invalid', `lifetime over ${maxLifetime} s`)
    : undefined
}

/** Whether a person or auth token is for this resource: `aud` is its name, or an array of just that (RFC 7519, 4.1.3). */
export function isFor(claims: JsonObject, resource: unknown): boolean {
  const audiences: readonly unknown[] = [claims['aud']].flat()
  return audiences.length === 1 && audiences[0] === resource
}

/** The RFC 7638 thumbprint of the key in `cnf.jwk`; `undefined` if there is none or it is unusable. */
export async function confirmationThumbprint(claims: JsonObject): Promise<string | undefined> {
  const jwk = isObject(claims['cnf']) ? claims['cnf']['jwk'] : undefined
  if (!isObject(jwk)) return undefined
  return calculateJwkThumbprint(jwk as unknown as JWK).catch(() => undefined)
}

/** The identifiers of a verified token. */
export function nameOf({ claims }: VerifiedToken): TokenName {
  return { iss: claims['iss'] as string, jti: claims['jti'] as string }
}
