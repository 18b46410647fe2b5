import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import { type OpenStore, storeContract } from '../../core/src/store/store-contract.js'
import { createRedisStore, type RedisClient } from './index.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const required = process.env['COUNTERSIGN_REDIS'] === 'required'

interface Connected {
  readonly client: RedisClient
  close(): unknown
}

const clients: Readonly<Record<string, (port: number) => Promise<Connected>>> = {
  'redis 6': async (port) => {
    const client = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] }).on('error', () => {})
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  ioredis: async (port) => {
    const client = new Cluster([{ host: '127.0.0.1', port }]).on('error', () => {})
    await new Promise((resolve) => client.once('ready', resolve))
    return { client, close: () => client.disconnect() }
  },
}

// One node with all slots: what a cluster refuses (commands over several keys, keys sent to the wrong slot), it refuses.
describe.runIf(redisBinary !== undefined || required)('a store in a cluster', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1')
    const client = new Redis(redis.url)
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await vi.waitUntil(async () => String(await client.cluster('INFO')).includes('cluster_state:ok'), {
      timeout: 20_000,
    })
    client.disconnect()
  }, 30_000)
  afterAll(async () => redis?.stop())

  for (const [name, connect] of Object.entries(clients)) {
    describe(`through ${name}`, () => {
      const open = async (): Promise<OpenStore> => {
        const { client, close } = await connect(redis.port)
        return {
          store: createRedisStore(client),
          pass: (seconds) => shorten(redis, seconds),
          close: () => void close(),
        }
      }
      for (const { name: title, run } of storeContract({ open })) it(title, run)
    })
  }
})

/** As if time had passed. */
async function shorten(redis: TestRedis, seconds: number): Promise<void> {
  const client = new Redis(redis.url)
  for (const key of await client.keys('countersign:*')) {
    await client.pexpire(key, (await client.pttl(key)) - seconds * 1000)
  }
  client.disconnect()
}
