import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoreEvent } from '../events.js'
import { createMemoryStore } from './memory-store.js'
import type { Store } from './store.js'
import { watchStore } from './watched-store.js'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const events: StoreEvent[] = []
const watched = (store: Partial<Store>) => {
  events.length = 0
  return watchStore(store as Store, {
    timeout: 250,
    clock: Date.now,
    report: (event) => void events.push(event),
  })
}
const down = async (): Promise<never> => {
  throw new Error('connection refused')
}

describe('a watched store', () => {
  it('passes on what a store in memory answers, without a promise', () => {
    const store = watched(createMemoryStore())
    expect(store.claim('a', '1', 1)).toBe(true)
    expect(store.claim('a', '1', 1)).toBe(false)
    expect(store.get('a')).toBe('1')
    expect(store.delete('a')).toBe(undefined)
    expect(store.put('a', '2', 1)).toBe(undefined)
  })

  it('ends an operation that gets no answer', async () => {
    const store = watched({ get: () => new Promise(() => {}) })
    const answer = expect(store.get('a')).rejects.toMatchObject({ name: 'StoreError', fault: 'timeout' })
    expect(store.health().pending).toBe(1)
    await vi.advanceTimersByTimeAsync(250)
    await answer
    expect(store.health()).toMatchObject({ state: 'down', failures: 1, pending: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('turns what is thrown into a rejection of one kind', async () => {
    const store = watched({
      get: () => {
        throw new TypeError('no')
      },
      put: down,
    })
    await expect(store.get('a')).rejects.toMatchObject({ name: 'StoreError', fault: 'failed' })
    await expect(store.put('a', '', 1)).rejects.toMatchObject({ name: 'StoreError', fault: 'failed' })
  })

  it('says that it is full, and is up all the same', async () => {
    const store = watched(createMemoryStore({ maxEntries: 1 }))
    await store.put('a', '1', 60)
    await expect(store.claim('b', '1', 60)).rejects.toMatchObject({ fault: 'full' })
    expect(store.health().state).toBe('up')
    expect(events).toEqual([{ name: 'store-failed', fault: 'full', reason: 'the memory store is full' }])
  })

  it('rests after five failures, tries with one operation, and recovers without a restart', async () => {
    let asked = 0
    let answer = down as () => Promise<string | undefined>
    const store = watched({
      get: () => {
        asked++
        return answer()
      },
    })
    for (let index = 0; index < 5; index++) await expect(store.get('a')).rejects.toThrow()
    for (let index = 0; index < 20; index++) {
      await expect(store.get('a')).rejects.toMatchObject({ fault: 'resting' })
    }
    expect(asked).toBe(5)
    expect(events).toEqual([{ name: 'store-failed', fault: 'failed', reason: 'connection refused' }])

    await vi.advanceTimersByTimeAsync(1000)
    const three = await Promise.allSettled([store.get('a'), store.get('a'), store.get('a')])
    expect(three.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(asked).toBe(6)

    await vi.advanceTimersByTimeAsync(1000)
    answer = async () => 'back'
    expect(await store.get('a')).toBe('back')
    expect(await Promise.all([store.get('a'), store.get('a')])).toEqual(['back', 'back'])
    expect(store.health()).toMatchObject({ state: 'up', failures: 0 })
    expect(events.at(-1)).toEqual({ name: 'store-recovered', milliseconds: 2000 })
  })
})
