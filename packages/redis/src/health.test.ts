import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type AAuthEvent, createResourceServer, type ResourceServer } from '@countersign/core'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRedisStore } from './index.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'

describe.runIf(redisBinary !== undefined || required)('the health of a server with a Redis', () => {
  let redis: TestRedis
  let operator: Redis
  let events: AAuthEvent[]
  const closing: (() => unknown)[] = []

  beforeEach(async () => {
    events = []
    redis = await startRedis('--enable-protected-configs', 'yes', '--repl-ping-replica-period', '1')
    operator = new Redis(redis.url)
    closing.push(() => operator.disconnect())
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
    // A server that cannot save does not end when told to.
    await redis.kill()
    await redis.stop()
  })

  const open = async (kind: 'redis' | 'ioredis'): Promise<ResourceServer> => {
    const server = createResourceServer({
      resource: 'https://rs.example',
      store: createRedisStore(await connect(kind)),
      onEvent: (event) => void events.push(event),
    })
    closing.push(() => server.close())
    return server
  }
  const connect = async (kind: 'redis' | 'ioredis') => {
    if (kind === 'redis') {
      const client = createClient({ url: redis.url }).on('error', () => {})
      closing.push(() => client.destroy())
      return client.connect()
    }
    const client = new Redis(redis.url).on('error', () => {})
    closing.push(() => client.disconnect())
    await new Promise((resolve) => client.once('ready', resolve))
    return client
  }
  const told = (): string[] =>
    events.flatMap((event) =>
      event.name === 'store-failed' || event.name === 'store-recovered'
        ? [`${event.name} ${event.operation}`]
        : [],
    )

  const refusals: Readonly<Record<string, { begin(): unknown; end(): unknown; reason: RegExp }>> = {
    'that has become a replica (READONLY)': {
      begin: () => operator.replicaof('127.0.0.1', 1),
      end: () => operator.replicaof('NO', 'ONE'),
      reason: /READONLY/,
    },
    'that is out of memory (OOM)': {
      begin: () => operator.config('SET', 'maxmemory', '1'),
      end: () => operator.config('SET', 'maxmemory', '0'),
      reason: /out of memory/,
    },
    'that cannot write to its disk (MISCONF)': {
      begin: async () => {
        const [, directory] = (await operator.config('GET', 'dir')) as [string, string]
        mkdirSync(join(directory, 'no-file'))
        await operator.config('SET', 'dbfilename', 'no-file')
        await operator.config('SET', 'save', '3600 1')
        await operator.bgsave()
        await vi.waitUntil(
          async () => (await operator.info('persistence')).includes('rdb_last_bgsave_status:err'),
          { timeout: 20_000 },
        )
      },
      end: () => operator.config('SET', 'stop-writes-on-bgsave-error', 'no'),
      reason: /MISCONF/,
    },
    'without the replicas it needs (NOREPLICAS)': {
      begin: () => operator.config('SET', 'min-replicas-to-write', '1'),
      end: () => operator.config('SET', 'min-replicas-to-write', '0'),
      reason: /NOREPLICAS/,
    },
  }
  for (const [name, { begin, end, reason }] of Object.entries(refusals)) {
    it.each(['redis', 'ioredis'] as const)(`%s, ${name}: reads are up, writes are down`, async (kind) => {
      const server = await open(kind)
      expect(await server.health()).toMatchObject({ ok: true, store: { state: 'up' } })
      await begin()
      for (let times = 0; times < 3; times++) {
        const { ok, store } = await server.health()
        expect(ok).toBe(false)
        expect(store).toMatchObject({ state: 'down', reads: { state: 'up' }, writes: { state: 'down' } })
        expect(store.writes.last?.reason).toMatch(reason)
        expect(store.latency).toBe(undefined)
        await server.revocations.has({ iss: 'https://ps.example', jti: 'any' })
      }
      expect(told()).toEqual(['store-failed write'])
      await end()
      expect(await server.health()).toMatchObject({ ok: true, store: { state: 'up' } })
      expect(told()).toEqual(['store-failed write', 'store-recovered write'])
    })
  }

  it('that refuses writes when the server starts: reads are answered, and it is healthy once writes are accepted', async () => {
    await operator.replicaof('127.0.0.1', 1)
    const server = await open('ioredis')
    expect(await server.revocations.has({ iss: 'https://ps.example', jti: 'any' })).toBe(false)
    expect((await server.health()).ok).toBe(false)
    await operator.replicaof('NO', 'ONE')
    await expect.poll(async () => (await server.health()).ok, { timeout: 20_000 }).toBe(true)
  })

  it('includes the store of used signatures, for which only being full is no failure', async () => {
    const failing = { get: async () => undefined, put: down, claim: down, delete: down }
    const server = createResourceServer({ resource: 'https://rs.example', replayStore: failing })
    expect(await server.health()).toMatchObject({ ok: false, replayStore: { writes: { state: 'down' } } })
    server.close()
    await operator.config('SET', 'maxmemory', '1')
    const full = createResourceServer({
      resource: 'https://rs.example',
      replayStore: createRedisStore(await connect('redis')),
    })
    expect(await full.health()).toMatchObject({
      ok: true,
      replayStore: { writes: { last: { fault: 'full' } } },
    })
    full.close()
  })
})

const down = async (): Promise<never> => {
  throw new Error('connection refused')
}
