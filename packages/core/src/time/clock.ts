/**
 * A monotonic clock, in milliseconds, for measuring durations: the time of day can be set forward and back.
 * `performance` is read at each use, so that tests can replace it.
 */
export const monotonicNow = (): number => performance.now()

/**
 * {@link monotonicNow}. With an injected clock, a monotonic clock that advances with it and never goes back: an hour
 * on the injected clock is an hour for every duration.
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
 * A clock that starts at the time of day and is advanced by a monotonic clock, for durations that are shown as dates:
 * a minute stays a minute, whatever the time of day is set to later.
 */
export function steadyClock(clock: () => number, monotonic: () => number): () => number {
  const offset = clock() - monotonic()
  return () => monotonic() + offset
}

/**
 * Calls back after `ms`, unless stopped. Does not keep the process alive. The timer is the current global one, so
 * that fake timers apply; their handles may have no `unref`.
 *
 * @returns a function that stops the timer
 */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms) as Partial<NodeJS.Timeout> | undefined
  timer?.unref?.()
  return () => clearTimeout(timer as NodeJS.Timeout | undefined)
}
