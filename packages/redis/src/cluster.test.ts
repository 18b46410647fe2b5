import { type AAuthEvent, createResourceServer, type ResourceServer } from '@countersign/core'
import { Redis } from 'ioredis'
import { createCluster as createCluster5 } from 'redis5'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type OpenStore, storeContract } from '../../core/src/store/store-contract.js'
import { createRedisStore, type RedisClient } from './index.js'
import { clusterClients, startCluster, type TestCluster } from './testing/cluster.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const required = process.env['COUNTERSIGN_REDIS'] === 'required'

// One node with all slots. It refuses what every cluster refuses: commands over several keys, keys for the wrong slot.
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

  for (const [name, connect] of Object.entries(clusterClients)) {
    describe(`through ${name}`, () => {
      const open = async (): Promise<OpenStore> => {
        const { client, close } = await connect([redis.port])
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

// Three primaries with a replica each; one primary is killed, and its replica takes over.
describe.runIf(redisBinary !== undefined || required)('a store in a cluster with a failing primary', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster(1)
  }, 90_000)
  afterAll(async () => cluster?.stop())

  it('serves keys on the other shards meanwhile, finds the new primary, and loses no acknowledged write', async () => {
    const [first] = cluster.primaries as [TestRedis]
    const opened = await Promise.all(
      Object.values(clusterClients).map((connect) => connect(cluster.primaries.map(({ port }) => port))),
    )
    const events: AAuthEvent[] = []
    const servers = opened.map(({ client }) =>
      createResourceServer({
        resource: 'https://rs.example',
        store: createRedisStore(client, { replicas: 1 }),
        onEvent: (event) => void events.push(event),
      }),
    )
    const tokens = Array.from({ length: 60 }, (_, index) => ({
      iss: 'https://ps.example',
      jti: `token-${index}`,
      exp: Math.floor(Date.now() / 1000) + 3600,
    }))
    // Writes that a busy replica has not confirmed in time are repeated, as issuers do.
    const record = (server: ResourceServer, token: (typeof tokens)[number]): Promise<unknown> =>
      expect
        .poll(() => Promise.resolve(server.revocations.record(token)).then(...outcome), {
          timeout: 30_000,
          interval: 20,
        })
        .toBe('done')
    for (const [index, token] of tokens.entries()) await record(servers[index % 2] as ResourceServer, token)
    for (const server of servers)
      await expect.poll(async () => (await server.health()).ok, { timeout: 30_000, interval: 20 }).toBe(true)

    await first.kill()
    const known = (server: ResourceServer): Promise<unknown[]> =>
      Promise.all(
        tokens.map(async (token) =>
          Promise.resolve(server.revocations.has(token)).catch((error: Error) => `refused: ${error.message}`),
        ),
      )
    for (const server of servers) {
      const { ok, store } = await server.health()
      expect(ok).toBe(false)
      expect(store.state).toBe('down')
      const answers = await known(server)
      expect(answers).not.toContain(false)
      // The other shards still work.
      expect(answers.filter((answer) => answer === true).length).toBeGreaterThan(20)
    }

    // As often as a busy server reads.
    for (const server of servers) {
      let answers: readonly unknown[] = []
      await vi
        .waitUntil(
          async () => {
            answers = await known(server)
            expect(answers).not.toContain(false)
            return answers.every((answer) => answer === true)
          },
          { timeout: 60_000, interval: 50 },
        )
        .catch(() => expect(answers.filter((answer) => answer !== true)).toEqual([]))
    }
    // A failover to a complete replica is no loss.
    expect(events.filter(({ name }) => name === 'store-restored')).toEqual([])
    for (const server of servers) server.close()
    for (const { close } of opened) close()
  }, 300_000)

  it('is refused through redis 5, whose cluster client never recovers', () => {
    const client = createCluster5({ rootNodes: [{ url: `redis://127.0.0.1:${cluster.primaries[0]?.port}` }] })
    expect(() => createRedisStore(client as unknown as RedisClient)).toThrow(/^client: a cluster of redis 5/)
  })
})

const outcome = [() => 'done', (error: Error) => error.message] as const

/** Shortens all lifetimes, as if time had passed. */
async function shorten(redis: TestRedis, seconds: number): Promise<void> {
  const client = new Redis(redis.url)
  for (const key of await client.keys('countersign:*')) {
    await client.pexpire(key, (await client.pttl(key)) - seconds * 1000)
  }
  client.disconnect()
}
