/** Polls of one pending request allowed at once; after that, one per second. */
const burst = 10
/** Pending requests counted at once. */
const bucketsHeld = 10_000

/** A token bucket. */
interface Bucket {
  tokens: number
  /** Milliseconds. */
  at: number
}

/**
 * Creates the limit on polls of one pending request: a token bucket for each request, in this process. A
 * bucket is forgotten only when it is full again. When all `held` buckets are in use, the other requests share one,
 * so that opening many requests never gets a poll past the limit.
 *
 * @param clock milliseconds, as `Date.now`
 * @returns whether a poll of the request with this id is allowed now; if so, it is counted
 */
export function createPollRate(clock: () => number, held: number = bucketsHeld): (id: string) => boolean {
  // In order of use, the least recently used first.
  const buckets = new Map<string, Bucket>()
  const rest: Bucket = { tokens: held, at: clock() }

  const forget = (now: number): void => {
    for (const [id, { at }] of buckets) {
      if (now >= at && now - at < burst * 1000) return
      buckets.delete(id)
    }
  }

  return (id) => {
    const now = clock()
    forget(now)
    const known = buckets.get(id)
    if (known === undefined && buckets.size >= held) return take(rest, now, held)
    const bucket = known ?? { tokens: burst, at: now }
    const allowed = take(bucket, now, burst)
    buckets.delete(id)
    buckets.set(id, bucket)
    return allowed
  }
}

/** Takes one token if there is one. An empty bucket is full again after ten seconds. */
function take(bucket: Bucket, now: number, size: number): boolean {
  const perMs = size / burst / 1000
  const tokens = Math.min(size, bucket.tokens + Math.max(0, now - bucket.at) * perMs)
  bucket.at = now
  bucket.tokens = tokens >= 1 ? tokens - 1 : tokens
  return tokens >= 1
}
