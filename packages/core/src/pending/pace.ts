import { LRUCache } from 'lru-cache'

// Ten polls at once are nobody's harm; after them one a second.
const burst = 10

/** Says which polls come far too often: a bucket for each pending request, in this process. */
export function createPace(clock: () => number): (id: string) => boolean {
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: 10_000 })
  return (id) => {
    const now = clock()
    const bucket = buckets.get(id) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / 1000)
    const allowed = tokens >= 1
    buckets.set(id, { tokens: allowed ? tokens - 1 : tokens, at: now })
    return allowed
  }
}
