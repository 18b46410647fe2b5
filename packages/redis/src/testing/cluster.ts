import { Redis } from 'ioredis'
import { vi } from 'vitest'
import { startRedis, type TestRedis } from './redis-server.js'

/** Three primaries, and a replica of each. */
export interface TestCluster {
  readonly primaries: readonly TestRedis[]
  stop(): Promise<void>
}

const shards = 3
const slots = 16_384

/** Starts a cluster that takes a node for failed after a second. */
export async function startCluster(): Promise<TestCluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
  const announced = ['--cluster-announce-ip', '127.0.0.1', '--cluster-require-full-coverage', 'no']
  const nodes = await Promise.all(
    Array.from({ length: 2 * shards }, () => startRedis(...settings, ...announced)),
  )
  const clients = nodes.map(({ url }) => new Redis(url))
  const [first] = clients as [Redis]
  for (const [index, client] of clients.entries()) {
    // A part of the epoch for each, or they would have to find one first.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    if (index >= shards) continue
    const [from, to] = [index, index + 1].map((shard) => Math.floor((shard * slots) / shards)) as [
      number,
      number,
    ]
    await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to - 1))
  }
  for (const { port } of nodes.slice(1)) await first.call('CLUSTER', 'MEET', '127.0.0.1', String(port))
  const everywhere = (said: string): Promise<unknown> =>
    vi.waitUntil(
      async () => {
        const infos = await Promise.all(clients.map((client) => client.call('CLUSTER', 'INFO')))
        return infos.every((info) => String(info).includes(said))
      },
      { timeout: 40_000, interval: 50 },
    )
  await everywhere(`cluster_known_nodes:${nodes.length}`)
  for (const [index, client] of clients.entries()) {
    if (index < shards) continue
    const primary = String(await clients[index - shards]?.call('CLUSTER', 'MYID'))
    await vi.waitUntil(
      () =>
        client.call('CLUSTER', 'REPLICATE', primary).then(
          () => true,
          () => false,
        ),
      { timeout: 30_000 },
    )
  }
  await everywhere('cluster_state:ok')
  await vi.waitUntil(
    async () => {
      const infos = await Promise.all(clients.slice(0, shards).map((client) => client.info('replication')))
      return infos.every((info) => info.includes('state=online'))
    },
    { timeout: 40_000 },
  )
  for (const client of clients) client.disconnect()
  return {
    primaries: nodes.slice(0, shards),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.kill()))
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}
