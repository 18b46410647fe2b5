import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createRedisStore, type RedisStore } from './index.js'
import { partsOf } from './parts.js'
import { slotOf } from './slot.js'
import { clusterClients, shardOf, startCluster, type TestCluster } from './testing/cluster.js'
import { redisBinary } from './testing/redis-server.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'

describe.runIf(redisBinary !== undefined || required)('a cluster with moving slots', () => {
  let cluster: TestCluster
  let admins: readonly Redis[]
  let ids: readonly string[]
  // The slot is the same for every prefix.
  let owner: number | undefined
  beforeAll(async () => {
    cluster = await startCluster(0)
    admins = cluster.primaries.map(({ url }) => new Redis(url))
    ids = await Promise.all(admins.map(async (admin) => String(await admin.call('CLUSTER', 'MYID'))))
  })
  afterAll(async () => {
    for (const admin of admins ?? []) admin.disconnect()
    await cluster?.stop()
  })

  it.each(Object.entries(clusterClients))(
    '%s: no key is missed, none counts as lost, and none is claimed twice',
    async (name, connect) => {
      const prefix = `${name.replace(' ', '-')}:`
      const { prefixes, of } = partsOf(prefix, true)
      const opened = await Promise.all([1, 2].map(() => connect(cluster.primaries.map(({ port }) => port))))
      const stores = opened.map(({ client }) => createRedisStore(client, { prefix, timeout: 1500 })) as [
        RedisStore,
        RedisStore,
      ]
      // The part of the marks, with other entries in it.
      const slot = slotOf(prefixes[0] as string)
      const keys = Array.from({ length: 2000 }, (_, number) => `revoked:${number}`).filter(
        (key) => of(key) === 0,
      )
      const used = keys.map((key) => key.replace('revoked', 'replay')).filter((key) => of(key) === 0)
      const marks = ['deny:mark', 'revoked:mark']
      for (const key of [...marks, ...keys]) await stores[0].put(key, '1900000000', 600)
      for (const key of used) expect(await stores[1].claim(key, '1', 600)).toBe(true)
      const restored = vi.fn()
      for (const store of stores) store.onRestored?.(restored)
      const look = async (): Promise<void> => {
        for (const store of stores) {
          const asked = [...marks, ...keys.slice(0, 20)]
          // Including missing keys, which the server that gives the slot away takes for moved.
          const values = await store.getMany?.([...asked, 'revoked:never'])
          expect(values?.slice(0, -1)).toEqual(asked.map(() => '1900000000'))
          expect(values?.at(-1)).toBe(undefined)
          for (const key of used.slice(0, 3)) expect(await store.claim(key, '1', 600)).toBe(false)
        }
      }
      await look()
      const from = owner ?? shardOf(slot)
      const to = (from + 1) % 3
      owner = to
      const [source, target] = [admins[from], admins[to]] as [Redis, Redis]
      await target.call('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', ids[from] as string)
      await source.call('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', ids[to] as string)
      await look()
      const held = (await source.call('CLUSTER', 'GETKEYSINSLOT', String(slot), '10000')) as string[]
      const epoch = `${prefixes[0]}epoch`
      expect(held).toContain(epoch)
      // The epoch moves first in one case, and last in the other.
      const rest = held.filter((key) => key !== epoch)
      const inOrder = name === 'ioredis' ? [epoch, ...rest] : [...rest, epoch]
      const { port } = cluster.primaries[to] as { readonly port: number }
      for (const [index, key] of inOrder.entries()) {
        await source.call('MIGRATE', '127.0.0.1', String(port), key, '0', '5000')
        if (index % 10 === 0 || index > inOrder.length - 3) await look()
      }
      for (const admin of admins)
        await admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', ids[to] as string)
      for (let times = 0; times < 5; times++) await look()
      expect(await target.get(epoch)).toMatch(/^new:/)
      expect(restored).not.toHaveBeenCalled()
      for (const { close } of opened) close()
    },
  )
})
