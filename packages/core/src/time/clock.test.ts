import { describe, expect, it, vi } from 'vitest'
import { monotonicBy, monotonicNow, steadyClock } from './clock.js'

describe('a monotonic clock', () => {
  it('goes forward with an injected clock, and never back', () => {
    let now = 1_800_000_000_000
    const monotonic = monotonicBy(() => now)
    const start = monotonic()
    now += 5000
    expect(monotonic() - start).toBe(5000)
    now -= 60_000
    expect(monotonic() - start).toBe(5000)
    now += 1000
    expect(monotonic() - start).toBe(6000)
  })

  it('does not follow the time of day, and neither do the dates made of it', () => {
    vi.useFakeTimers({ now: 1_800_000_000_000 })
    const steady = steadyClock(Date.now, monotonicNow)
    for (const step of [-60_000, 3_600_000]) vi.setSystemTime(Date.now() + step)
    expect(steady()).toBe(1_800_000_000_000)
    vi.advanceTimersByTime(1000)
    expect(steady()).toBe(1_800_000_001_000)
    vi.useRealTimers()
  })
})
