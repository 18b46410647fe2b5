import type { TokenCaller } from '../caller.js'
import { shapeBytes, weightOf } from '../json.js'

/** Claims that many tokens share, whose names are not counted: those of the draft, and those about persons. */
const usual: ReadonlySet<string> = new Set([
  ...[
    'iss',
    'dwk',
    'aud',
    'sub',
    'ps',
    'jti',
    'iat',
    'exp',
    'nbf',
    'scope',
    'account',
    'tenant',
    'mission_s256',
  ],
  ...[
    'name',
    'given_name',
    'family_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'picture',
    'website',
  ],
  ...['email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number', 'updated_at'],
  ...['phone_number_verified', 'profile', 'address', 'groups', 'roles'],
])

/** Claims whose texts are also members of the caller, and counted there. */
const told: ReadonlySet<string> = new Set(['iss', 'sub', 'ps', 'jti', 'account', 'tenant', 'mission_s256'])

/**
 * Estimates the bytes of memory for a caller with all claims of its token.
 *
 * @param most counting stops here
 */
export function callerWeight(caller: TokenCaller, most: number): number {
  let weight = 0
  for (const value of Object.values(caller)) {
    if (value === (caller.kind === 'grant' ? caller.claims : undefined)) continue
    weight += ownWeight(value, most)
  }
  return caller.kind === 'grant' ? weight + claimsWeight(caller.claims, most - weight) : weight
}

/** The memory of a value. Objects of callers all have the same shape. */
function ownWeight(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return weightOf(value, most)
  return Object.values(value).reduce((sum: number, text) => sum + weightOf(text, most), objectBytes)
}

function claimsWeight(claims: Readonly<Record<string, unknown>>, most: number): number {
  let weight = objectBytes
  for (const name in claims) {
    if (!usual.has(name)) weight += shapeBytes + name.length
    if (!told.has(name) || typeof claims[name] !== 'string') weight += weightOf(claims[name], most - weight)
    if (weight > most) break
  }
  return weight
}

const objectBytes = 128
