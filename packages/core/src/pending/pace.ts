// Ten polls at once are nobody's harm; after them one a second.
const burst = 10
const bucketsHeld = 10_000

interface Bucket {
  tokens: number
  /** Milliseconds. */
  at: number
}

/**
 * Says which polls come far too often: a bucket for each pending request, in this process. A bucket is forgotten
 * when it is full again, and no earlier. Where more of them are in use than are held, the requests that have none share
 * one, so that many requests at once never make one of them free.
 *
 * @param clock milliseconds, as `Date.now`
 */
export function createPace(clock: () => number, held: number = bucketsHeld): (id: string) => boolean {
  // Those used longest ago come first.
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

/** Takes one; a bucket is full again after ten seconds. */
function take(bucket: Bucket, now: number, size: number): boolean {
  const perMs = size / burst / 1000
  const tokens = Math.min(size, bucket.tokens + Math.max(0, now - bucket.at) * perMs)
  bucket.at = now
  bucket.tokens = tokens >= 1 ? tokens - 1 : tokens
  return tokens >= 1
}
