import { describe, expect, it } from 'vitest'
import { ContentRoom, type Reading } from './content-room.js'

const kib = 1024

describe('the room for content that is still arriving', () => {
  const given: string[] = []
  const enter = (room: ContentRoom, name: string, limit = kib): Reading =>
    room.enter(limit, () => given.push(name))

  it('is what all readings hold together; the one that holds most is given up', () => {
    given.length = 0
    const room = new ContentRoom(100 * kib)
    const slow = Array.from({ length: 4 }, (_, i) => enter(room, `slow${i}`))
    for (const reading of slow) reading.take(20 * kib)
    const small = enter(room, 'small')
    for (let i = 0; i < 30; i++) small.take(kib / 2)
    expect(given).toEqual(['slow0'])
    enter(room, 'large').take(60 * kib)
    expect(given).toEqual(['slow0', 'large'])
    expect(room.bytes).toBeLessThanOrEqual(100 * kib)
  })

  it('is given back when a reading ends, and only once', () => {
    given.length = 0
    const room = new ContentRoom(100 * kib)
    for (let i = 0; i < 1000; i++) {
      const reading = enter(room, `${i}`)
      reading.take(50 * kib)
      reading.leave()
      reading.leave()
      // What still arrives for it is not held by anybody.
      reading.take(50 * kib)
    }
    expect([given, room.bytes]).toEqual([[], 0])
  })

  it('counts what a piece takes beside its bytes', () => {
    given.length = 0
    const room = new ContentRoom(100 * kib)
    const crumbs = enter(room, 'crumbs')
    for (let i = 0; i < 300; i++) crumbs.take(1)
    expect(given).toEqual(['crumbs'])
    expect(room.bytes).toBe(0)
  })

  it('has room for what a request is allowed, however large', () => {
    given.length = 0
    const room = new ContentRoom(kib)
    const large = enter(room, 'large', 100 * kib)
    large.take(99 * kib)
    expect(given).toEqual([])
  })
})
