import { hash } from 'node:crypto'
import type { TokenName } from '../caller.js'
import { instanceSkew, issuerSkew } from '../limits.js'
import type { Store } from '../store/store.js'

/**
 * The record of which sessions were begun with which tokens, as far as it is needed to end them when the token is revoked. A revocation writes
 * here only where there is a session to end, or may soon be one: what a stranger revokes leaves nothing behind that
 * outlives what could have come of it.
 */
export interface BegunWith {
  /** Records that a session has begun with a token. @param until milliseconds, when it ends at the latest */
  begun(token: TokenName, until: number): Promise<void>
  /** Ends the sessions that were begun with a token, and those whose request still waits. */
  end(token: TokenName): Promise<void>
  /** When the sessions of a token were ended, in milliseconds as text; `undefined` if they were not. */
  endedAt(token: TokenName): Promise<string | undefined>
}

/** The dependencies of {@link createBegunWith}. */
export interface BegunWithContext {
  /** Our identifier. */
  readonly resource: string
  readonly store: Store
  /** Milliseconds, as `Date.now`. */
  readonly clock: () => number
  /** Seconds for which a request may wait before it becomes a session; `undefined` where no sessions can begin. */
  readonly waits: number | undefined
}

const skew = issuerSkew + instanceSkew

/** Creates the {@link BegunWith} of a server. */
export function createBegunWith({ resource, store, clock, waits }: BegunWithContext): BegunWith {
  // Strangers' strings of any length and alphabet.
  const key = (what: string, { iss, jti }: TokenName): string =>
    `session-${what}:token:${hash('sha256', `${resource}\n${iss}\n${jti}`, 'base64url')}`
  const mark = async (token: TokenName, seconds: number): Promise<void> =>
    store.put(key('ended', token), String(clock()), seconds)
  const secondsUntil = (until: number): number => Math.max(1, Math.ceil((until - clock()) / 1000)) + skew

  return {
    async begun(token, until) {
      const seconds = secondsUntil(until)
      await store.put(key('begun', token), String(until), seconds)
      // Each writes its own first and then looks for the other's, so one of them sees both.
      if ((await store.get(key('ended', token))) !== undefined) await mark(token, seconds)
    },
    async end(token) {
      if (waits !== undefined) await mark(token, waits + skew)
      const until = await store.get(key('begun', token))
      if (until !== undefined) await mark(token, secondsUntil(Number(until)))
    },
    endedAt: async (token) => store.get(key('ended', token)),
  }
}
