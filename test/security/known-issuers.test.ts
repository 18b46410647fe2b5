import { once } from 'node:events'
import type { Agent } from '@countersign/devkit'
import { createRedisStore } from '@countersign/redis'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'
import { openStage, type Stage } from '../waiting/stage.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const absent =
  redisBinary === undefined ? ' (skipped: neither redis-server nor valkey-server is installed)' : ''
const limits = { newcomersPerMinute: 8 }

describe.runIf(redisBinary !== undefined || required)(
  `an issuer that is known, and a server that starts anew${absent}`,
  () => {
    let redis: TestRedis
    let client: Redis
    beforeAll(async () => {
      redis = await startRedis()
      client = new Redis(redis.url)
      // Until it is connected everything is refused.
      await once(client, 'ready')
    })
    afterAll(async () => {
      await client?.quit()
      await redis?.stop()
    })

    describe.each(adapters)('[adapter %s]', (adapter) => {
      let stage: Stage
      let again: RunningTarget | undefined
      afterEach(async () => {
        vi.useRealTimers()
        await again?.close()
        await stage.close()
      })

      /** A call with a token that the server has not seen. */
      const call = async (agent: Agent): Promise<number> => {
        const token = await agent.provider.mintAgentToken({ name: 'sam', cnf: agent.key.cnf })
        return (await agent.request({ url: `${resource}/agent` }, { token })).status
      }
      const open = async (host: string): Promise<Agent> =>
        stage.town.agent('sam', { provider: await stage.town.openAgentProvider(`https://${host}`) })

      it('is served in the middle of a storm, and one that is not known is not', async () => {
        vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
        const store = createRedisStore(client, { prefix: `${adapter}:` })
        stage = await openStage(adapter, { store, issuers: { limits } })
        const [known, fresh] = [await open('ap.known.example'), await open('ap.fresh.example')]
        expect(await call(known)).toBe(200)
        stage.pass(700)
        expect([await call(known), await call(fresh)]).toEqual([200, 200])
        vi.advanceTimersByTime(750_000)
        const list = async (): Promise<number> => (await client.get(`${adapter}:issuers:known`))?.length ?? 0
        // One line, of the one that has been known for more than ten minutes.
        await vi.waitFor(async () => expect(await list()).toBe(24), 10_000)
        const options = { fetch: stage.town.fetch, clock: stage.town.clock, store, issuers: { limits } }
        again = await startTarget(adapter, 0, options)
        stage.town.route('rs.example', again.port)
        for (let i = 0; i < 12; i++) await call(await open(`ap.storm-${i}.example`))
        expect(await call(fresh)).toBe(503)
        expect(await call(known)).toBe(200)
        expect(again.aauth.issuers.inspect(0)).toMatchObject({ newcomerBudget: 0 })
      })
    })
  },
)
