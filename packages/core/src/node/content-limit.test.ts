import { describe, expect, it } from 'vitest'
import { ContentLimit, type Reading } from './content-limit.js'

const kib = 1024

describe('the limit on content that is still arriving', () => {
  const given: string[] = []
  const enter = (limited: ContentLimit, name: string, limit = kib): Reading =>
    limited.enter(limit, () => given.push(name))

  it('is what all readings hold together; the one that holds most is given up', () => {
    given.length = 0
    const limited = new ContentLimit(100 * kib)
    const slow = Array.from({ length: 4 }, (_, i) => enter(limited, `slow${i}`))
    for (const reading of slow) reading.take(20 * kib)
    const small = enter(limited, 'small')
    for (let i = 0; i < 30; i++) small.take(kib / 2)
    expect(given).toEqual(['slow0'])
    enter(limited, 'large').take(60 * kib)
    expect(given).toEqual(['slow0', 'large'])
    expect(limited.bytes).toBeLessThanOrEqual(100 * kib)
  })

  it('is given back when a reading ends, and only once', () => {
    given.length = 0
    const limited = new ContentLimit(100 * kib)
    for (let i = 0; i < 1000; i++) {
      const reading = enter(limited, `${i}`)
      reading.take(50 * kib)
      reading.leave()
      reading.leave()
      // What still arrives for it is not held by anybody.
      reading.take(50 * kib)
    }
    expect([given, limited.bytes]).toEqual([[], 0])
  })

  it('counts what a piece takes beside its bytes', () => {
    given.length = 0
    const limited = new ContentLimit(100 * kib)
    const crumbs = enter(limited, 'crumbs')
    for (let i = 0; i < 300; i++) crumbs.take(1)
    expect(given).toEqual(['crumbs'])
    expect(limited.bytes).toBe(0)
  })

  it('allows what one request is allowed, however large', () => {
    given.length = 0
    const limited = new ContentLimit(kib)
    const large = enter(limited, 'large', 100 * kib)
    large.take(99 * kib)
    expect(given).toEqual([])
  })
})
