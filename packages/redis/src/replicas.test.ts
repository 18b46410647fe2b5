import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Commands, commandsOf } from './clients.js'
import { confirmed } from './replicas.js'
import { redisBinary, startRedis, type TestRedis } from './testing/redis-server.js'

const required = process.env['COUNTERSIGN_REDIS'] === 'required'

describe.runIf(redisBinary !== undefined || required)('writes that replicas must confirm', () => {
  let redis: TestRedis
  const closing: (() => unknown)[] = []
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(async () => {
    for (const close of closing) await close()
    await redis?.stop()
  })

  const clients: Readonly<Record<string, () => Promise<unknown>>> = {
    redis: async () => {
      const client = createClient({ url: redis.url }).on('error', () => {})
      closing.push(() => client.destroy())
      return await client.connect()
    },
    ioredis: async () => {
      const client = new Redis(redis.url).on('error', () => {})
      closing.push(() => client.disconnect())
      await new Promise((resolve) => client.once('ready', resolve))
      return client
    },
  }

  for (const [name, connect] of Object.entries(clients)) {
    // Like the new primary after a failover: it has no replica yet.
    it(`are refused by a server without replicas, and no read waits for them (${name})`, async () => {
      const client = await connect()
      const plain = commandsOf(client) as Commands
      const commands = confirmed(client, plain, { replicas: 1, within: 250 })
      await plain.set('known', 'value', 60_000)
      const writes = Array.from({ length: 30 }, (_, index) => commands.set(`written:${index}`, '1', 60_000))
      const outcomes = Promise.allSettled(writes)
      const looks: { readonly at: number; readonly value: unknown }[] = []
      const reading = (async () => {
        for (let look = 0; look < 20; look++)
          looks.push({ value: await commands.get('known'), at: performance.now() })
        return performance.now()
      })()
      const [settled, lastRead] = await Promise.all([outcomes.then(() => performance.now()), reading])
      expect(looks.every(({ value }) => value === 'value')).toBe(true)
      // Twenty reads in sequence are done before the writes give up.
      expect(lastRead).toBeLessThan(settled)
      for (const outcome of await outcomes) {
        expect(outcome.status === 'rejected' && String(outcome.reason)).toContain(
          'the write was confirmed by 0 of 1 replicas',
        )
      }
    })
  }
})
