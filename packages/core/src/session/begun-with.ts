import { hash } from 'node:crypto'
import type { TokenName } from '../caller.js'
import { instanceSkew, issuerSkew } from '../limits.js'
import type { Revocations } from '../revocation/revocations.js'
import type { Store } from '../store/store.js'
import { latestVersion, writeNextVersion } from '../store/versions.js'

/** What can outlive the token that it was begun with. */
export type Begun = 'session' | 'request'

/**
 * Records which sessions and pending requests were begun with which tokens, so that they can be ended when a token is
 * revoked. A revocation writes here only if there is something to end, so a stranger's revocation leaves nothing
 * behind that outlives what it could have ended.
 */
export interface BegunWith {
  /** Records that something has begun with a token. @param until when it ends at the latest, in milliseconds */
  begun(what: Begun, token: TokenName, until: number): Promise<void>
  /** Ends what was begun with a token that has been revoked. May be repeated. */
  end(token: TokenName): Promise<void>
  /** Whether what was begun with a token has been ended. */
  hasEnded(token: TokenName): Promise<boolean>
}

/** The dependencies of {@link createBegunWith}. */
export interface BegunWithContext {
  /** Our identifier. */
  readonly resource: string
  readonly store: Store
  readonly revocations: Pick<Revocations, 'has'>
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
}

const prefixes = { session: 'session-begun', request: 'pending-begun', ended: 'session-ended' } as const
const skew = issuerSkew + instanceSkew

/** Creates the {@link BegunWith} of a server. */
export function createBegunWith({ resource, store, revocations, clock }: BegunWithContext): BegunWith {
  // Strangers choose these strings, so they are hashed.
  const key = (what: Begun | 'ended', { iss, jti }: TokenName): string =>
    `${prefixes[what]}:token:${hash('sha256', `${resource}\n${iss}\n${jti}`, 'base64url')}`
  const secondsUntil = (until: number): number => Math.max(1, Math.ceil((until - clock()) / 1000)) + skew
  /** Notes how long it lasts, unless it is known to last longer. What is noted late shortens nothing. */
  const note = async (what: Begun | 'ended', token: TokenName, until: number): Promise<void> => {
    await writeNextVersion(store, key(what, token), (latest) => {
      const known = Number(latest?.value ?? 0)
      return known >= until ? [undefined, secondsUntil(known)] : [String(until), secondsUntil(until)]
    })
  }
  const noted = async (what: Begun | 'ended', token: TokenName): Promise<number | undefined> => {
    const version = await latestVersion(store, key(what, token))
    return version === undefined ? undefined : Number(version.value)
  }

  return {
    async begun(what, token, until) {
      await note(what, token, until)
      // This is written first, and the revocation is looked up afterwards; a revocation does it the other way round.
      // So at least one of them sees the other.
      const [before, revoked] = await Promise.all([noted('ended', token), revocations.has(token)])
      if (before === undefined ? revoked : before < until) await note('ended', token, until)
    },
    async end(token) {
      const [session, request, before] = await Promise.all([
        noted('session', token),
        noted('request', token),
        noted('ended', token),
      ])
      const until = Math.max(session ?? 0, request ?? 0)
      if (until > (before ?? 0)) await note('ended', token, until)
    },
    hasEnded: async (token) => (await store.get(key('ended', token))) !== undefined,
  }
}
