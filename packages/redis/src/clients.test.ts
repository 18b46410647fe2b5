import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { describe, expect, it, vi } from 'vitest'
import { type Commands, commandsOf } from './clients.js'
import { createRedisStore, type RedisClient } from './index.js'

const nodeRedis = (members: object = {}) => ({
  isOpen: true,
  isReady: true,
  get: vi.fn(async () => null as unknown),
  set: vi.fn(async () => 'OK' as unknown),
  del: vi.fn(async () => 0 as unknown),
  ...members,
})
const ioredis = (members: object = {}) => ({
  status: 'ready',
  get: vi.fn(async () => null as unknown),
  set: vi.fn(async () => 'OK' as unknown),
  del: vi.fn(async () => 0 as unknown),
  ...members,
})

describe('the commands', () => {
  it('are those of node-redis', async () => {
    const client = nodeRedis()
    const commands = commandsOf(client) as Commands
    await commands.set('a', '1', 1500)
    await commands.setIfAbsent('b', '1', 2000)
    await commands.get('c')
    await commands.del('d')
    expect(client.set.mock.calls).toEqual([
      ['a', '1', { expiration: { type: 'PX', value: 1500 } }],
      ['b', '1', { expiration: { type: 'PX', value: 2000 }, condition: 'NX' }],
    ])
    expect(client.get.mock.calls).toEqual([['c']])
    expect(client.del.mock.calls).toEqual([['d']])
  })

  it('are those of ioredis', async () => {
    const client = ioredis()
    const commands = commandsOf(client) as Commands
    await commands.set('a', '1', 1500)
    await commands.setIfAbsent('b', '1', 1)
    expect(client.set.mock.calls).toEqual([
      ['a', '1', 'PX', 1500],
      ['b', '1', 'PX', 1, 'NX'],
    ])
  })
})

describe('reads of many keys', () => {
  it('are one MGET with every client', async () => {
    const mGet = vi.fn(async () => ['1', null])
    const client = nodeRedis({ mGet })
    expect(await commandsOf(client)?.getMany?.(['a', 'b'])).toEqual(['1', null])
    expect(mGet.mock.calls).toEqual([[['a', 'b']]])
    const mget = vi.fn(async () => ['1', null])
    expect(await commandsOf(ioredis({ mget }))?.getMany?.(['a', 'b'])).toEqual(['1', null])
    expect(mget.mock.calls).toEqual([[['a', 'b']]])
  })

  it.each([
    ['a cluster of node-redis', nodeRedis({ masters: [], mGet() {} })],
    ['a cluster of ioredis', ioredis({ isCluster: true, mget() {} })],
    ['a client of ours without it', ioredis()],
  ])('are as many GETs through %s', (_, client) => {
    expect(commandsOf(client)?.getMany).toBe(undefined)
  })
})

describe('a client that is not connected', () => {
  it.each([
    ['node-redis, reconnecting', nodeRedis({ isReady: false })],
    ['a closed node-redis cluster', nodeRedis({ isOpen: false, isReady: undefined })],
    ['ioredis, reconnecting', ioredis({ status: 'reconnecting' })],
    ['ioredis, ended', ioredis({ status: 'end' })],
  ])('%s: nothing is sent', async (_, client) => {
    await expect(createRedisStore(client).get('a')).rejects.toThrow('the Redis client is not connected')
    for (const command of [client.get, client.set, client.del]) expect(command).not.toHaveBeenCalled()
  })

  it('is used anyway if its first command connects', async () => {
    const client = ioredis({ status: 'wait' })
    await expect(createRedisStore(client).get('a')).rejects.toThrow()
    expect(client.set).toHaveBeenCalled()
  })
})

const hangs = () => new Promise(() => {})

describe('a command without an answer', () => {
  it('ends in time', async () => {
    // Nothing else in this process: sockets of other tests use immediates and intervals.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const store = createRedisStore(nodeRedis({ get: hangs, set: hangs }), { timeout: 40 })
    const answer = expect(store.claim('a', '1', 1)).rejects.toThrow('Redis gave no answer within 40 ms')
    await vi.advanceTimersByTimeAsync(40)
    await answer
    const read = expect(store.get('a')).rejects.toThrow('Redis gave no answer within 40 ms')
    await vi.advanceTimersByTimeAsync(40)
    await read
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })
})

describe('a client that does not read from the primary', () => {
  const cached = { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 10 } } as const
  const sentinel = { name: 'it', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] }
  const cluster = { rootNodes: [{ url: 'redis://127.0.0.1:1' }] }
  const lazy = { lazyConnect: true } as const
  it.each<readonly [string, unknown, RegExp]>([
    ['ioredis cluster, replicas', new Cluster([], { ...lazy, scaleReads: 'slave' }), /scaleReads/],
    ['ioredis cluster, all', new Cluster([], { ...lazy, scaleReads: 'all' }), /scaleReads/],
    [
      'ioredis cluster, by choice',
      new Cluster([], { ...lazy, scaleReads: (nodes: Redis[]) => nodes[0] as Redis }),
      /scaleReads/,
    ],
    [
      'ioredis cluster, pipelines',
      new Cluster([], { ...lazy, enableAutoPipelining: true }),
      /AutoPipelining/,
    ],
    ['ioredis, a replica of a sentinel', new Redis({ ...lazy, role: 'slave' }), /role/],
    ['redis cluster, replicas', createCluster({ ...cluster, useReplicas: true }), /useReplicas/],
    ['redis, cache', createClient(cached), /clientSideCache/],
    ['redis with a type mapping, cache', createClient(cached).withTypeMapping({}), /clientSideCache/],
    ['redis pool, cache', createClientPool({ RESP: 3 }, cached), /clientSideCache/],
    ['redis cluster, cache', createCluster({ ...cluster, ...cached }), /clientSideCache/],
    ['redis sentinel, cache', createSentinel({ ...sentinel, ...cached }), /clientSideCache/],
  ])('%s: is refused', (_, client, option) => {
    expect(() => createRedisStore(client as RedisClient)).toThrow(TypeError)
    expect(() => createRedisStore(client as RedisClient)).toThrow(option)
  })

  it('is distinguished from one that does', () => {
    for (const client of [
      new Cluster([], lazy),
      new Redis(lazy),
      new Redis({ ...lazy, enableAutoPipelining: true }),
      createClient(),
      createClientPool(),
      createCluster(cluster),
      createSentinel(sentinel),
    ]) {
      expect(() => createRedisStore(client as unknown as RedisClient)).not.toThrow()
    }
  })
})

describe('createRedisStore', () => {
  it.each([null, {}, { get() {}, set() {}, del() {} }, 'redis://127.0.0.1'])('refuses %o', (client) => {
    expect(() => createRedisStore(client as unknown as RedisClient)).toThrow(/^client: /)
  })

  it('refuses options that make no sense', () => {
    expect(() => createRedisStore(ioredis(), { prefix: 'a b' })).toThrow(/^option prefix: /)
    expect(() => createRedisStore(ioredis(), { timeout: 0 })).toThrow(/^option timeout: /)
    for (const replicas of [-1, 1.5, 17, '1' as unknown as number]) {
      expect(() => createRedisStore(ioredis({ pipeline() {} }), { replicas })).toThrow(/^option replicas: /)
    }
  })

  it('includes the key prefix of a cluster: with empty braces, no tag keeps keys together', () => {
    const rootNodes = [{ url: 'redis://127.0.0.1:1' }]
    for (const [keyPrefix, fits] of [
      ['{}', false],
      ['shop:', true],
    ] as const)
      for (const client of [
        createCluster({ rootNodes, keyPrefix }),
        new Cluster([], { lazyConnect: true, keyPrefix }),
        new Cluster([], { lazyConnect: true, redisOptions: { keyPrefix } }),
      ]) {
        const create = () => createRedisStore(client as unknown as RedisClient)
        if (fits) expect(create).not.toThrow()
        else expect(create).toThrow(/^option prefix: /)
      }
  })

  it('refuses replicas for a client with several connections, or without a pipeline', () => {
    const pool = createClientPool({ url: 'redis://127.0.0.1:1' })
    expect(() => createRedisStore(pool as unknown as RedisClient, { replicas: 1 })).toThrow(/not a pool/)
    expect(() => createRedisStore(ioredis(), { replicas: 1 })).toThrow(/^option replicas: /)
  })
})
