/**
 * Milliseconds that only ever grow: how long something lasts is measured by them, since the time of day is set, forward
 * and back. It is read at use, so that it can be replaced.
 */
export const monotonicNow = (): number => performance.now()

/**
 * {@link monotonicNow}, or in place of an injected clock one that goes forward with it and never back: whoever lets an
 * hour pass on that clock lets it pass for everything.
 */
export function monotonicBy(clock: (() => number) | undefined): () => number {
  if (clock === undefined) return monotonicNow
  let passed = 0
  let seen = clock()
  return () => {
    const now = clock()
    passed += Math.max(0, now - seen)
    seen = now
    return passed
  }
}

/**
 * The time of day at the start, moved on by a monotonic clock: for durations that are told to people as dates. Whatever
 * the time of day is set to later, a minute of it stays a minute.
 */
export function steadyClock(clock: () => number, monotonic: () => number): () => number {
  const offset = clock() - monotonic()
  return () => monotonic() + offset
}
