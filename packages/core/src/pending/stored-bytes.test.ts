import { beforeEach, describe, expect, it } from 'vitest'
import type { IssuerClass } from '../issuer/issuer-keys.js'
import { createStoredBytes, type StoredBytes } from './stored-bytes.js'

const kib = 1024

describe('the stored bytes of pending requests', () => {
  let now = 0
  let entries = 0
  const standings = new Map<string, IssuerClass>()
  beforeEach(() => {
    now = 0
    standings.clear()
  })
  const limitOf = (most: number): StoredBytes =>
    createStoredBytes(
      most,
      () => now,
      (issuer) => standings.get(issuer) ?? 'established',
    )
  /** Takes entries up to the limit. @returns their names */
  const fill = (issuers: readonly string[], bytes: number, seconds: number, of: StoredBytes): string[] => {
    const names: string[] = []
    try {
      for (;;) {
        const name = `entry ${entries++}`
        of.take(issuers[names.length % issuers.length] as string, bytes, seconds, name)
        names.push(name)
      }
    } catch (error) {
      expect(error).toMatchObject({ name: 'StoreError', fault: 'full' })
      return names
    }
  }
  const many = (...args: Parameters<typeof fill>): number => fill(...args).length

  it('is about a fifth for one issuer, and a third of what is left for the next', () => {
    const store = limitOf(256 * kib)
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(14)
    expect(many(['https://b.example'], 4 * kib, 60, store)).toBe(10)
    expect(many(['https://c.example'], 4 * kib, 60, store)).toBe(8)
    expect(many(['https://d.example'], 4 * kib, 60, store)).toBe(6)
    expect(() => store.take('https://d.example', 4 * kib, 60, 'one')).toThrow('pending.room')
  })

  it('is one share for all issuers below one domain', () => {
    const store = limitOf(256 * kib)
    const made = Array.from({ length: 100 }, (_, index) => `https://i${index}.evil.example`)
    expect(many(made, 4 * kib, 60, store)).toBe(14)
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(10)
  })

  it('has a part that newcomers cannot take, however many they are', () => {
    const store = limitOf(1024 * kib)
    for (let index = 0; index < 100; index++) {
      const issuer = `https://made-up-${index}.example`
      standings.set(issuer, 'newcomer')
      many([issuer], kib, 4200, store)
    }
    expect(many(['https://known.example'], kib, 60, store)).toBe(32)
  })

  it('has a part for issuers that the operator named, whatever others do', () => {
    const store = limitOf(1024 * kib)
    standings.set('https://named.example', 'named')
    for (let index = 0; index < 1000; index++) many([`https://made-up-${index}.example`], kib, 4200, store)
    expect(many(['https://named.example'], kib, 60, store)).toBe(128)
  })

  it('counts a small entry as one KiB, because of its overhead in the store', () => {
    expect(many(['https://a.example'], 1, 60, limitOf(64 * kib))).toBe(14)
  })

  it('is freed when its time is over, and not before', () => {
    now = 5000
    const store = limitOf(64 * kib)
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(3)
    now += 59_000
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(0)
    now += 11_000
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(3)
  })

  it('is freed by entries that end early, and only once', () => {
    const store = limitOf(64 * kib)
    const names = fill(['https://a.example'], 4 * kib, 60, store)
    store.shrink(names[0] as string, kib, 60)
    expect(many(['https://a.example'], kib, 60, store)).toBe(5)
    for (const name of [...names, ...names, 'nothing']) store.giveBack(name)
    expect(many(['https://a.example'], kib, 60, store)).toBe(9)
    now += 71_000
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(3)
  })

  it('counts a rewritten entry once, and keeps the old one if the new one is over the limit', () => {
    const store = limitOf(64 * kib)
    for (let index = 0; index < 100; index++) store.take('https://a.example', 4 * kib, 60, 'same')
    expect(() => store.take('https://a.example', 40 * kib, 60, 'same')).toThrow('pending.room')
    expect(many(['https://a.example'], 4 * kib, 60, store)).toBe(2)
  })
})
