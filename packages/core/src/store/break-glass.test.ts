import { describe, expect, it } from 'vitest'
import { type BreakGlassCheck, createBreakGlass } from './break-glass.js'

describe('a break-glass order', () => {
  it.each([-60_000, 3_600_000])('ends after its seconds, even if the time of day is set by %i ms', (step) => {
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
  })

  describe('that has ended', () => {
    const order = { uses: ['denial'], seconds: 60, reason: 'a test', by: 'the test' } as const
    let monotonic: number
    let events: Record<string, unknown>[]
    const open = (): BreakGlassCheck => {
      monotonic = 0
      events = []
      const glass = createBreakGlass(
        () => 1_800_000_000_000,
        () => monotonic,
        (event) => void events.push({ ...event }),
      )
      glass.open(order)
      events = []
      return glass
    }

    it('names who closed it and who opened it', () => {
      open().close({ by: 'day watch' })
      expect(events).toMatchObject([{ name: 'break-glass-closed', by: 'the test', closedBy: 'day watch' }])
    })

    it('names nobody if nobody is given, or if it ends by itself', () => {
      open().close()
      expect(events).toHaveLength(1)
      expect(events[0]).not.toHaveProperty('closedBy')
      const glass = open()
      monotonic = 60_000
      glass.current()
      glass.close({ by: 'day watch' })
      expect(events).toHaveLength(1)
      expect(events[0]).not.toHaveProperty('closedBy')
    })

    it('names nobody who closes it after it has ended by itself unnoticed', () => {
      for (const come of [
        (glass: BreakGlassCheck) => glass.close({ by: 'day watch' }),
        (glass: BreakGlassCheck) => glass.open({ ...order, by: 'day watch' }),
      ]) {
        const glass = open()
        monotonic = 60_000
        come(glass)
        expect(events[0]).toMatchObject({ name: 'break-glass-closed', by: 'the test' })
        expect(events[0]).not.toHaveProperty('closedBy')
      }
    })

    it('names who opened the next one in its place', () => {
      open().open({ ...order, by: 'day watch' })
      expect(events).toMatchObject([
        { name: 'break-glass-closed', by: 'the test', closedBy: 'day watch' },
        { name: 'break-glass-opened', by: 'day watch' },
      ])
    })

    it.each([
      ['by: must be a text', { by: ' ' }],
      ['by: must be a text', { by: 7 }],
      ['by: must be a text', {}],
      ['why: is not known', { by: 'day watch', why: 'it is over' }],
      ['must be called with { by }, or nothing', 'day watch'],
      ['must be called with { by }, or nothing', null],
    ])('says what is wrong, and is closed all the same: %s %j', (says, given) => {
      const glass = open()
      expect(() => glass.close(given as { by: string })).toThrow(TypeError)
      expect(glass.current()).toBe(undefined)
      expect(events).toHaveLength(1)
      expect(() => open().close(given as { by: string })).toThrow(`breakGlass.close: ${says}`)
    })
  })
})
