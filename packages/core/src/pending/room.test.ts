import { describe, expect, it } from 'vitest'
import { createRoom, type Room } from './room.js'

describe('the room of pending requests', () => {
  const kib = 1024
  let now = 0
  const room = (most: number): Room => createRoom(most, () => now)
  const many = (issuers: readonly string[], bytes: number, seconds: number, of: Room): number => {
    let taken = 0
    try {
      for (;;) {
        of.take(issuers[taken % issuers.length] as string, bytes, seconds)
        taken++
      }
    } catch (error) {
      expect(error).toMatchObject({ name: 'StoreError', fault: 'full' })
      return taken
    }
  }

  it('is a quarter for one issuer, and no more than all of it for all', () => {
    const store = room(64 * kib)
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(4)
    expect(many(['https://b.example', 'https://c.example', 'https://d.example'], 4 * kib, 60, store)).toBe(12)
    expect(() => store.take('https://e.example', 1, 60)).toThrow('pending.room')
  })

  it('counts what is small as a kibibyte, since a store keeps more than the bytes', () => {
    expect(many(['https://a.example'], 1, 60, room(64 * kib))).toBe(16)
  })

  it('is given back when its time is over, and not before', () => {
    now = 5000
    const store = room(64 * kib)
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(4)
    now += 59_000
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(0)
    now += 11_000
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(4)
  })
})
