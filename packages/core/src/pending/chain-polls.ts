import { LRUCache } from 'lru-cache'
import type { Advance, Chaining } from '../chaining/chaining.js'
import { atMost } from '../limits.js'
import type { PendingCall, PendingRecord } from './record.js'

/** Polls of what waits on the side of suppliers: no oftener than they ask for, and one at a time. */
export interface ChainPolls {
  /** One poll; `undefined` when it is not time yet. */
  poll(record: PendingRecord): Promise<Advance> | undefined
  /** What a wait goes on in is not polled for at once. */
  later(id: string, seconds: number): void
  /** The person has come back: it is time. */
  hurry(id: string): void
}

/** Requests remembered; one that is forgotten is polled for too early, once. */
const most = 10_000

/** @param steady milliseconds that only ever grow */
export function createChainPolls(chaining: Chaining, steady: () => number): ChainPolls {
  const due = new LRUCache<string, number>(atMost(most))
  const underWay = new Map<string, Promise<Advance>>()
  const ask = async ({ id, call, caller }: PendingRecord): Promise<Advance> => {
    const advance = await chaining.advance((call as PendingCall).chain ?? '', caller)
    // After a success as well: whoever polls again meanwhile finds what has been stored of it.
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
