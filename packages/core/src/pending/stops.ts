import { findStop, type StopContext } from '../authentication/stops.js'
import type { EndMarks, Origin, TokenName } from '../caller.js'
import { type Refusal, refuse } from '../errors.js'
import { instanceSkew, issuerSkew } from '../limits.js'
import type { Unlinks } from '../users/unlinks.js'
import type { Approved, PendingRecord } from './record.js'

/**
 * Everything that ends a pending request regardless of its decision: a revocation, a denial, the end of a session.
 * Every method rejects when the store fails.
 */
export interface Stops {
  /** Why the request may not continue: one of its origins, or `also`, has been revoked or denied. */
  find(record: PendingRecord, also?: Origin): Promise<Refusal | undefined>
  /**
   * The stored form of an origin, with the state of unlinkings, so that a later unlinking ends what is begun for it.
   */
  mark(origin: Origin): Promise<Origin>
  /** The state of `sessions.end` until now, kept with a decision. */
  marks(record: PendingRecord, user: string | undefined): Promise<EndMarks>
  /** Notes the tokens that a request was begun with, so that their revocation ends it as long as it is pending. */
  begun(record: PendingRecord): Promise<void>
  /**
   * Whether the sessions of the key, or of a person who approved, have been ended since the approval of this request,
   * or of one that it continues.
   */
  endedSince(record: PendingRecord, approved?: Approved): Promise<boolean>
}

/** The state of `sessions.end`, and of requests begun with tokens. */
export interface Ends {
  marks(who: { readonly jkt: string; readonly user?: string | undefined }): Promise<EndMarks>
  endedSince(
    who: { readonly jkt: string; readonly user?: string | undefined },
    marks: EndMarks,
  ): Promise<boolean>
  /**
   * Notes that a request begun with a token is pending. @param until milliseconds; the time until which the note is
   * stored
   */
  waitsWith(token: TokenName, until: number): Promise<void>
  /** Whether what was begun with a token has been ended. */
  hasEnded(token: TokenName): Promise<boolean>
}

export function createStops(
  standing: StopContext & { readonly unlinks: Pick<Unlinks, 'mark'> },
  ends: Ends,
): Stops {
  return {
    mark: (origin) => standing.unlinks.mark(origin),
    async find({ origins }, also) {
      const [stop, ...ended] = await Promise.all([
        findStop(also === undefined ? origins : [...origins, also], standing),
        ...origins.map(({ token }) => ends.hasEnded(token)),
      ])
      return stop ?? (ended.includes(true) ? refuse('revoked', 'The token this was begun with') : undefined)
    },
    async begun({ caller, origins, forgotten }) {
      const { iss, jti, exp } = caller.token
      // While a token can still be used, its revocation is remembered anyway.
      const outlives = (exp + issuerSkew - instanceSkew) * 1000 >= forgotten
      const others = origins.filter(({ token }) => !(outlives && token.iss === iss && token.jti === jti))
      await Promise.all(others.map(({ token }) => ends.waitsWith(token, forgotten)))
    },
    marks: ({ jkt }, user) => ends.marks({ jkt, user }),
    async endedSince({ jkt, call }, approved) {
      const given = [...(call?.approvals ?? []), ...(approved === undefined ? [] : [approved])]
      const ended = await Promise.all(given.map(({ user, marks }) => ends.endedSince({ jkt, user }, marks)))
      return ended.includes(true)
    },
  }
}
