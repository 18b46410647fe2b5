import { describe, expect, it } from 'vitest'
import { createBreakGlass } from './break-glass.js'

describe('broken glass', () => {
  it.each([-60_000, 3_600_000])(
    'closes after its seconds, also when the time of day is set by %i ms',
    (step) => {
      let clock = 1_800_000_000_000
      let monotonic = 0
      const glass = createBreakGlass(
        () => clock,
        () => monotonic,
        () => {},
      )
      glass.open({ uses: ['denial'], seconds: 60, reason: 'a test', by: 'the test' })
      clock += step
      monotonic = 59_999
      expect(glass.current()).toMatchObject({ until: 1_800_000_060 })
      monotonic = 60_000
      expect(glass.current()).toBe(undefined)
    },
  )
})
