import { algorithms } from '../crypto/algorithms.js'
import { type Refusal, refuse } from '../errors.js'
import type { KeyQuery } from '../issuer/issuer-keys.js'
import { fixedLimits } from '../limits.js'
import type { CommonClaims } from './claims.js'
import { type CompactJws, decodeJws } from './jws.js'
import { type TokenPolicy, type TokenType, tokenTypes } from './types.js'

/** A token that passed every check that needs no key. Its signature has not been verified. */
export interface ReadToken {
  readonly type: TokenType
  readonly jws: CompactJws
  readonly claims: CommonClaims
  /** The issuer, document and `kid` of its issuer's key. */
  readonly query: KeyQuery
}

/**
 * The local checks in the order of Signature-Key 3.8: form, `typ`, header, `exp`, required claims, and then every
 * other check that does not need the issuer.
 *
 * @param now seconds
 */
export function readToken(jwt: string, policy: TokenPolicy, now: number): ReadToken | Refusal {
  const { trace } = policy
  trace?.('token', `${jwt.length} characters`)
  const jws = jwt.length > policy.maxTokenLength ? undefined : decodeJws(jwt, policy.maxTokenMembers)
  if (jws === undefined) return refuse('invalid_jwt', 'The token is not a well-formed JWT')
  trace?.('typ', wordOf(jws.header['typ']))
  const type = tokenTypes.get(jws.header['typ'])
  if (type === undefined) return refuse('invalid_jwt', 'The token’s typ is not accepted here')
  const { alg, kid } = jws.header
  trace?.('header', `alg ${wordOf(alg)}, kid ${wordOf(kid)}; members: ${membersOf(jws.header)}`)
  const refused = checkHeader(jws)
  if (refused !== undefined) return refused
  trace?.('expiry', `exp ${wordOf(jws.payload['exp'])}; it is ${now}`)
  return checkExpiry(jws, now) ?? readClaims(jws, type, policy, now)
}

/** A name for a log; for any other value, only its kind. */
function wordOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : `(${typeof value})`
}

const membersOf = (object: object): string => Object.keys(object).join(', ')

/** The checks of a token's header alone. */
export function checkHeader(jws: CompactJws): Refusal | undefined {
  const { alg, kid, crit } = jws.header
  if (typeof alg !== 'string' || !algorithms.has(alg))
    return refuse('invalid_jwt', 'The token’s alg must be Ed25519 or ES256')
  if (typeof kid !== 'string' || kid === '' || kid.length > fixedLimits.kid)
    return refuse('invalid_jwt', 'The token has no usable kid')
  // RFC 7515, 4.1.11: no extension is supported, so every `crit` is refused.
  return crit === undefined
    ? undefined
    : refuse('invalid_jwt', 'The token has a crit header, and no extension is supported')
}

/** Whether a token has expired. @param now seconds */
export function checkExpiry(jws: CompactJws, now: number): Refusal | undefined {
  const { exp } = jws.payload
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return refuse('invalid_jwt', 'The token has no exp')
  return exp <= now ? refuse('expired_jwt') : undefined
}

function readClaims(jws: CompactJws, type: TokenType, policy: TokenPolicy, now: number): ReadToken | Refusal {
  const { trace } = policy
  trace?.('claims', `members: ${membersOf(jws.payload)}`)
  const parsed = type.claims.safeParse(jws.payload)
  if (!parsed.success) {
    const claim = String(parsed.error.issues[0]?.path[0] ?? '')
    return refuse('invalid_jwt', `The token’s claim ${claim} is missing or malformed`)
  }
  // The parsed object itself; the schema's copy has the same members.
  const claims = jws.payload as CommonClaims
  if (!type.documents.includes(claims.dwk))
    return refuse('invalid_jwt', 'The token’s dwk does not go with its typ')
  const query = { issuer: claims.iss, dwk: claims.dwk, kid: jws.header['kid'] as string }
  trace?.('times', `iat ${claims.iat}, exp ${claims.exp}; it is ${now}`)
  const refused = checkTimes(claims, type.lifetime(policy), policy.window, now)
  if (refused !== undefined) return refused
  trace?.(
    'audience',
    `iss ${wordOf(claims.iss)}, aud ${wordOf(jws.payload['aud'])}; we are ${policy.resource}`,
  )
  return type.check(claims, policy) ?? { type, jws, claims, query }
}

/**
 * The checks of a token's times beside {@link checkExpiry}.
 *
 * @param longest the longest `exp - iat`, in seconds
 * @param window how far `iat` and `nbf` may lie ahead, in seconds
 * @param now seconds
 */
export function checkTimes(
  claims: Pick<CommonClaims, 'iat' | 'exp' | 'nbf'>,
  longest: number,
  window: number,
  now: number,
): Refusal | undefined {
  const lifetime = claims.exp - claims.iat
  if (lifetime <= 0 || lifetime > longest)
    return refuse('invalid_jwt', 'The token’s lifetime, exp minus iat, is too long or not positive')
  // A bound on `iat` is optional in 11.5.2, but without it a token from the future could outlive its maximum (G-16).
  if (claims.iat - now > window) return refuse('clock_skew', 'iat lies ahead of this server’s clock')
  if (claims.nbf !== undefined && claims.nbf - now > window) {
    return refuse('invalid_jwt', 'The token is not valid yet')
  }
  return undefined
}
