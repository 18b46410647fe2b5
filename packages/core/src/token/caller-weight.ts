import type { TokenCaller } from '../caller.js'
import { shapeBytes, weightOf } from '../json.js'

/** Claims that many tokens have, so that none pays for their names: those of the draft and those about persons. */
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

/** Claims whose texts are members of the caller as well, and counted there. */
const told: ReadonlySet<string> = new Set(['iss', 'sub', 'ps', 'jti', 'account', 'tenant', 'mission_s256'])

/**
 * About how many bytes of memory a caller takes, with all claims of its token.
 *
 * @param most where counting ends
 */
export function callerWeight(caller: TokenCaller, most: number): number {
  let weight = 0
  for (const value of Object.values(caller)) {
    if (value === (caller.kind === 'grant' ? caller.claims : undefined)) continue
    weight += ownWeight(value, most)
  }
  return caller.kind === 'grant' ? weight + claimsWeight(caller.claims, most - weight) : weight
}

/** Objects in it are of one shape for all callers. */
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
