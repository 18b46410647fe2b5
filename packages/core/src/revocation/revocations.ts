import { hash } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { PresentedToken } from '../caller.js'
import type { Store } from '../store/store.js'

/** A token its issuer has withdrawn. */
export interface Revocation {
  /** The issuer that revoked: only its own tokens (R-260). */
  readonly iss: string
  readonly jti: string
  /** Seconds; the revoked token's own `exp`, after which nothing needs remembering. */
  readonly exp: number
}

/** Revocations by (`iss`, `jti`), in the store that all instances share. */
export interface Revocations {
  /** Records one. Repeating it is harmless; one that has expired is not stored. */
  record(revocation: Revocation): Awaitable<void>
  has(token: Pick<PresentedToken, 'iss' | 'jti'>): Awaitable<boolean>
}

/** Seconds by which an entry outlives its token, since clocks of issuers and ours differ (G-55). */
export const revocationSkew = 60

/** @param clock milliseconds, as `Date.now` */
export function createRevocations(store: Store, clock: () => number): Revocations {
  return {
    record({ iss, jti, exp }) {
      const ttl = Math.ceil(exp + revocationSkew - clock() / 1000)
      return ttl > 0 ? store.put(revocationKey(iss, jti), '1', ttl) : undefined
    },
    has: ({ iss, jti }) => andThen(store.get(revocationKey(iss, jti)), (value) => value !== undefined),
  }
}

// A jti is a stranger's string of any length and alphabet. The usual ones stand for themselves, since hashing costs as
// much as everything else that is asked of the store; the others are hashed. An issuer is a server identifier.
const usualJti = /^[A-Za-z0-9_-]{1,128}$/

const revocationKey = (iss: string, jti: string): string =>
  usualJti.test(jti) ? `revoked:${iss}/${jti}` : `revoked:${hash('sha256', `${iss}\n${jti}`, 'base64url')}`
