import { findStop, type StopContext } from '../authentication/stops.js'
import type { Origin } from '../caller.js'
import type { Refusal } from '../errors.js'
import type { Approved, EndMarks, PendingRecord } from './record.js'

/** What can stop a request that waits, whatever has been decided about it. Every method rejects when the store fails. */
export interface Stops {
  /** Why the request may not go on: somebody it was begun for, or somebody `also` concerned, has been stopped. */
  find(record: PendingRecord, also?: Origin): Promise<Refusal | undefined>
  /** What had been ended when a decision was made: kept with it. */
  marks(record: PendingRecord, user: string | undefined): Promise<EndMarks>
  /** Whether the key, or whoever approved, has been ended since the approval. */
  endedSince(record: PendingRecord, approved: Approved): Promise<boolean>
}

/** What `sessions.end` has ended. */
export interface Ends {
  marks(who: { readonly jkt: string; readonly user?: string | undefined }): Promise<EndMarks>
  endedSince(
    who: { readonly jkt: string; readonly user?: string | undefined },
    marks: EndMarks,
  ): Promise<boolean>
}

export function createStops(standing: StopContext, ends: Ends): Stops {
  return {
    find: ({ origins }, also) => findStop(also === undefined ? origins : [...origins, also], standing),
    marks: ({ jkt }, user) => ends.marks({ jkt, user }),
    endedSince: ({ jkt }, { user, marks }) => ends.endedSince({ jkt, user }, marks),
  }
}
