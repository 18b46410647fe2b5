import { Cluster, Redis } from 'ioredis'
import { createCluster } from 'redis'
import { vi } from 'vitest'
import type { Connected } from './clients.js'
import { startRedis, type TestRedis } from './redis-server.js'

/** Three primaries, each with a third of the slots. */
export interface TestCluster {
  readonly primaries: readonly TestRedis[]
  stop(): Promise<void>
}

const shards = 3
const slots = 16_384

/** The primary that has a slot when the cluster starts. */
export const shardOf = (slot: number): number => Math.floor((slot * shards) / slots)

/** Clients of a cluster as applications create them, by the ports of its nodes. */
export const clusterClients: Readonly<Record<string, (ports: readonly number[]) => Promise<Connected>>> = {
  'redis 6': async (ports) => {
    const client = createCluster({
      // All of them, so that a node that was down is found again through the others.
      rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })),
      topologyRefreshOnReconnectionAttemptStrategy: 1000,
    }).on('error', () => {})
    await client.connect()
    return { client, close: () => client.destroy() }
  },
  ioredis: async (ports) => {
    const client = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port }))).on('error', () => {})
    await new Promise((resolve) => client.once('ready', resolve))
    return { client, close: () => client.disconnect() }
  },
}

/** Starts a cluster that considers a node failed after a second, with this number of replicas of each primary. */
export async function startCluster(replicas: 0 | 1, ...more: readonly string[]): Promise<TestCluster> {
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
  const announced = ['--cluster-announce-ip', '127.0.0.1', '--cluster-require-full-coverage', 'no']
  const nodes = await Promise.all(
    Array.from({ length: (1 + replicas) * shards }, () => startRedis(...settings, ...announced, ...more)),
  )
  const clients = nodes.map(({ url }) => new Redis(url))
  const [first] = clients as [Redis]
  for (const [index, client] of clients.entries()) {
    // A configuration epoch for each, or they would have to agree on one first.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    if (index >= shards) continue
    const [from, to] = [index, index + 1].map((shard) => Math.ceil((shard * slots) / shards)) as [
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
      return replicas === 0 || infos.every((info) => info.includes('state=online'))
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
