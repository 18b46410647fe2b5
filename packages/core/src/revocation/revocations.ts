import { hash } from 'node:crypto'
import type { Awaitable } from '../awaitable.js'
import { andThen } from '../awaitable.js'
import type { PresentedToken } from '../caller.js'
import { checkArgument } from '../configuration/configuration.js'
import { z } from '../configuration/schema.js'
import { isServerIdentifier } from '../identifiers.js'
import { issuerSkew } from '../limits.js'
import { Mark } from '../store/mark.js'
import type { Store } from '../store/store.js'

/** A token that its issuer has revoked. */
export interface Revocation {
  /** The issuer that revoked it; it can revoke only its own tokens (R-260). */
  readonly iss: string
  readonly jti: string
  /** Seconds; the `exp` of the revoked token, after which the revocation need not be remembered. */
  readonly exp: number
}

/** The recorded revocations, by (`iss`, `jti`), in the store that all instances share. */
export interface Revocations {
  /**
   * Records a revocation. Repeating is harmless; one of an expired token is not stored.
   *
   * @throws TypeError when `iss`, `jti` or `exp` is missing or malformed
   */
  record(revocation: Revocation): Awaitable<void>
  /** Whether the token has been revoked. */
  has(token: Pick<PresentedToken, 'iss' | 'jti'>): Awaitable<boolean>
}

/** {@link Revocations} for the check of each request. */
export interface RevocationCheck extends Revocations {
  /** The mark that changes with every revocation; `undefined` while there is none. */
  mark(): Awaitable<string | undefined>
  /**
   * Whether the token has been revoked, under a mark that was read after its request had arrived. A token that was
   * not revoked under the same mark is not looked up again.
   *
   * @param token the object that is kept for the token
   */
  under(mark: string | undefined, token: PresentedToken): Awaitable<boolean>
}

/** {@link Revocations} with the operation that the revocation endpoint uses. */
export interface RevocationRecords extends RevocationCheck {
  /** Whether the revocation has been recorded, with the same `exp` or a later one. */
  covers(revocation: Revocation): Awaitable<boolean>
}

/** The key of the mark, which every request reads. */
export const revokedMarkKey = 'revoked:mark'
// Longer than any token lives. If the mark is gone, each token is looked up until there is another one.
const markSeconds = 30 * 86_400

/** Creates the {@link Revocations} of a server. @param clock milliseconds, as `Date.now` */
export function createRevocations(store: Store, clock: () => number): RevocationRecords {
  const mark = new Mark<PresentedToken>(store, revokedMarkKey, markSeconds)
  const has = ({ iss, jti }: Pick<PresentedToken, 'iss' | 'jti'>): Awaitable<boolean> =>
    andThen(store.get(revocationKey(iss, jti)), (value) => value !== undefined)
  // The value stored for a revocation is its `exp`.
  const covers = ({ iss, jti, exp }: Revocation): Awaitable<boolean> =>
    andThen(store.get(revocationKey(iss, jti)), (value) => value !== undefined && Number(value) >= exp)
  return {
    covers,
    has,
    mark: () => mark.read(),
    under(seen, token) {
      if (mark.isAbsent(token, seen)) return false
      if (seen === undefined) mark.begin()
      const noteAbsent = mark.look(seen)
      return andThen(has(token), (revoked) => {
        if (!revoked) noteAbsent(token)
        return revoked
      })
    },
    record(revocation) {
      const { iss, jti, exp } = checkArgument(revocationSchema, revocation, 'revocations.record: ')
      const ttl = Math.ceil(exp + issuerSkew - clock() / 1000)
      if (ttl <= 0) return undefined
      const key = revocationKey(iss, jti)
      // A repetition with an earlier `exp` takes nothing back, nor does the first one if it takes effect again late,
      // because it is a claim. The first attempt may have been interrupted before its mark was written.
      const recorded = andThen(store.claim(key, String(exp), ttl), (isFirst) =>
        isFirst
          ? undefined
          : andThen(covers({ iss, jti, exp }), (known) =>
              known ? undefined : store.put(key, String(exp), ttl),
            ),
      )
      return andThen(recorded, () => mark.change())
    },
  }
}

// A caller's token has more members than these.
const revocationSchema: z.ZodType<Revocation> = z.object(
  {
    iss: z.custom<string>(
      (value) => typeof value === 'string' && isServerIdentifier(value),
      'must be a server identifier, such as https://ps.example',
    ),
    jti: z.string('must be a text that is not empty').min(1, 'must be a text that is not empty'),
    exp: z.number('must be a number of seconds, the exp of the token'),
  },
  'must be called with { iss, jti, exp } of the token',
)

// A `jti` is a stranger's string of any length and alphabet. Common forms are used as they are, because hashing costs
// as much as the rest of the lookup; others are hashed. An issuer is a server identifier. Long keys are hashed as
// well: strangers can have thousands recorded, and each process keeps its own in memory.
const usualJti = /^[A-Za-z0-9_-]{1,128}$/
const longestNames = 128

const revocationKey = (iss: string, jti: string): string =>
  iss.length + jti.length <= longestNames && usualJti.test(jti)
    ? `revoked:${iss}/${jti}`
    : `revoked:${hash('sha256', `${iss}\n${jti}`, 'base64url')}`
