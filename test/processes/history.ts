/** A request: when it was sent and answered, in milliseconds of one monotonic clock. */
export interface Asked {
  readonly token: string
  readonly instance: number
  readonly began: number
  readonly ended: number
  readonly status: number
}

/** A token that was stopped: when that was said, and when it was acknowledged. */
export interface Stopped {
  readonly token: string
  readonly began: number
  /** Absent where it was not: then it may have taken effect, at any time or never. */
  readonly acknowledged?: number
}

/**
 * What in a history no single store, asked once for each request between its arrival and its answer, can have said:
 * requests that were served though they were sent after the stop of their token was acknowledged, and tokens that were
 * refused as stopped before anybody had said so. A request that is refused since the store cannot be asked says nothing.
 */
export function faultsIn(asked: readonly Asked[], stopped: readonly Stopped[]): readonly string[] {
  const stops = new Map(stopped.map((stop) => [stop.token, stop]))
  return asked.flatMap(({ token, instance, began, ended, status }) => {
    const stop = stops.get(token)
    const at = `${token} on ${instance}, ${began.toFixed(1)} to ${ended.toFixed(1)}`
    if (status === 200 && stop?.acknowledged !== undefined && began > stop.acknowledged)
      return [`served after it was stopped: ${at}; acknowledged ${stop.acknowledged.toFixed(1)}`]
    if ((status === 401 || status === 403) && (stop === undefined || ended < stop.began))
      return [`stopped before anybody said so: ${at}`]
    return []
  })
}

/** Numbers that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
