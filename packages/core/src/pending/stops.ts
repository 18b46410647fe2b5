import { findStop, type StopContext } from '../authentication/stops.js'
import type { EndMarks, Origin, TokenName } from '../caller.js'
import { type Refusal, refuse } from '../errors.js'
import { instanceSkew, issuerSkew } from '../limits.js'
import type { Unlinks } from '../users/unlinks.js'
import type { Approved, PendingRecord } from './record.js'

/**
 * What ends a pending request whatever has been decided about it: a revocation, a denial, the end of a session. Every
 * method rejects when the store fails.
 */
export interface Stops {
  /** Why the request may not go on: one of its origins, or `also`, has been revoked or denied. */
  find(record: PendingRecord, also?: Origin): Promise<Refusal | undefined>
  /** What is stored of whoever something is begun for, so that an unlinking that comes later ends it. */
  mark(origin: Origin): Promise<Origin>
  /** What `sessions.end` has ended until now: kept with a decision. */
  marks(record: PendingRecord, user: string | undefined): Promise<EndMarks>
  /** Notes the tokens that a request was begun with, so that their revocation ends it for as long as it is pending. */
  begun(record: PendingRecord): Promise<void>
  /**
   * Whether the sessions of the key, or of a person who approved, have been ended since the approval: of this request, or
   * of one that it goes on from.
   */
  endedSince(record: PendingRecord, approved?: Approved): Promise<boolean>
}

/** What is known of the calls of `sessions.end`, and of what has been begun with tokens. */
export interface Ends {
  marks(who: { readonly jkt: string; readonly user?: string | undefined }): Promise<EndMarks>
  endedSince(
    who: { readonly jkt: string; readonly user?: string | undefined },
    marks: EndMarks,
  ): Promise<boolean>
  /** Notes that a request is pending that was begun with a token. @param until milliseconds, when it is stored no longer */
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
      // While a token could still be used its revocation is remembered anyway.
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
