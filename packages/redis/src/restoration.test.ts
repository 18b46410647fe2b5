import type { Store } from '@countersign/core'
import { Redis } from 'ioredis'
import { describe, expect, it, vi } from 'vitest'
import { createRedisStore, type RedisStore, type RedisStoreOptions } from './index.js'
import { clients } from './testing/clients.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

vi.setConfig({ testTimeout: 120_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const lost = /Redis has lost what it held/
const names = Object.keys(clients)

interface Own {
  readonly redis: TestRedis
  readonly admin: Redis
  open(name?: string, options?: RedisStoreOptions): Promise<RedisStore>
}

describe.runIf(redisBinary !== undefined || required).concurrent('a Redis that came back empty', () => {
  /** A separate Redis without persistence for each test, because they run at the same time. */
  const alone =
    <T extends readonly unknown[]>(run: (own: Own, ...given: T) => Promise<void>) =>
    async (...given: T): Promise<void> => {
      const redis = await startRedis('--appendonly', 'no')
      const admin = new Redis(redis.url).on('error', () => {})
      const closing: (() => unknown)[] = [() => admin.disconnect()]
      const open = async (name = 'redis 6', options: RedisStoreOptions = {}): Promise<RedisStore> => {
        const { client, close } = await (clients[name] as (typeof clients)[string])(redis.url)
        closing.push(close)
        // Many tests run at the same time, with hundreds of writes at once.
        return createRedisStore(client, { timeout: 1500, ...options })
      }
      try {
        await run({ redis, admin, open }, ...given)
      } finally {
        for (const close of closing) close()
        await redis.stop()
      }
    }
  const outcome = (store: Store, key = 'deny:mark'): Promise<unknown> =>
    Promise.resolve(store.get(key)).catch((error: Error) => error.message)
  /** Repeats a read until it is answered. @returns the error messages before that */
  const until = async (store: Store, key = 'other'): Promise<unknown[]> => {
    const answers: unknown[] = []
    const isServed = async (): Promise<boolean> => {
      const answer = await outcome(store, key)
      if (typeof answer === 'string' && answer.includes(' ')) answers.push(answer)
      else return true
      return false
    }
    await vi.waitUntil(isServed, { timeout: 40_000, interval: 50 })
    return answers
  }
  /** The result of the first claim that gets one: the test of its store may have begun before the restoration. */
  const claimed = async (store: Store, key: string, value = '1'): Promise<boolean> => {
    let answer: unknown
    const isAnswered = async (): Promise<boolean> => {
      answer = await Promise.resolve(store.claim(key, value, 60)).catch((error: Error) => error.message)
      return typeof answer === 'boolean'
    }
    await vi.waitUntil(isAnswered, { timeout: 40_000, interval: 50 })
    return answer as boolean
  }
  for (const name of names)
    it.each([
      ['flushed', (_: TestRedis, admin: Redis) => admin.flushall()],
      ['restarted', (redis: TestRedis) => redis.kill().then(() => redis.start())],
    ])(
      `${name}: %s, each process writes back its entries, and it is used again automatically`,
      alone(
        async (
          { redis, admin, open },
          _: string,
          empty: (redis: TestRedis, admin: Redis) => Promise<unknown>,
        ) => {
          const [here, there] = [await open(name), await open(name)]
          await here.put('revoked:a', '1900000000', 60)
          await there.put('deny:token:b', '1900000000', 120)
          await there.put('pending:c', '{}', 60)
          expect(await there.claim('replay:d', '1', 60)).toBe(true)
          for (const store of [here, there]) expect(await outcome(store, 'revoked:a')).toBe('1900000000')
          await empty(redis, admin)
          const late = await open(name)
          // It refuses as soon as a process that knew the epoch reads it, which happens regularly.
          await vi.waitFor(async () => expect(await admin.get('countersign:epoch')).toMatch(/^restoring:/), {
            timeout: 20_000,
          })
          const refused = await Promise.all([until(here), until(there), until(late)])
          for (const answers of refused) expect(answers.join('\n')).toMatch(/being written back/)
          for (const store of [here, there, late]) {
            expect(await outcome(store, 'revoked:a')).toBe('1900000000')
            expect(await outcome(store, 'deny:token:b')).toBe('1900000000')
            // Entries that grant something are gone, because they might have ended.
            expect(await outcome(store, 'pending:c')).toBe(undefined)
            expect(await claimed(store, 'replay:d')).toBe(false)
          }
          expect(await admin.pttl('countersign:revoked:a')).toBeLessThanOrEqual(58_000)
          expect(await admin.pttl('countersign:deny:token:b')).toBeGreaterThan(90_000)
          // And again.
          await admin.flushall()
          expect(await outcome(here)).toMatch(lost)
          await until(late)
          expect(await outcome(late, 'revoked:a')).toBe('1900000000')
        },
      ),
    )

  it(
    'is detected and restored without any request',
    alone(async ({ admin, open }) => {
      const store = await open()
      await store.put('revoked:a', '1900000000', 60)
      await store.get('a')
      await admin.flushall()
      await vi.waitFor(async () => expect(await admin.get('countersign:revoked:a')).toBe('1900000000'), {
        timeout: 20_000,
      })
      const epoch = (await admin.get('countersign:epoch')) as string
      expect(epoch).toMatch(/^restoring:/)
      await vi.waitFor(
        async () => expect(await admin.get(`countersign:epoch:${epoch.slice(10)}`)).toBe('1'),
        { timeout: 20_000 },
      )
    }),
  )

  it(
    'is detected even if a process that knew no epoch was the first to read',
    alone(async ({ admin, open }) => {
      const [here, there] = [await open('redis 6'), await open('ioredis')]
      await here.put('revoked:a', '1900000000', 60)
      await there.get('a')
      await admin.multi().flushall().set('countersign:epoch', 'new:by somebody else', 'PX', 60_000).exec()
      expect(await outcome(there)).toMatch(lost)
      await until(there)
      expect(await outcome(there, 'revoked:a')).toBe('1900000000')
    }),
  )

  it.each([
    ['redis 6', 'ioredis'],
    ['ioredis', 'redis 5'],
  ])(
    '%s and %s: of two end times the later counts, and two different marks become a new one',
    alone(async ({ admin, open }, first: string, second: string) => {
      const [here, there] = [await open(first), await open(second)]
      const mark = (n: number): string => `mark-${'x'.repeat(16)}-${n}`
      await here.put('deny:token:a', '1900000000', 60)
      await here.put('deny:mark', mark(1), 60)
      await there.put('deny:token:a', '1900009000', 600)
      await there.put('deny:mark', mark(2), 60)
      await here.put('session-ended:user:a', mark(3), 60)
      for (const store of [here, there]) await store.get('a')
      await admin.flushall()
      await Promise.all([outcome(here), outcome(there)])
      await Promise.all([until(here), until(there)])
      expect(await outcome(here, 'deny:token:a')).toBe('1900009000')
      expect(await admin.pttl('countersign:deny:token:a')).toBeGreaterThan(500_000)
      const after = (await outcome(here, 'deny:mark')) as string
      expect([mark(1), mark(2), undefined]).not.toContain(after)
      expect(await outcome(there, 'session-ended:user:a')).toBe(mark(3))
    }),
  )

  it.each([
    ['redis 6', 'ioredis'],
    ['ioredis', 'redis 5'],
  ])(
    '%s and %s: of two versions the later counts, whichever is written back first',
    alone(async ({ admin, open }, first: string, second: string) => {
      const [here, there] = [await open(first), await open(second)]
      const keys = ['deny:token:a', 'deny:token:b']
      // Each has written the latest version of one key: a denial, and its removal.
      for (const [key, one, two] of [
        [keys[0], here, there],
        [keys[1], there, here],
      ] as const) {
        await one?.put(key as string, '1 row 1900000000', 60)
        await two?.claim(`${key}:row:2`, 'lifted', 60)
        await two?.put(key as string, '2 row lifted', 60)
        await one?.claim(`${key}:row:3`, '1900000000', 600)
        await one?.put(key as string, '3 row 1900000000', 600)
        await two?.claim(`${key}:row:10`, 'lifted', 60)
        await two?.put(key as string, '10 row lifted', 60)
      }
      for (const store of [here, there]) await store.get('a')
      await admin.flushall()
      await Promise.all([outcome(here), outcome(there)])
      await Promise.all([until(here), until(there)])
      for (const key of keys) {
        expect(await outcome(here, key)).toBe('10 row lifted')
        expect(await outcome(there, `${key}:row:3`)).toBe('1900000000')
        expect(await outcome(there, `${key}:row:10`)).toBe('lifted')
      }
    }),
  )

  it.each([
    ['redis 6', 'ioredis'],
    ['ioredis', 'redis 5'],
  ])(
    '%s and %s: one that was cut off for the whole time takes nothing back that was said since, in a series of its own',
    alone(async ({ admin, open }, first: string, second: string) => {
      const [here, there] = [await open(first), await open(second)]
      for (const store of [here, there]) await store.get('a')
      // What was let go after it had been denied is denied anew, after the loss; and the other way round.
      await there.claim('deny:token:a', '1 before 1900000000', 600)
      await there.claim('deny:token:a:before:2', 'lifted', 600)
      await there.put('deny:token:a', '2 before lifted', 600)
      await there.claim('deny:token:b', '1 before 1900000000', 600)
      const empty = (name: string) =>
        admin
          .multi()
          .flushall()
          .set('countersign:epoch', `restoring:${name}`, 'PX', 600_000)
          .set(`countersign:epoch:${name}`, '1', 'PX', 600_000)
          // As if it had been over, and these been said, before `there` came again.
          .set('countersign:deny:token:a', '1 after 1900000000', 'PX', 600_000)
          .set('countersign:deny:token:b', '1 after lifted', 'PX', 600_000)
          .exec()
      await empty('1')
      await until(here)
      // It knows of them, though they are there already.
      expect(await claimed(here, 'deny:token:a', '1 after 1900000000')).toBe(false)
      expect(await claimed(here, 'deny:token:b', '1 after lifted')).toBe(false)
      const check = async (): Promise<void> => {
        for (const store of [here, there]) {
          await until(store)
          expect(await outcome(store, 'deny:token:a')).toBe('1 after 1900000000')
          expect(await outcome(store, 'deny:token:b')).toBe('1 after lifted')
        }
      }
      await until(there)
      await check()
      // Nor when it is lost once more, and it is the first to write back what it knows.
      await admin.flushall()
      await vi.waitFor(async () => expect(await outcome(there)).toMatch(lost), { timeout: 20_000 })
      await check()
    }),
  )

  it(
    'a process that was cut off all the time writes back its entries before it is served, and changes the mark',
    alone(async ({ admin, open }) => {
      const [here, there] = [await open('redis 6'), await open('ioredis')]
      for (const store of [here, there]) await store.get('a')
      await here.put('deny:mark', `mark-${'x'.repeat(16)}-1`, 60)
      await there.put('revoked:a', '1900000000', 60)
      await there.put('deny:mark', `mark-${'x'.repeat(16)}-2`, 60)
      // As if the restoration had ended before `there` returned, with only the entries of `here`.
      await admin
        .multi()
        .flushall()
        .set('countersign:deny:mark', `mark-${'x'.repeat(16)}-1`, 'PX', 60_000)
        .set('countersign:epoch', 'restoring:1', 'PX', 600_000)
        .set('countersign:epoch:1', '1', 'PX', 600_000)
        .exec()
      expect(await outcome(there, 'revoked:a')).toMatch(lost)
      await until(there)
      expect(await outcome(there, 'revoked:a')).toBe('1900000000')
      expect(await outcome(there, 'deny:mark')).not.toMatch(/^mark-/)
    }),
  )

  it(
    'emptied again during the restoration: it begins again, and nothing is missing',
    alone(async ({ admin, open }) => {
      const [here, there] = [await open('redis 6'), await open('ioredis')]
      await here.put('revoked:a', '1900000000', 60)
      for (const store of [here, there]) await store.get('a')
      await admin.flushall()
      expect(await outcome(there)).toMatch(lost)
      await vi.waitFor(async () => expect(await admin.get('countersign:revoked:a')).toBe('1900000000'), {
        timeout: 20_000,
      })
      const first = await admin.get('countersign:epoch')
      await admin.flushall()
      await Promise.all([until(here), until(there)])
      expect(await admin.get('countersign:epoch')).not.toBe(first)
      for (const store of [here, there]) expect(await outcome(store, 'revoked:a')).toBe('1900000000')
    }),
  )

  it(
    'emptied again, and only a process that knew no epoch is left: it begins again',
    alone(async ({ admin, open }) => {
      await admin.set('countersign:epoch', 'restoring:1', 'PX', 60_000)
      const late = await open()
      expect(await outcome(late)).toMatch(lost)
      await admin.flushall()
      await until(late)
      expect(await outcome(late, 'revoked:a')).toBe(undefined)
    }),
  )

  it(
    'is not used again while somebody who must not be served by it says so (`refuse` beside `restore`)',
    alone(async ({ admin, open }) => {
      const [here, strict] = [await open('redis 6'), await open('ioredis', { emptied: 'refuse' })]
      await here.put('revoked:a', '1900000000', 60)
      for (const store of [here, strict]) await store.get('a')
      await admin.flushall()
      await outcome(here)
      expect(await outcome(strict)).toMatch(/acceptLoss/)
      await vi.waitFor(async () => expect(await admin.get('countersign:epoch')).toBe('lost'), {
        timeout: 20_000,
      })
      expect(await outcome(here)).toMatch(lost)
      await here.acceptLoss()
      for (const store of [here, strict]) await until(store)
    }),
  )

  it(
    'refuses if a revocation was dropped, because it cannot be written back',
    alone(async ({ admin, open }) => {
      const here = await open('redis 6', { journalBytes: 65_536 })
      for (let n = 0; n < 400; n++) await here.put(`revoked:${n}`, '1900000000', 3600)
      await here.get('a')
      await admin.flushall()
      expect(await outcome(here)).toMatch(lost)
      await vi.waitFor(async () => expect(await admin.get('countersign:epoch')).toBe('lost'), {
        timeout: 20_000,
      })
      expect(await outcome(here)).toMatch(/acceptLoss/)
      await here.acceptLoss()
      await until(here)
    }),
  )

  it(
    'waits until dropped used signatures have expired',
    alone(async ({ admin, open }) => {
      const [here, there] = [await open('redis 6', { journalBytes: 65_536 }), await open('ioredis')]
      await Promise.all(Array.from({ length: 400 }, (_, n) => here.claim(`replay:${n}`, '1', 9)))
      const began = performance.now()
      for (const store of [here, there]) await store.get('a')
      await admin.flushall()
      await until(there)
      expect(performance.now() - began).toBeGreaterThan(8000)
      expect(await outcome(there, 'replay:0')).toBe(undefined)
    }),
  )

  it.each(names)(
    '%s: a claim that won because the data was gone does not count, even without a new connection',
    alone(async ({ admin, open }, name: string) => {
      const [here, there] = [await open(name), await open(name)]
      expect(await here.claim('replay:a', '1', 60)).toBe(true)
      await there.get('a')
      await admin.flushall()
      await expect(there.claim('replay:a', '1', 60)).rejects.toThrow(lost)
      await Promise.all([until(here), until(there)])
      for (const store of [here, there]) expect(await claimed(store, 'replay:a')).toBe(false)
    }),
  )

  it(
    'a reading whose answer comes when everything has been written back, and was made before, says nothing',
    alone(async ({ redis, admin }) => {
      await admin.set('countersign:epoch', 'restoring:1', 'PX', 600_000)
      const client = new Redis(redis.url)
      await client.ping()
      try {
        let comes = (): void => {}
        const late = new Promise<void>((resolve) => {
          comes = resolve
        })
        let isRead = (): void => {}
        const wasRead = new Promise<void>((resolve) => {
          isRead = resolve
        })
        const mget = client.mget.bind(client) as (keys: string[]) => Promise<(string | null)[]>
        const read = async (keys: string[]): Promise<(string | null)[]> => {
          const values = await mget(keys)
          if (keys.includes('countersign:revoked:a')) {
            isRead()
            await late
          }
          return values
        }
        // As over a slow connection.
        const store = createRedisStore(Object.assign(client, { mget: read }) as never, { timeout: 30_000 })
        const answer = outcome(store, 'revoked:a')
        await Promise.race([wasRead, answer])
        await admin.set('countersign:revoked:a', '1900000000', 'PX', 600_000)
        await admin.set('countersign:epoch:1', '1', 'PX', 600_000)
        await until(store)
        comes()
        expect(await answer).not.toBe(undefined)
        await until(store)
        expect(await outcome(store, 'revoked:a')).toBe('1900000000')
      } finally {
        client.disconnect()
      }
    }),
  )

  it(
    'gets back what a process has been told that was recorded already, though whoever had recorded it has ended',
    alone(async ({ redis, admin, open }) => {
      const first = new Redis(redis.url)
      await first.ping()
      const [ending, here] = [createRedisStore(first), await open('redis 6')]
      const keys = ['revoked:a', 'deny:token:b', 'revoked:c']
      for (const key of keys) expect(await ending.claim(key, '1900000000', 600)).toBe(true)
      for (const key of keys.slice(0, 2)) expect(await here.claim(key, '1900000000', 600)).toBe(false)
      expect(await here.claim('revoked:c', '1800000000', 600)).toBe(false)
      first.disconnect()
      await admin.flushall()
      await vi.waitFor(async () => expect(await outcome(here)).toMatch(lost), { timeout: 20_000 })
      await until(here)
      for (const key of keys.slice(0, 2)) expect(await outcome(here, key)).toBe('1900000000')
      // What was said otherwise was not this one's to know.
      expect(await outcome(here, 'revoked:c')).toBe(undefined)
    }),
  )

  it(
    'reports how many entries were written back',
    alone(async ({ admin, open }) => {
      const store = await open()
      const told: number[] = []
      store.onRestored?.((entries) => told.push(entries))
      await store.put('revoked:a', '1900000000', 60)
      await store.put('revoked:b', '1900000000', 60)
      await store.get('a')
      await admin.flushall()
      await until(store)
      expect(told).toEqual([2])
    }),
  )

  it(
    'checks its options',
    alone(async ({ open }) => {
      await expect(open('ioredis', { emptied: 'wait' as 'refuse' })).rejects.toThrow(/^option emptied: /)
      for (const journalBytes of [0, 65_535, 1e6 + 0.5, '1' as unknown as number])
        await expect(open('ioredis', { journalBytes })).rejects.toThrow(/^option journalBytes: /)
    }),
  )
})
