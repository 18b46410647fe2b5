import { Redis } from 'ioredis'
import { createSentinel } from 'redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Store } from '../../core/src/store/store.js'
import { createRedisStore, type RedisStoreOptions } from './index.js'
import { redisBinary } from './testing/redis-server.js'
import { startWatched, type Watched, watchedName } from './testing/sentinels.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const kinds = ['ioredis', 'redis'] as const

// The claims of docs/production.md about Sentinel, each with the settings given there.
describe.runIf(redisBinary !== undefined || required)('a store behind sentinels', () => {
  let watched: Watched
  const closing: (() => unknown)[] = []
  beforeEach(async () => {
    watched = await startWatched()
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    await watched?.stop()
  })

  const open = async (kind: (typeof kinds)[number], options: RedisStoreOptions = {}): Promise<Store> => {
    if (kind === 'ioredis') {
      const client = new Redis({
        name: watchedName,
        sentinels: [...watched.sentinels],
        failoverDetector: true,
        socketTimeout: 2000,
        autoResendUnfulfilledCommands: false,
      }).on('error', () => {})
      closing.push(() => client.disconnect())
      await new Promise((resolve) => client.once('ready', resolve))
      return createRedisStore(client, { timeout: 2000, ...options })
    }
    const client = createSentinel({
      name: watchedName,
      sentinelRootNodes: [...watched.sentinels],
      nodeClientOptions: { socket: { socketTimeout: 2000 } },
      scanInterval: 1000,
    }).on('error', () => {})
    closing.push(() => client.destroy())
    await client.connect()
    return createRedisStore(client, { timeout: 2000, ...options })
  }
  const outcome = async (answer: unknown): Promise<unknown> =>
    Promise.resolve(answer).catch((error: Error) => `rejected: ${error.message}`)

  it('a client that reads from replicas reads our keys from the primary', async () => {
    const client = createSentinel({
      name: watchedName,
      sentinelRootNodes: [...watched.sentinels],
      replicaPoolSize: 1,
    }).on('error', () => {})
    closing.push(() => client.destroy())
    await client.connect()
    const store = createRedisStore(client)
    const onReplica = new Redis(watched.replica.url)
    closing.push(() => onReplica.disconnect())
    const reads = async (): Promise<number> =>
      Number(/cmdstat_get:calls=(\d+)/.exec(await onReplica.info('commandstats'))?.[1] ?? 0)
    for (let index = 0; index < 20; index++) {
      await store.put('a', String(index), 60)
      expect(await store.get('a')).toBe(String(index))
    }
    expect(await reads()).toBe(0)
    await client.get('a')
    expect(await reads()).toBe(1)
  })

  it('a primary that hangs and returns lets no token pass that was revoked in between', async () => {
    const stores = await Promise.all(kinds.map((kind) => open(kind)))
    const all = (ask: (store: Store, index: number) => unknown): Promise<unknown[]> =>
      Promise.all(stores.map((store, index) => outcome(ask(store, index))))
    expect(await all((store) => store.put('revoked:before', '1', 600))).toEqual([undefined, undefined])
    watched.primary.pause()
    await watched.failedOver()
    await expect
      .poll(() => all((store, index) => store.put(`revoked:${index}`, '1', 600)), { timeout: 30_000 })
      .toEqual([undefined, undefined])
    watched.primary.resume()
    const until = performance.now() + 2500
    let read = 0
    while (performance.now() < until) {
      for (const key of ['revoked:before', 'revoked:0', 'revoked:1']) {
        const values = await all((store) => store.get(key))
        expect(values).not.toContain(undefined)
        read += values.filter((value) => value === '1').length
      }
    }
    expect(read).toBeGreaterThan(100)
  })

  it('no write acknowledged with replicas: 1 while the primary was killed is lost', async () => {
    const stores = await Promise.all(kinds.map((kind) => open(kind, { replicas: 1 })))
    const acknowledged: string[][] = stores.map(() => [])
    let writing = true
    const write = async (worker: number): Promise<void> => {
      const index = worker % stores.length
      const store = stores[index] as Store
      for (let number = 0; writing; number++) {
        const key = `revoked:${worker}-${number}`
        const answer = number % 2 === 0 ? store.put(key, '1', 600) : store.claim(key, '1', 600)
        const value = await outcome(answer)
        if (value === undefined || value === true) acknowledged[index]?.push(key)
        else await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const workers = Array.from({ length: 8 }, (_, worker) => write(worker))
    await expect
      .poll(() => Math.min(...acknowledged.map(({ length }) => length)), { timeout: 30_000 })
      .toBeGreaterThan(300)
    await watched.primary.kill()
    await watched.failedOver()
    writing = false
    await Promise.all(workers)
    const looker = new Redis(watched.replica.url)
    const missing: string[] = []
    for (const key of acknowledged.flat()) {
      if ((await looker.exists(`countersign:${key}`)) === 0) missing.push(key)
    }
    looker.disconnect()
    expect(missing).toEqual([])
  })

  it('with replicas: 1, only writes that the replica has are acknowledged, and they survive the failover', async () => {
    const stores = await Promise.all(kinds.map((kind) => open(kind, { replicas: 1 })))
    for (const [index, store] of stores.entries()) {
      await store.put(`revoked:${index}`, '1', 600)
      expect(await store.claim(`replay:${index}`, '1', 600)).toBe(true)
      expect(await store.claim(`replay:${index}`, '1', 600)).toBe(false)
    }
    watched.replica.pause()
    for (const [index, store] of stores.entries()) {
      expect(await outcome(store.put('revoked:later', '1', 600))).toMatch(/^rejected: /)
      expect(await outcome(store.claim(`replay:later-${index}`, '1', 600))).toMatch(/^rejected: /)
    }
    await watched.primary.kill()
    watched.replica.resume()
    await watched.failedOver()
    for (const [index, store] of stores.entries()) {
      await expect.poll(() => outcome(store.get(`revoked:${index}`)), { timeout: 30_000 }).toBe('1')
      await expect
        .poll(() => outcome(store.claim(`replay:${index}`, '1', 600)), { timeout: 30_000 })
        .toBe(false)
      // The new primary has no replica, so nothing new is acknowledged.
      await expect
        .poll(() => outcome(store.put('revoked:new', '1', 600)), { timeout: 30_000 })
        .toMatch(/confirmed by 0 of 1/)
    }
  })

  it('with min-replicas-to-write, a primary without a replica refuses writes after min-replicas-max-lag', async () => {
    const stores = await Promise.all(kinds.map((kind) => open(kind)))
    const operator = new Redis(watched.primary.url)
    await operator.config('SET', 'min-replicas-to-write', '1')
    for (const store of stores) {
      await expect.poll(() => outcome(store.put('revoked:a', '1', 600)), { timeout: 20_000 }).toBe(undefined)
    }
    watched.replica.pause()
    // The default is ten seconds, during which writes are acknowledged that the replica does not have.
    for (const store of stores) expect(await outcome(store.put('revoked:b', '1', 600))).toBe(undefined)
    await operator.config('SET', 'min-replicas-max-lag', '1')
    operator.disconnect()
    for (const store of stores) {
      await expect
        .poll(() => outcome(store.put('revoked:b', '1', 600)), { timeout: 20_000 })
        .toMatch(/NOREPLICAS/)
      expect(await store.get('revoked:a')).toBe('1')
    }
  })
})
