import { z } from '../configuration/schema.js'
import { KeyFault, type VerificationKey } from '../crypto/keys.js'
import { Refusal, refuse } from '../errors.js'
import { isServerIdentifier } from '../identifiers.js'
import type { IssuerKeys, KeyQuery } from '../issuer/issuer-keys.js'
import { defaultLimits, fixedLimits, issuerSkew } from '../limits.js'
import { type CompactJws, decodeJws, isSignedFor } from './jws.js'
import { checkExpiry, checkHeader, checkTimes } from './read.js'

/** A token type of AAuth (11.5.1). */
export type IssuedType = 'aa-agent+jwt' | 'aa-person+jwt' | 'aa-auth+jwt' | 'aa-resource+jwt'

/** The claims of a token: those of every token are checked, the others are as received. */
export interface IssuedClaims {
  readonly [claim: string]: unknown
  readonly iss: string
  readonly dwk: string
  readonly jti: string
  /** Seconds. */
  readonly iat: number
  /** Seconds. */
  readonly exp: number
}

/** A token that has verified with its issuer's key. */
export interface IssuedToken {
  readonly typ: IssuedType
  readonly jwt: string
  readonly claims: IssuedClaims
}

/** The documents that may publish the keys of a token's issuer, and the longest `exp - iat` in seconds. */
const forms: ReadonlyMap<IssuedType, { readonly documents: readonly string[]; readonly longest: number }> =
  new Map([
    ['aa-agent+jwt', { documents: ['aauth-agent.json'], longest: Number.POSITIVE_INFINITY }],
    ['aa-person+jwt', { documents: ['aauth-person.json'], longest: 3600 }],
    ['aa-auth+jwt', { documents: ['aauth-person.json', 'aauth-access.json'], longest: 3600 }],
    // The draft recommends 300 s; a longer life is the issuer's decision.
    ['aa-resource+jwt', { documents: ['aauth-resource.json'], longest: 3600 }],
  ])

const claimsSchema = z.looseObject({
  iss: z.string().refine(isServerIdentifier),
  dwk: z.string(),
  jti: z.string().min(1).max(fixedLimits.jti),
  iat: z.number().nonnegative(),
  exp: z.number().nonnegative(),
  nbf: z.number().nonnegative().optional(),
})

/**
 * Reads the claims of a JWT without verifying it, for its holder, who needs to know for example when it expires.
 * `undefined` if it is no well-formed JWT, or longer than 12,288 characters.
 *
 * @example
 * ```ts
 * import { readClaims } from '@countersign/core/issuer'
 *
 * const claims = readClaims(process.env['AGENT_TOKEN'] ?? '')
 * console.log(claims?.['exp'])
 * ```
 */
export function readClaims(jwt: string): Readonly<Record<string, unknown>> | undefined {
  return decode(jwt)?.payload
}

/**
 * Verifies a token by the rules of AAuth 11.5.2 for every type: form, `typ`, header, `exp`, the claims that all
 * tokens have, the longest lifetime of its type, and the signature with its issuer's key, which is fetched if
 * necessary and once more if it does not fit. The audience is not checked.
 *
 * @param now seconds
 * @returns the token, or a {@link Refusal}: `expired_jwt`, `invalid_jwt`, `clock_skew`, or one of `IssuerKeys.find`
 *
 * @example
 * ```ts
 * import { createIssuerCache, verifyIssued } from '@countersign/core/issuer'
 * import { Refusal } from '@countersign/core/signature'
 *
 * const issuers = createIssuerCache({}, { clock: Date.now, random: Math.random, report: () => {} })
 * const token = await verifyIssued(process.env['TOKEN'] ?? '', 'aa-resource+jwt', issuers, Date.now() / 1000)
 * if (token instanceof Refusal) console.error(token.code)
 * else console.log(token.claims.iss)
 * ```
 */
export async function verifyIssued(
  jwt: string,
  typ: IssuedType,
  issuers: IssuerKeys,
  now: number,
): Promise<IssuedToken | Refusal> {
  const jws = decode(jwt)
  if (jws === undefined) return refuse('invalid_jwt', 'The token is not a well-formed JWT')
  const claims = readIssued(jws, typ, now)
  if (claims instanceof Refusal) return claims
  const query = { issuer: claims.iss, dwk: claims.dwk, kid: jws.header['kid'] as string }
  const failed = await verifyUnder(jws, query, issuers)
  if (failed !== undefined) return failed
  issuers.admit(query.issuer, query.dwk)
  return { typ, jwt, claims }
}

function decode(jwt: string): CompactJws | undefined {
  return jwt.length > defaultLimits.token ? undefined : decodeJws(jwt, defaultLimits.tokenMembers)
}

function readIssued(jws: CompactJws, typ: IssuedType, now: number): IssuedClaims | Refusal {
  const { documents, longest } = forms.get(typ) as { documents: readonly string[]; longest: number }
  if (jws.header['typ'] !== typ) return refuse('invalid_jwt', `The token’s typ is not ${typ}`)
  const early = checkHeader(jws) ?? checkExpiry(jws, now)
  if (early !== undefined) return early
  const parsed = claimsSchema.safeParse(jws.payload)
  if (!parsed.success) {
    const claim = String(parsed.error.issues[0]?.path[0] ?? '')
    return refuse('invalid_jwt', `The token’s claim ${claim} is missing or malformed`)
  }
  const claims = jws.payload as IssuedClaims & { readonly nbf?: number }
  if (!documents.includes(claims.dwk))
    return refuse('invalid_jwt', 'The token’s dwk does not go with its typ')
  return checkTimes(claims, longest, issuerSkew, now) ?? claims
}

async function verifyUnder(
  jws: CompactJws,
  query: KeyQuery,
  issuers: IssuerKeys,
): Promise<Refusal | undefined> {
  const key = await issuers.find(query)
  if (key instanceof Refusal) return key
  if (key instanceof KeyFault) return refuse('invalid_jwt', key.detail)
  if (fits(jws, key)) return undefined
  const other = await issuers.refind(query, key)
  if (other instanceof Refusal) return other
  const isOther = other !== undefined && !(other instanceof KeyFault) && fits(jws, other)
  return isOther ? undefined : refuse('invalid_jwt', 'The token’s signature does not verify')
}

function fits(jws: CompactJws, key: VerificationKey): boolean {
  return isSignedFor(jws, key) && key.algorithm.verify(key.key, jws.signingInput, jws.signature)
}
