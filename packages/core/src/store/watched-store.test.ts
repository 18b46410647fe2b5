import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoreEvent, UntimedEvent } from '../events.js'
import { createMemoryStore } from './memory-store.js'
import type { Store } from './store.js'
import { watchStore } from './watched-store.js'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const events: UntimedEvent<StoreEvent>[] = []
const watched = (store: Partial<Store>) => {
  events.length = 0
  return watchStore(store as Store, {
    timeout: 250,
    clock: Date.now,
    monotonic: () => performance.now(),
    needs: ['deny:mark'],
    report: (event) => void events.push(event),
  })
}
const down = async (): Promise<never> => {
  throw new Error('connection refused')
}
const told = (): string[] =>
  events.map((event) => (event.name === 'store-failed' ? `${event.operation} ${event.fault}` : event.name))

describe('a watched store', () => {
  it('passes on the answers of a memory store without a promise', () => {
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

  it('turns everything thrown into a StoreError', async () => {
    const store = watched({
      get: () => {
        throw new TypeError('no')
      },
      put: down,
    })
    await expect(store.get('a')).rejects.toMatchObject({ name: 'StoreError', fault: 'failed' })
    await expect(store.put('a', '', 1)).rejects.toMatchObject({ name: 'StoreError', fault: 'failed' })
  })

  it('pauses after five failures, tries one operation, and recovers without a restart', async () => {
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
    expect(events).toEqual([
      { name: 'store-failed', operation: 'read', fault: 'failed', reason: 'connection refused' },
    ])

    await vi.advanceTimersByTimeAsync(1000)
    const three = await Promise.allSettled([store.get('a'), store.get('a'), store.get('a')])
    expect(three.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(asked).toBe(6)

    await vi.advanceTimersByTimeAsync(1000)
    answer = async () => 'back'
    expect(await store.get('a')).toBe('back')
    expect(await Promise.all([store.get('a'), store.get('a')])).toEqual(['back', 'back'])
    expect(store.health()).toMatchObject({ state: 'up', failures: 0 })
    expect(events.at(-1)).toEqual({ name: 'store-recovered', operation: 'read', milliseconds: 2000 })
  })

  it('reports that a store that had lost its data is used again, and ends pauses at once', async () => {
    let restored: (entries: number) => void = () => {}
    let answer = down as () => Promise<string | undefined>
    const store = watched({
      get: () => answer(),
      put: async () => {},
      delete: async () => {},
      onRestored: (listener) => {
        restored = listener
      },
    })
    for (let index = 0; index < 5; index++) await expect(store.get('a')).rejects.toThrow()
    answer = async () => undefined
    await expect(store.get('a')).rejects.toMatchObject({ fault: 'resting' })
    restored(3)
    expect(events.at(-1)).toEqual({ name: 'store-restored', entries: 3 })
    await vi.advanceTimersByTimeAsync(1)
    expect(await store.get('a')).toBe(undefined)
  })

  it.each([-60_000, 3_600_000])(
    'pauses for a second even if the time of day is set by %i ms',
    async (step) => {
      let answer = down as () => Promise<string | undefined>
      const store = watched({ get: () => answer() })
      for (let index = 0; index < 5; index++) await expect(store.get('a')).rejects.toThrow()
      answer = async () => 'back'
      vi.setSystemTime(Date.now() + step)
      await vi.advanceTimersByTimeAsync(990)
      await expect(store.get('a')).rejects.toMatchObject({ fault: 'resting' })
      await vi.advanceTimersByTimeAsync(10)
      expect(await store.get('a')).toBe('back')
      expect(events.at(-1)).toEqual({ name: 'store-recovered', operation: 'read', milliseconds: 1000 })
    },
  )
})

describe('a store that answers reads and refuses writes', () => {
  const readonly = (): Partial<Store> => ({
    get: async () => undefined,
    put: async () => Promise.reject(new Error('READONLY')),
    claim: async () => Promise.reject(new Error('READONLY')),
    delete: async () => Promise.reject(new Error('READONLY')),
  })

  it('is reported once, however many requests come, and paused only for writes', async () => {
    const store = watched(readonly())
    for (let request = 0; request < 20; request++) {
      expect(await store.get('deny:mark')).toBe(undefined)
      expect(await store.get(`revoked:${request}`)).toBe(undefined)
      await expect(store.claim('replay:a', '1', 1)).rejects.toThrow()
    }
    await expect(store.claim('replay:a', '1', 1)).rejects.toMatchObject({ fault: 'resting' })
    expect(told()).toEqual(['write failed'])
    expect(store.health()).toMatchObject({
      state: 'down',
      reads: { state: 'up' },
      writes: { state: 'down', last: { reason: 'READONLY' } },
    })
  })

  it('is not healthy before the first write', async () => {
    const store = watched(readonly())
    expect(await store.check()).toBe(false)
    expect(store.health().writes.state).toBe('down')
  })

  it('has recovered when a write succeeds', async () => {
    const memory = createMemoryStore()
    const theirs = readonly()
    const store = watched(theirs)
    expect(await store.check()).toBe(false)
    const { put, delete: remove } = memory
    Object.assign(theirs, {
      put: async () => put.call(memory, 'a', '1', 1),
      delete: async () => remove.call(memory, 'a'),
    })
    expect(await store.check()).toBe(true)
    expect(told()).toEqual(['write failed', 'store-recovered'])
  })
})

describe('a store that is full', () => {
  it('is reported once, whatever it replaces and deletes, serves reads, and has recovered when there is room', async () => {
    const store = watched(createMemoryStore({ maxEntries: 2 }))
    await store.put('session:a', '1', 60)
    await store.put('session:b', '1', 60)
    for (let request = 0; request < 20; request++) {
      await expect(store.claim('session:c', '1', 60)).rejects.toMatchObject({ fault: 'full' })
      await store.put('session:a', '2', 60)
      expect(await store.claim('session:a', '3', 60)).toBe(false)
      expect(await store.get('session:a')).toBe('2')
    }
    expect(told()).toEqual(['write full'])
    expect(store.health()).toMatchObject({ reads: { state: 'up' }, writes: { state: 'down' } })
    expect(await store.check()).toBe(false)
    await store.delete('session:b')
    expect(await store.claim('session:c', '1', 60)).toBe(true)
    expect(told()).toEqual(['write full', 'store-recovered'])
  })

  it('is not healthy even if it was checked before it was full', async () => {
    const store = watched(createMemoryStore({ maxEntries: 2 }))
    expect(await store.check()).toBe(true)
    const refused: number[] = []
    for (let request = 0; request < 20; request++) {
      await Promise.resolve(store.claim(`replay:${request}`, '1', 60)).catch(() => refused.push(request))
      if (request > 1) expect(await store.check()).toBe(false)
      await vi.advanceTimersByTimeAsync(250)
    }
    expect(refused).toHaveLength(18)
    expect(told()).toEqual(['write full'])
  })

  it('for entries that stop somebody has not recovered when something else is written', async () => {
    const store = watched(createMemoryStore({ maxEntries: 3 }))
    for (let index = 0; index < 12; index++) {
      await Promise.resolve(store.put(`revoked:${index}`, '1', 60)).catch(() => {})
      await Promise.resolve(store.claim(`replay:${index % 2}`, '1', 60))
    }
    expect(told()).toEqual(['write full'])
    await store.delete('revoked:0')
    expect(await store.claim('revoking:a', '1', 60)).toBe(true)
    expect(told()).toEqual(['write full', 'store-recovered'])
  })
})

describe('a store with a failing part', () => {
  const failing = new Set<string>()
  const partly = (part?: (key: string) => number): Partial<Store> => {
    const memory = createMemoryStore()
    const ask = async <T>(key: string, answer: () => T): Promise<T> => {
      if (failing.has(key) || (part !== undefined && failing.has(`part ${part(key)}`))) return down()
      return answer()
    }
    return {
      get: (key) => ask(key, () => memory.get(key)),
      put: (key, value, ttl) => ask(key, () => memory.put(key, value, ttl)),
      claim: (key, value, ttl) => ask(key, () => memory.claim(key, value, ttl)),
      delete: (key) => ask(key, () => memory.delete(key)),
      ...(part === undefined ? {} : { part }),
    }
  }
  beforeEach(() => failing.clear())
  const request = async (store: ReturnType<typeof watched>, jti: string): Promise<string[]> =>
    (await Promise.allSettled([store.get('deny:mark'), store.get(`revoked:${jti}`)])).map(
      ({ status }) => status,
    )

  it('is not healthy while the keys of each request cannot be read, and is reported once', async () => {
    const store = watched(partly())
    failing.add('deny:mark')
    expect(await store.check()).toBe(false)
    for (let index = 0; index < 20; index++) {
      expect(await request(store, String(index))).toEqual(['rejected', 'fulfilled'])
    }
    await expect(store.get('deny:mark')).rejects.toMatchObject({ fault: 'resting' })
    expect(told()).toEqual(['read failed'])
    failing.clear()
    expect(await store.check()).toBe(true)
    expect(told()).toEqual(['read failed', 'store-recovered'])
  })

  it('without names for its parts: has recovered when the failed key is read again, even in the background', async () => {
    const store = watched(partly())
    failing.add('revoked:1')
    for (let index = 0; index < 20; index++) await request(store, String(index % 3))
    expect(told()).toEqual(['read failed'])
    failing.clear()
    // Nobody reads that one again.
    for (let index = 0; index < 3; index++) {
      await vi.advanceTimersByTimeAsync(1000)
      await request(store, '2')
    }
    expect(told()).toEqual(['read failed', 'store-recovered'])
  })

  it('with names: is paused only for that part', async () => {
    const part = (key: string) => Number(/\d+$/.exec(key)?.[0] ?? 0) % 3
    const store = watched(partly(part))
    failing.add('part 1')
    for (let index = 0; index < 30; index++) await request(store, String(index))
    await expect(store.get('revoked:31')).rejects.toMatchObject({ fault: 'resting' })
    expect(await request(store, '32')).toEqual(['fulfilled', 'fulfilled'])
    expect(await request(store, '33')).toEqual(['fulfilled', 'fulfilled'])
    expect(await store.check()).toBe(false)
    expect(told()).toEqual(['read failed', 'write failed'])
    failing.clear()
    expect(await store.check()).toBe(true)
    expect(told()).toEqual(['read failed', 'write failed', 'store-recovered', 'store-recovered'])
  })
})

describe('a store that is connecting for the first time', () => {
  const connecting = async (): Promise<never> => {
    throw Object.assign(new Error('not connected yet'), { name: 'StoreConnectingError' })
  }

  it('has not failed: it is reported once, is not healthy, and is not paused', async () => {
    let answer: () => Promise<undefined> = connecting
    const store = watched({ get: () => answer(), put: () => answer(), delete: () => answer() })
    for (let times = 0; times < 10; times++)
      await expect(store.get('deny:mark')).rejects.toMatchObject({ fault: 'connecting' })
    expect(await store.check()).toBe(false)
    expect(events).toEqual([{ name: 'store-connecting', reason: 'not connected yet' }])
    expect(store.health()).toMatchObject({ state: 'down', failures: 0, last: { fault: 'connecting' } })
    answer = async () => undefined
    expect(await store.get('deny:mark')).toBe(undefined)
    expect(store.health()).toMatchObject({ state: 'up', last: undefined })
    expect(events).toHaveLength(1)
  })

  it('has failed once an attempt has failed', async () => {
    let answer: () => Promise<never> = connecting
    const store = watched({ get: () => answer() })
    await expect(store.get('deny:mark')).rejects.toMatchObject({ fault: 'connecting' })
    answer = down
    await expect(store.get('deny:mark')).rejects.toMatchObject({ fault: 'failed' })
    expect(told()).toEqual(['store-connecting', 'read failed'])
  })
})

describe('a store that reports new connections', () => {
  it('is used again at once after one, in spite of pauses', async () => {
    let connected = (): void => {}
    let answer: () => Promise<undefined> = down
    const store = watched({
      get: () => answer(),
      put: () => answer(),
      delete: () => answer(),
      onConnected: (listener) => {
        connected = listener
      },
    })
    for (let times = 0; times < 6; times++) {
      await expect(store.get('deny:mark')).rejects.toThrow()
      await expect(store.put('deny:mark', '1', 1)).rejects.toThrow()
    }
    await expect(store.put('deny:mark', '1', 1)).rejects.toMatchObject({ fault: 'resting' })
    answer = async () => undefined
    await expect(store.put('deny:mark', '1', 1)).rejects.toMatchObject({ fault: 'resting' })
    connected()
    await store.put('deny:mark', '1', 1)
    await store.get('deny:mark')
    await store.check()
    expect(told()).toEqual(['read failed', 'write failed', 'store-recovered', 'store-recovered'])
  })
})
