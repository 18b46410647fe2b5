import { describe, expect, it, vi } from 'vitest'
import { createMemoryStore } from './memory-store.js'
import { provenStore } from './proven-store.js'
import type { Store } from './store.js'

vi.setConfig({ testTimeout: 15_000 })

/** An application's store over a map, which answers with promises, in real time. */
class TheirStore implements Store {
  readonly entries = new Map<string, { value: string; until: number }>()
  asked = 0

  async get(key: string): Promise<string | undefined> {
    this.asked++
    const entry = this.entries.get(key)
    return entry !== undefined && entry.until > Date.now() ? entry.value : undefined
  }
  async put(key: string, value: string, ttl: number): Promise<void> {
    this.asked++
    this.entries.set(key, { value, until: Date.now() + this.life(ttl) })
  }
  async claim(key: string, value: string, ttl: number): Promise<boolean> {
    if ((await this.get(key)) !== undefined) return false
    await this.put(key, value, ttl)
    return true
  }
  async delete(key: string): Promise<void> {
    this.entries.delete(key)
  }
  life(ttl: number): number {
    return ttl * 1000
  }
}

const unfit = { name: 'StoreUnfitError' }

describe('a store that keeps the contract', () => {
  it('is tested once, without leaving keys behind, and then used directly', async () => {
    const theirs = new TheirStore()
    const store = provenStore(theirs)
    expect(await store.claim('a', 'mine', 60)).toBe(true)
    expect(await store.claim('a', 'yours', 60)).toBe(false)
    await expect.poll(() => live(theirs)).toEqual(['a'])
    const before = theirs.asked
    expect(await store.get('a')).toBe('mine')
    expect(theirs.asked).toBe(before + 1)
  })

  it('may count whole seconds without delaying anyone', async () => {
    // These clocks may stand still while nothing waits.
    const still = { clock: () => 1_800_000_000_000, monotonic: () => 0 }
    const store = provenStore(
      new (class extends TheirStore {
        override life = (ttl: number) => Math.ceil(ttl) * 1000
      })(),
      still,
    )
    expect(await store.claim('a', '1', 60)).toBe(true)
    expect(await store.get('a')).toBe('1')
  })

  it('is not tested if it is ours, and answers without a promise', () => {
    const store = createMemoryStore()
    expect(provenStore(store)).toBe(store)
  })

  it('is tested only once, even when wrapped', () => {
    const store = provenStore(new TheirStore())
    expect(provenStore(store)).toBe(store)
  })
})

describe('a store that does not', () => {
  const faults: Readonly<Record<string, Partial<Store>>> = {
    'lets every claim win': { claim: async () => true },
    'says OK for true': { claim: async () => 'OK' as unknown as boolean },
    'says null for false': { claim: async () => null as unknown as boolean },
    'does not keep what was claimed': { get: async () => undefined },
  }
  it.each(Object.entries(faults))('%s: it is not used, not even for reads', async (_, fault) => {
    const store = provenStore(Object.assign(new TheirStore(), fault))
    await expect(store.get('a')).rejects.toMatchObject(unfit)
    await expect(store.put('a', '1', 60)).rejects.toMatchObject(unfit)
    await expect(store.claim('a', '1', 60)).rejects.toMatchObject(unfit)
    await expect(store.delete('a')).rejects.toMatchObject(unfit)
  })

  it('keeps entries forever: detected in the background', async () => {
    const store = provenStore(
      new (class extends TheirStore {
        override life = () => Number.POSITIVE_INFINITY
      })(),
    )
    await store.put('a', '1', 60)
    await expect
      .poll(async () => refusal(store.get('a')), { timeout: 10_000 })
      .toMatch(/an entry did not end/)
  })

  it('keeps a key whose claim has expired', async () => {
    class Rows extends TheirStore {
      override claim = async (key: string, value: string, ttl: number): Promise<boolean> => {
        if (this.entries.has(key)) return false
        await this.put(key, value, ttl)
        return true
      }
    }
    const store = provenStore(new Rows())
    await store.put('a', '1', 60)
    await expect
      .poll(async () => refusal(store.get('a')), { timeout: 10_000 })
      .toMatch(/an entry did not end/)
  })

  it('takes seconds for milliseconds', async () => {
    const store = provenStore(
      new (class extends TheirStore {
        override life = (ttl: number) => ttl
      })(),
    )
    await store.put('a', '1', 60)
    await expect.poll(async () => refusal(store.get('a'))).toMatch(/ended before its time/)
  })

  it('is tested again after a second, in case of a failover in between', async () => {
    let monotonic = 0
    const theirs = new TheirStore()
    const claim = theirs.claim.bind(theirs)
    theirs.claim = async () => true
    const store = provenStore(theirs, { monotonic: () => monotonic })
    await expect(store.get('a')).rejects.toMatchObject(unfit)
    theirs.claim = claim
    await expect(store.get('a')).rejects.toMatchObject(unfit)
    monotonic = 1000
    expect(await store.get('a')).toBe(undefined)
  })
})

describe('a test that cannot be made', () => {
  it('on a store that refuses writes: reads go through, writes are rejected, and it is made later', async () => {
    let monotonic = 0
    const theirs = new TheirStore()
    const put = theirs.put.bind(theirs)
    theirs.put = async () => {
      throw new Error('READONLY')
    }
    const store = provenStore(theirs, { monotonic: () => monotonic })
    expect(await store.get('a')).toBe(undefined)
    await expect(store.claim('a', '1', 60)).rejects.toThrow('READONLY')
    theirs.put = put
    monotonic = 1000
    expect(await store.claim('a', '1', 60)).toBe(true)
  })

  it('with an injected clock that stands still, does not fail a store whose entries stay', async () => {
    const memory = createMemoryStore({ clock: () => 1_800_000_000_000 })
    let monotonic = 0
    const theirs: Store = {
      get: (key) => memory.get(key),
      put: (key, value, ttl) => memory.put(key, value, ttl),
      claim: (key, value, ttl) => memory.claim(key, value, ttl),
      delete: (key) => memory.delete(key),
    }
    const store = provenStore(theirs, { clock: () => 1_800_000_000_000, monotonic: () => monotonic })
    expect(await store.claim('a', '1', 60)).toBe(true)
    monotonic = 10_000
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await store.get('a')).toBe('1')
  })
})

const refusal = async (answer: unknown): Promise<string | undefined> =>
  Promise.resolve(answer).then(
    () => undefined,
    (error: Error) => error.message,
  )

const live = ({ entries }: TheirStore): string[] =>
  [...entries].filter(([, { until }]) => until > Date.now()).map(([key]) => key)
