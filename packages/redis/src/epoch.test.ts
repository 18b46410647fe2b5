import type { Store } from '@countersign/core'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRedisStore, type RedisStoreOptions } from './index.js'
import { clients } from './testing/clients.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const lost = /Redis has lost what it held/

describe.runIf(redisBinary !== undefined || required)('a Redis that has lost its data', () => {
  let redis: TestRedis
  let admin: Redis
  let closing: (() => unknown)[]
  beforeEach(async () => {
    redis = await startRedis()
    admin = new Redis(redis.url).on('error', () => {})
    closing = [() => admin.disconnect()]
  })
  afterEach(async () => {
    for (const close of closing) close()
    await redis.stop()
  })

  const open = async (name: string, options: RedisStoreOptions = {}) => {
    const { client, close } = await (clients[name] as (typeof clients)[string])(redis.url)
    closing.push(close)
    return createRedisStore(client, { emptied: 'refuse', ...options })
  }
  const outcome = (store: Store, key = 'deny:mark'): Promise<unknown> =>
    Promise.resolve(store.get(key)).catch((error: Error) => error.message)

  for (const name of Object.keys(clients)) {
    it(`is not used by any process until the loss is accepted: ${name}`, async () => {
      const [here, there] = [await open(name), await open(name)]
      await here.put('revoked:a', '1', 60)
      expect(await there.get('revoked:a')).toBe('1')
      await admin.flushall()
      expect(await outcome(here)).toMatch(lost)
      // A process that starts now knows no epoch, and still refuses.
      const late = await open(name)
      expect(await outcome(late)).toMatch(lost)
      expect(await outcome(there)).toMatch(lost)
      // Entries restored in between are kept.
      const restoring = await open(name, { emptied: 'accept' })
      await restoring.put('revoked:a', '1', 60)
      expect(await restoring.get('revoked:a')).toBe('1')
      expect(await outcome(here)).toMatch(lost)
      await restoring.acceptLoss()
      for (const store of [here, there, late]) expect(await outcome(store, 'revoked:a')).toBe('1')
      await admin.flushall()
      expect(await outcome(there)).toMatch(lost)
    }, 20_000)
  }

  it('is detected even if a process that knew no epoch was the first to read', async () => {
    const here = await open('redis 6')
    await here.get('a')
    // At once, or `here` may read first, in the test of its store in the background.
    await admin.multi().flushall().set('countersign:epoch', 'new:by somebody else', 'PX', 60_000).exec()
    const late = await open('ioredis')
    expect(await outcome(here)).toMatch(lost)
    expect(await outcome(late)).toMatch(lost)
  })

  it('lets no signature be used twice, not even in the first claim after a restart', async () => {
    for (const name of Object.keys(clients)) {
      const own = await startRedis('--appendonly', 'no')
      const { client, close } = await (clients[name] as (typeof clients)[string])(own.url)
      const store = createRedisStore(client)
      expect(await store.claim('replay:a', '1', 60)).toBe(true)
      expect(await store.get('replay:a')).toBe('1')
      await own.kill()
      await own.start()
      const claimed = async (): Promise<unknown> => {
        try {
          return await store.claim('replay:a', '1', 60)
        } catch (error) {
          return (error as Error).message
        }
      }
      // Nothing is sent until it is connected again.
      const answers: unknown[] = []
      const next = async (): Promise<unknown> => {
        answers.push(await claimed())
        return answers.at(-1)
      }
      await expect.poll(next, { timeout: 10_000, interval: 20 }).toMatch(lost)
      expect(answers).not.toContain(true)
      close()
      await own.stop()
    }
  }, 40_000)

  it('is not assumed after a restart with persistence', async () => {
    const store = await open('ioredis')
    await store.put('revoked:a', '1', 60)
    await store.get('revoked:a')
    await redis.kill()
    await redis.start()
    await expect.poll(() => outcome(store, 'revoked:a'), { timeout: 10_000 }).toBe('1')
  }, 15_000)

  it('is used without the data with `accept`', async () => {
    const store = await open('redis 6', { emptied: 'accept' })
    await store.put('revoked:a', '1', 60)
    await admin.flushall()
    expect(await store.get('revoked:a')).toBe(undefined)
    expect(await admin.get('countersign:epoch')).toBe(null)
  })

  it('is read while it refuses writes, and watched once it accepts them', async () => {
    await admin.replicaof('127.0.0.1', 1)
    const store = await open('ioredis')
    expect(await store.get('a')).toBe(undefined)
    await admin.replicaof('NO', 'ONE')
    await expect.poll(() => outcome(store).then(() => admin.get('countersign:epoch'))).toMatch(/^new:/)
    await admin.flushall()
    expect(await outcome(store)).toMatch(lost)
  })

  it('is detected separately for each prefix', async () => {
    const [one, two] = [await open('ioredis', { prefix: 'one:' }), await open('ioredis', { prefix: 'two:' })]
    await one.get('a')
    await two.get('a')
    await admin.del('one:epoch')
    expect(await outcome(one)).toMatch(lost)
    expect(await two.get('a')).toBe(undefined)
  })
})

describe.runIf(redisBinary !== undefined || required)('an ACL that does not allow MGET', () => {
  it('only makes each key cost a command', async () => {
    const redis = await startRedis()
    const admin = new Redis(redis.url)
    await admin.call(
      'ACL',
      'SETUSER',
      'shop',
      'on',
      '>pw',
      '~*',
      '+get',
      '+set',
      '+del',
      '+ping',
      '+client',
      '+info',
    )
    for (const name of Object.keys(clients)) {
      const { client, close } = await (clients[name] as (typeof clients)[string])(
        redis.url.replace('redis://', 'redis://shop:pw@'),
      )
      const store = createRedisStore(client)
      await store.put('a', '1', 60)
      expect(await store.getMany?.(['a', 'never'])).toEqual(['1', undefined])
      await admin.flushall()
      await expect(store.get('a')).rejects.toThrow(lost)
      await createRedisStore(client, { emptied: 'accept' }).acceptLoss()
      close()
    }
    admin.disconnect()
    await redis.stop()
  }, 20_000)
})
