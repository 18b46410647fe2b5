/**
 * Milliseconds that only ever grow: how long something lasts is measured by them, since the time of day is set, forward
 * and back. It is read at use, so that it can be replaced.
 */
export const monotonicNow = (): number => performance.now()

/**
 * {@link monotonicNow}, or beside an injected clock one that goes forward with it and never back: whoever lets an hour
 * pass on that clock lets it pass for everything.
 */
export function monotonicBeside(clock: (() => number) | undefined): () => number {
  if (clock === undefined) return monotonicNow
  let passed = 0
  let seen = clock()
  let real = monotonicNow()
  return () => {
    const [now, realNow] = [clock(), monotonicNow()]
    passed += Math.max(realNow - real, now - seen, 0)
    seen = now
    real = realNow
    return passed
  }
}
