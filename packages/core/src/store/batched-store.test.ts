import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { batchReads } from './batched-store.js'
import { createMemoryStore } from './memory-store.js'
import type { Store } from './store.js'
import { storeContract } from './store-contract.js'
import { type WatchedStore, watchStore } from './watched-store.js'

/** Reads that follow from an answer may come in the next turn. */
const turns = async (): Promise<void> => {
  for (let n = 0; n < 3; n++) await turn()
}

/** A call of `getMany` without an answer yet. */
interface Call {
  readonly keys: readonly string[]
  answer(): void
  fail(cause: Error): void
}

const memory = createMemoryStore()
let calls: Call[]
let single: string[]
let store: WatchedStore

/** A store that answers when the test says so. */
const slow = (more: Partial<Store> = {}): WatchedStore => {
  const inner: Store = {
    async get(key) {
      single.push(key)
      return memory.get(key)
    },
    async put(key, value, ttl) {
      memory.put(key, value, ttl)
    },
    claim: async (key, value, ttl) => memory.claim(key, value, ttl),
    async delete(key) {
      memory.delete(key)
    },
    getMany: (keys) =>
      new Promise((resolve, reject) => {
        // Reads when it answers, which is as late as a store may.
        calls.push({ keys, answer: () => resolve(keys.map((key) => memory.get(key))), fail: reject })
      }),
    ...more,
  }
  const watch = { timeout: 1000, clock: Date.now, monotonic: () => performance.now(), report: () => {} }
  return batchReads(watchStore(inner, watch), inner)
}

beforeEach(() => {
  calls = []
  single = []
  store = slow()
})
const call = (index: number): Call => calls[index] as Call

describe('reads of one turn of the event loop', () => {
  it('are sent together, each key once', async () => {
    memory.put('b', '2', 60)
    const answers = Promise.all([store.get('a'), store.get('b'), store.get('a')])
    expect(calls).toEqual([])
    await turns()
    expect(calls.map(({ keys }) => keys)).toEqual([['a', 'b']])
    call(0).answer()
    expect(await answers).toEqual([undefined, '2', undefined])
    expect(single).toEqual([])
  })

  it('include those of the next turn, and no later ones', async () => {
    const answers = [store.get('first')]
    await turn()
    answers.push(store.get('second'))
    await turn()
    answers.push(store.get('third'))
    expect(calls.map(({ keys }) => keys)).toEqual([['first', 'second']])
    call(0).answer()
    await turns()
    expect(calls.map(({ keys }) => keys)).toEqual([['first', 'second'], ['third']])
    call(1).answer()
    expect(await Promise.all(answers)).toEqual([undefined, undefined, undefined])
  })

  it('never join reads that were sent before', async () => {
    const before = store.get('late')
    await turns()
    memory.put('late', 'written', 60)
    const after = store.get('late')
    await turns()
    // The read under way may have happened before the write.
    expect(calls).toHaveLength(1)
    memory.delete('late')
    call(0).answer()
    expect(await before).toBe(undefined)
    memory.put('late', 'written', 60)
    await turns()
    expect(calls).toHaveLength(2)
    call(1).answer()
    expect(await after).toBe('written')
    memory.delete('late')
  })

  it('are at most 128 keys a call, and none waits forever', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => `many:${index}`)
    const answers = Promise.all(keys.map((key) => store.get(key)))
    await turns()
    while (calls.flatMap((made) => made.keys).length < 300) {
      for (const made of calls) made.answer()
      await turns()
    }
    for (const made of calls) made.answer()
    expect((await answers).length).toBe(300)
    expect(Math.max(...calls.map((made) => made.keys.length))).toBe(128)
    expect(calls.flatMap((made) => made.keys)).toEqual(keys)
  })

  it('fail together, and the waiting ones at once, without waiting twice', async () => {
    const first = store.get('a')
    await turns()
    const behind = store.get('b')
    call(0).fail(new Error('connection lost'))
    await expect(first).rejects.toMatchObject({ name: 'StoreError', fault: 'failed' })
    await expect(behind).rejects.toMatchObject({ message: 'connection lost' })
    expect(store.health().reads.state).toBe('down')
    // From here on each key is read by itself, to see when it has recovered.
    expect(await store.get('a')).toBe(undefined)
    expect(single).toEqual(['a'])
  })

  it('are refused if the store does not return one value for each key', async () => {
    for (const values of [[], ['1', '2'], undefined]) {
      const short = slow({ getMany: async () => values as never })
      await expect(short.get('deny:mark')).rejects.toMatchObject({ name: 'StoreError' })
    }
  })

  it('end in time', async () => {
    const never = () => new Promise<never>(() => {})
    const inner: Store = { get: never, put: never, claim: never, delete: never, getMany: never }
    const watched = watchStore(inner, {
      timeout: 20,
      clock: Date.now,
      monotonic: () => performance.now(),
      report: () => {},
    })
    await expect(batchReads(watched, inner).get('a')).rejects.toMatchObject({ fault: 'timeout' })
  })

  it('are separate for each part, and do not wait for other parts', async () => {
    const parts = slow({ part: (key) => key.length })
    const answers = [parts.get('a'), parts.get('bb'), parts.get('b')].map(async (answer) => answer)
    await turns()
    expect(calls.map(({ keys }) => keys)).toEqual([['a', 'b'], ['bb']])
    call(1).answer()
    expect(await answers[1]).toBe(undefined)
    const next = parts.get('bb')
    await turns()
    call(2).answer()
    expect(await next).toBe(undefined)
    call(0).answer()
    await Promise.all(answers)
  })

  it('are unchanged if the store cannot read many keys', async () => {
    const inner = createMemoryStore()
    const watched = watchStore(inner, {
      timeout: 1000,
      clock: Date.now,
      monotonic: () => performance.now(),
      report: () => {},
    })
    expect(batchReads(watched, inner)).toBe(watched)
    expect(watched.get('a')).toBe(undefined)
  })
})

describe('a store with batched reads', () => {
  const open = () => {
    let now = Date.now()
    const inner = createMemoryStore({ clock: () => now })
    const many: Store = {
      get: (key) => inner.get(key),
      put: (key, value, ttl) => inner.put(key, value, ttl),
      claim: (key, value, ttl) => inner.claim(key, value, ttl),
      delete: (key) => inner.delete(key),
      getMany: async (keys) => keys.map((key) => inner.get(key)),
    }
    const watch = { timeout: 1000, clock: () => now, monotonic: () => performance.now(), report: () => {} }
    return {
      store: batchReads(watchStore(many, watch), many),
      pass: (seconds: number) => {
        now += seconds * 1000
      },
    }
  }
  for (const { name, run } of storeContract({ open })) it(name, run)
})
