import { describe, expect, it, vi } from 'vitest'
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
    const store = createRedisStore(client)
    await store.put('a', '1', 1.5)
    await store.claim('b', '1', 2)
    await store.get('c')
    await store.delete('d')
    expect(client.set.mock.calls).toEqual([
      ['countersign:a', '1', { expiration: { type: 'PX', value: 1500 } }],
      ['countersign:b', '1', { expiration: { type: 'PX', value: 2000 }, condition: 'NX' }],
    ])
    expect(client.get.mock.calls).toEqual([['countersign:c']])
    expect(client.del.mock.calls).toEqual([['countersign:d']])
  })

  it('are those of ioredis', async () => {
    const client = ioredis()
    const store = createRedisStore(client, { prefix: '' })
    await store.put('a', '1', 1.5)
    await store.claim('b', '1', 0.0001)
    expect(client.set.mock.calls).toEqual([
      ['a', '1', 'PX', 1500],
      ['b', '1', 'PX', 1, 'NX'],
    ])
  })

  it('take buffers for an answer, where the client is set up to give them', async () => {
    const client = nodeRedis({ get: async () => Buffer.from('Grüße') })
    expect(await createRedisStore(client).get('a')).toBe('Grüße')
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
    expect(client.get).not.toHaveBeenCalled()
  })

  it('is asked all the same where its first command makes the connection', async () => {
    expect(await createRedisStore(ioredis({ status: 'wait' })).get('a')).toBe(undefined)
  })
})

describe('a command without an answer', () => {
  it('ends in time', async () => {
    vi.useFakeTimers()
    const store = createRedisStore(nodeRedis({ get: () => new Promise(() => {}) }), { timeout: 40 })
    const answer = expect(store.get('a')).rejects.toThrow('Redis gave no answer within 40 ms')
    await vi.advanceTimersByTimeAsync(40)
    await answer
    vi.useRealTimers()
  })
})

describe('createRedisStore', () => {
  it.each([null, {}, { get() {}, set() {}, del() {} }, 'redis://127.0.0.1'])('refuses %o', (client) => {
    expect(() => createRedisStore(client as unknown as RedisClient)).toThrow(/^client: /)
  })

  it('refuses options that make no sense', () => {
    expect(() => createRedisStore(ioredis(), { prefix: 'a b' })).toThrow(/^option prefix: /)
    expect(() => createRedisStore(ioredis(), { timeout: 0 })).toThrow(/^option timeout: /)
  })
})
