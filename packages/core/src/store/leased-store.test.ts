import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Awaitable } from '../awaitable.js'
import { batchReads } from './batched-store.js'
import { leaseReads } from './leased-store.js'
import { createMemoryStore } from './memory-store.js'
import type { Store } from './store.js'
import { type WatchedStore, watchStore } from './watched-store.js'

const key = 'deny:mark'
let memory = createMemoryStore()
let time: number
let day: number
let reads: string[]
let failing: boolean
let connected: (() => void) | undefined
/** Answers that are given when the test says so; at once if it is absent. */
let waiting: (() => void)[] | undefined

const open = (): WatchedStore => {
  const later = <T>(answer: () => Awaitable<T>): Promise<T> =>
    new Promise((resolve) => {
      const value = answer()
      if (waiting === undefined) resolve(value)
      else waiting.push(() => resolve(value))
    })
  const inner = watchStore(
    {
      get: (asked) => {
        reads.push(asked)
        if (failing) throw new Error('connection lost')
        return later(() => memory.get(asked))
      },
      put: (...given) => later(() => memory.put(...given)),
      claim: (...given) => later(() => memory.claim(...given)),
      delete: (given) => later(() => memory.delete(given)),
      onConnected: (listener) => {
        connected = listener
      },
    },
    { timeout: 1000, clock: () => day, monotonic: () => time, report: () => {} },
  )
  return leaseReads(inner, { keys: [key], withinMs: 100, clock: () => day, monotonic: () => time })
}
const pass = (ms: number): void => {
  time += ms
  day += ms
}

beforeEach(() => {
  memory = createMemoryStore()
  time = 0
  day = 1_000_000
  reads = []
  failing = false
  waiting = undefined
})

describe('a leased read', () => {
  it('answers without a promise while it lasts, and is then repeated', async () => {
    const store = open()
    memory.put(key, 'one', 60)
    expect(await store.get(key)).toBe('one')
    memory.put(key, 'two', 60)
    pass(99)
    expect(store.get(key)).toBe('one')
    pass(1)
    expect(await store.get(key)).toBe('two')
    expect(reads).toEqual([key, key])
  })

  it('lasts from before it was sent', async () => {
    const store = open()
    waiting = []
    const slow = store.get(key)
    pass(100)
    for (const answer of waiting) answer()
    await slow
    waiting = undefined
    memory.put(key, 'new', 60)
    expect(await store.get(key)).toBe('new')
  })

  it('fails when its time is over and the store cannot be read', async () => {
    const store = open()
    await store.get(key)
    failing = true
    pass(99)
    expect(store.get(key)).toBe(undefined)
    pass(1)
    await expect(store.get(key)).rejects.toMatchObject({ name: 'StoreError' })
  })

  it('ends at once when this process changes the key, even during a read', async () => {
    const store = open()
    await store.get(key)
    await store.put(key, 'mine', 60)
    expect(await store.get(key)).toBe('mine')
    pass(200)
    waiting = []
    const before = store.get(key)
    const change = store.put(key, 'later', 60)
    for (const answer of waiting) answer()
    waiting = undefined
    await Promise.all([before, change])
    expect(await store.get(key)).toBe('later')
  })

  it('ends when either clock says so, and with the connection', async () => {
    const store = open()
    for (const end of [() => (day += 3_600_000), () => (day -= 3_600_000), () => connected?.()]) {
      await store.get(key)
      expect(store.get(key)).toBe(undefined)
      end()
      reads = []
      await store.get(key)
      expect(reads).toEqual([key])
    }
  })

  it('is given for its keys only', async () => {
    const store = open()
    await store.get('session:1')
    await store.get('session:1')
    expect(reads).toEqual(['session:1', 'session:1'])
  })
})

it('costs at most two reads in that time, however many requests come, and none without requests', async () => {
  const readings: (() => void)[] = []
  let now = 0
  const source: Store = {
    ...{ get: () => undefined, put: () => {}, claim: () => true, delete: () => {} },
    getMany: (keys: readonly string[]) =>
      new Promise<readonly undefined[]>((resolve) => {
        readings.push(() => resolve(keys.map(() => undefined)))
      }),
  }
  const clocks = { clock: () => now, monotonic: () => now }
  const watched = watchStore(source, { timeout: 1000, ...clocks, report: () => {} })
  const leased = leaseReads(batchReads(watched, source), { keys: [key], withinMs: 100, ...clocks })
  let made = 0
  for (let period = 0; period < 3; period++) {
    const asked: Awaitable<string | undefined>[] = []
    // Some of them during the first read.
    for (let round = 0; round < 10; round++) {
      for (let one = 0; one < 20; one++) asked.push(leased.get(key))
      if (round > 4) readings.shift()?.()
      for (let turns = 0; turns < 4; turns++) {
        const before = readings.length
        await turn()
        made += readings.length - before
      }
    }
    for (const answer of readings.splice(0)) answer()
    await Promise.all(asked)
    now += 100
    for (let turns = 0; turns < 4; turns++) await turn()
    expect(readings).toEqual([])
    expect(made).toBeLessThanOrEqual(2 * (period + 1))
    expect(made).toBeGreaterThan(period)
  }
})
