import { findStop, type StandingContext } from '../authentication/standing.js'
import type { Origin } from '../caller.js'
import type { Refusal } from '../errors.js'
import type { Approved, EndMarks, PendingRecord } from './record.js'

/**
 * What ends a pending request whatever has been decided about it: a revocation, a denial, the end of a session. Every
 * method rejects when the store fails.
 */
export interface Stops {
  /** Why the request may not go on: one of its origins, or `also`, has been revoked or denied. */
  find(record: PendingRecord, also?: Origin): Promise<Refusal | undefined>
  /** What `sessions.end` has ended until now: kept with a decision. */
  marks(record: PendingRecord, user: string | undefined): Promise<EndMarks>
  /** Whether the sessions of the key, or of the person who approved, have been ended since the approval. */
  endedSince(record: PendingRecord, approved: Approved): Promise<boolean>
}

/** What is known of the calls of `sessions.end`. */
export interface Ends {
  marks(who: { readonly jkt: string; readonly user?: string | undefined }): Promise<EndMarks>
  endedSince(
    who: { readonly jkt: string; readonly user?: string | undefined },
    marks: EndMarks,
  ): Promise<boolean>
}

export function createStops(standing: StandingContext, ends: Ends): Stops {
  return {
    find: ({ origins }, also) => findStop(also === undefined ? origins : [...origins, also], standing),
    marks: ({ jkt }, user) => ends.marks({ jkt, user }),
    endedSince: ({ jkt }, { user, marks }) => ends.endedSince({ jkt, user }, marks),
  }
}
