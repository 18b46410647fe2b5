import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { createClient as createClient4 } from 'redis4'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenStore, storeContract } from '../../core/src/store/store-contract.js'
import { createRedisStore, type RedisClient } from './index.js'
import { type Connected, clients } from './testing/clients.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const run = it.runIf(redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required')
const reason =
  redisBinary === undefined ? ' (skipped: neither redis-server nor valkey-server is installed)' : ''

describe(`a store in Redis${reason}`, () => {
  let redis: TestRedis
  beforeAll(async () => {
    if (redisBinary !== undefined) redis = await startRedis()
  })
  afterAll(async () => redis?.stop())

  for (const [name, connect] of Object.entries(clients)) {
    describe(`through ${name}`, () => {
      const open = async (): Promise<OpenStore> => {
        const [one, two] = [await connect(redis.url), await connect(redis.url)]
        return {
          store: createRedisStore(one.client),
          other: createRedisStore(two.client),
          pass: (seconds) => shorten(redis, seconds),
          close: () => void [one, two].map(({ close }) => close()),
        }
      }
      for (const { name: title, run: check } of storeContract({ open })) run(title, check)

      run('puts its prefix before every key, and gives each a time to live', async () => {
        const { client, close } = await connect(redis.url)
        const store = createRedisStore(client, { prefix: 'shop:' })
        const looker = new Redis(redis.url)
        // The tests of the other clients leave their claims.
        await looker.del('shop:b')
        await store.put('a', '1', 60)
        await store.claim('b', '1', 60)
        for (const key of ['shop:a', 'shop:b']) {
          const left = await looker.pttl(key)
          expect(left).toBeGreaterThan(55_000)
          expect(left).toBeLessThanOrEqual(60_000)
        }
        looker.disconnect()
        close()
      })

      run(
        'rejects at once while Redis is gone, and works again when it is back',
        async () => {
          const own = await startRedis()
          const { client, close } = await connect(own.url)
          const store = createRedisStore(client)
          await store.claim('once', 'mine', 60)
          await own.kill()
          // The client notices sooner or later; until then a command may be interrupted instead.
          await expect(store.get('once')).rejects.toThrow()
          await expect(store.put('a', '1', 60)).rejects.toThrow()
          await expect.poll(() => refusal(store.get('once'))).toBe('the Redis client is not connected')
          await own.start()
          await expect
            .poll(() => Promise.resolve(store.get('once')).catch(() => 'down'), { timeout: 10_000 })
            .toBe('mine')
          expect(await store.claim('once', 'yours', 60)).toBe(false)
          close()
          await own.stop()
        },
        20_000,
      )

      run(
        'refuses when Redis is out of memory, and loses nothing',
        async () => {
          const own = await startRedis('--maxmemory', '3mb')
          const { client, close } = await connect(own.url)
          const store = createRedisStore(client)
          await store.put('first', '1', 60)
          const fill = async (): Promise<string> => {
            for (let index = 0; index < 200; index++) await store.put(`k${index}`, 'x'.repeat(65_536), 60)
            return 'never full'
          }
          await expect(fill()).rejects.toMatchObject({ name: 'StoreFullError' })
          expect(await store.get('first')).toBe('1')
          close()
          await own.stop()
        },
        20_000,
      )
    })
  }
})

describe(`a client that silently drops NX and PX${reason}`, () => {
  let redis: TestRedis
  beforeAll(async () => {
    if (redisBinary !== undefined) redis = await startRedis()
  })
  afterAll(async () => redis?.stop())

  const alike: Readonly<Record<string, () => Promise<Connected>>> = {
    'redis 4': async () => {
      const client = createClient4({ url: redis.url }).on('error', () => {})
      await client.connect()
      return { client: client as unknown as RedisClient, close: () => client.disconnect() }
    },
    'redis 4 in legacyMode': async () => {
      const client = createClient4({ url: redis.url, legacyMode: true }).on('error', () => {})
      await client.connect()
      return { client: client as unknown as RedisClient, close: () => client.disconnect() }
    },
    'legacy() of redis 6': async () => {
      const client = createClient({ url: redis.url }).on('error', () => {})
      await client.connect()
      const legacy = Object.assign(client.legacy(), { isOpen: true, isReady: true })
      return { client: legacy as unknown as RedisClient, close: () => client.destroy() }
    },
    'ioredis that drops NX': async () => {
      const client = new Redis(redis.url).on('error', () => {})
      await new Promise((resolve) => client.once('ready', resolve))
      const set = (key: string, value: string, px: 'PX', ms: number) => client.set(key, value, px, ms)
      const wrapper = {
        status: 'ready',
        get: (key: string) => client.get(key),
        set,
        del: (key: string) => client.del(key),
      }
      return { client: wrapper, close: () => client.disconnect() }
    },
  }
  for (const [name, connect] of Object.entries(alike)) {
    run(`${name}: every operation rejects`, async () => {
      const { client, close } = await connect()
      const store = createRedisStore(client)
      for (const verb of [
        () => store.claim('once', 'mine', 60),
        () => store.claim('once', 'yours', 60),
        () => store.get('once'),
        () => store.put('a', '1', 60),
        () => store.delete('a'),
      ]) {
        await expect(verb()).rejects.toThrow()
      }
      const looker = new Redis(redis.url)
      expect(await looker.keys('countersign:once')).toEqual([])
      looker.disconnect()
      close()
    })
  }

  run(
    'a client that drops only PX is detected within seconds',
    async () => {
      const client = new Redis(redis.url).on('error', () => {})
      await new Promise((resolve) => client.once('ready', resolve))
      const wrapper = {
        status: 'ready',
        get: (key: string) => client.get(key),
        set: (key: string, value: string, _: 'PX', ms: number, nx?: 'NX') =>
          nx === undefined ? client.set(key, value) : client.set(key, value, 'PX', ms, nx),
        del: (key: string) => client.del(key),
      }
      const store = createRedisStore(wrapper)
      await store.claim('a', '1', 60)
      await expect.poll(() => refusal(store.get('a')), { timeout: 10_000 }).toMatch(/did not end/)
      client.disconnect()
    },
    15_000,
  )
})

describe(`a client that returns buffers${reason}`, () => {
  run('works', async () => {
    const redis = await startRedis()
    const client = createClient({ url: redis.url }).on('error', () => {})
    await client.connect()
    const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
    const store = createRedisStore(buffers as unknown as RedisClient)
    await store.put('a', 'Grüße', 60)
    expect(await store.get('a')).toBe('Grüße')
    client.destroy()
    await redis.stop()
  })
})

const refusal = (answer: unknown): Promise<unknown> =>
  Promise.resolve(answer).then(
    () => undefined,
    (error: Error) => error.message,
  )

/** Shortens all lifetimes, as if time had passed; keys with no time left are deleted. */
async function shorten(redis: TestRedis, seconds: number): Promise<void> {
  const client = new Redis(redis.url)
  for (const key of await client.keys('countersign:*')) {
    await client.pexpire(key, (await client.pttl(key)) - seconds * 1000)
  }
  client.disconnect()
}
