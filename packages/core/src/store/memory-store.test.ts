import { describe, expect, it } from 'vitest'
import { createMemoryStore } from './memory-store.js'
import { StoreFullError } from './store.js'
import { storeContract } from './store-contract.js'

const opened = (maxEntries?: number) => {
  let now = 1_000_000
  const store = createMemoryStore({ clock: () => now, ...(maxEntries === undefined ? {} : { maxEntries }) })
  const pass = (seconds: number): void => {
    now += seconds * 1000
  }
  return { store, pass }
}

describe('the memory store', () => {
  for (const { name, run } of storeContract({ open: () => opened(), bounded: opened })) it(name, run)

  it('answers without a promise', () => {
    const { store } = opened()
    expect(store.claim('a', '1', 1)).toBe(true)
    expect(store.get('a')).toBe('1')
  })

  it('frees the memory of expired entries, even if it is not full', () => {
    const { store, pass } = opened()
    for (let index = 0; index < 5000; index++) store.put(`k${index}`, '1', 1 + (index % 50))
    pass(100)
    store.put('last', '1', 1)
    expect(store.size).toBe(1)
  })

  it('counts a key once, however often it is written', () => {
    const { store, pass } = opened(2)
    for (let index = 0; index < 1000; index++) {
      store.put('a', String(index), 30)
      store.delete('b')
      store.claim('b', String(index), 30)
      pass(0.5)
    }
    expect(store.size).toBe(2)
    expect(() => store.put('c', '1', 1)).toThrow(StoreFullError)
  })

  const stops = ['revoked:', 'revoking:', 'deny:', 'session-ended:', 'unlinked:']

  it('has a separate room for entries that stop somebody, and limits that too', () => {
    const { store, pass } = opened(8)
    for (let index = 0; index < 8; index++) store.put(`pending:${index}`, '1', 100)
    expect(() => store.put('pending:more', '1', 1)).toThrow(StoreFullError)
    for (let index = 0; index < 8; index++) store.put(`${stops[index % stops.length]}${index}`, '1', 50)
    expect(() => store.put('revoked:more', '1', 1)).toThrow(StoreFullError)
    expect(store.claim('revoked:0', '1', 1)).toBe(false)
    store.put('revoked:0', '2', 50)
    store.delete('deny:2')
    expect(store.claim('revoking:more', '1', 50)).toBe(true)
    expect(() => store.put('session-ended:more', '1', 1)).toThrow(StoreFullError)
    pass(60)
    for (let index = 0; index < 8; index++) store.put(`revoked:again-${index}`, '1', 10)
    expect(() => store.put('pending:more', '1', 1)).toThrow(StoreFullError)
    pass(60)
    for (let index = 0; index < 8; index++) store.put(`pending:again-${index}`, '1', 10)
    expect(() => store.put('pending:more', '1', 1)).toThrow(StoreFullError)
    expect(store.size).toBe(8)
  })

  it('refuses a malformed limit', () => {
    expect(() => createMemoryStore({ maxEntries: 0 })).toThrow(
      new TypeError('option maxEntries: must be a positive whole number'),
    )
  })
})
