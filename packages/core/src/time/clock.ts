/**
 * A monotonic clock, in milliseconds. Durations are measured by it, since the time of day can be set forward and back.
 * `performance` is read at each use, so that it can be replaced.
 */
export const monotonicNow = (): number => performance.now()

/**
 * {@link monotonicNow}; with an injected clock, a monotonic clock that goes forward with it and never back: an hour that
 * passes on the injected clock passes for every duration.
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
 * A clock that shows the time of day at the start and is moved on by a monotonic clock, for durations that are shown as
 * dates: a minute stays a minute, whatever the time of day is set to later.
 */
export function steadyClock(clock: () => number, monotonic: () => number): () => number {
  const offset = clock() - monotonic()
  return () => monotonic() + offset
}

/**
 * Calls back after `ms`, unless it is stopped; keeps no process alive. The timer is the one that is global now: under
 * timers that a test has put in its place too, whose handles may know nothing of `unref`.
 *
 * @returns stops it
 */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms) as Partial<NodeJS.Timeout> | undefined
  timer?.unref?.()
  return () => clearTimeout(timer as NodeJS.Timeout | undefined)
}
