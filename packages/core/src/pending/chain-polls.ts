import { LRUCache } from 'lru-cache'
import type { Advance, Chaining } from '../chaining/chaining.js'
import { atMost } from '../limits.js'
import type { PendingCall, PendingRecord } from './record.js'

/** Polls of requests that wait at suppliers: no more often than the suppliers ask, and one at a time. */
export interface ChainPolls {
  /** Makes one poll; `undefined` if it is too early. */
  poll(record: PendingRecord): Promise<Advance> | undefined
  /** Delays the first poll of a new wait by these seconds. */
  later(id: string, seconds: number): void
  /** Allows the next poll at once, because the person has come back. */
  hurry(id: string): void
}

/** Limit on remembered requests; a forgotten one is polled too early, once. */
const most = 10_000

/** @param steady a monotonic clock, in milliseconds */
export function createChainPolls(chaining: Chaining, steady: () => number): ChainPolls {
  const due = new LRUCache<string, number>(atMost(most))
  const underWay = new Map<string, Promise<Advance>>()
  const ask = async ({ id, call, caller }: PendingRecord): Promise<Advance> => {
    const advance = await chaining.advance((call as PendingCall).chain ?? '', caller)
    // After a success as well: later polls find the stored result.
    const seconds = 'wait' in advance && advance.wait !== undefined ? advance.wait.retryAfter : 1
    due.set(id, steady() + seconds * 1000)
    return advance
  }
  return {
    poll(record) {
      const { id } = record
      const known = underWay.get(id)
      if (known !== undefined) return known
      if ((due.get(id) ?? Number.NEGATIVE_INFINITY) > steady()) return undefined
      const work = ask(record).finally(() => underWay.delete(id))
      underWay.set(id, work)
      return work
    },
    later: (id, seconds) => void due.set(id, steady() + Math.max(1, seconds) * 1000),
    hurry: (id) => void due.delete(id),
  }
}
