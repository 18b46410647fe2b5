import { once } from 'node:events'
import type { Store } from '@countersign/core'
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
      const others: RunningTarget[] = []
      afterEach(async () => {
        vi.useRealTimers()
        for (const one of others.splice(0)) await one.close()
        await stage.close()
      })

      /** Another instance, which has the calls from then on. */
      const startAnother = async (store: Store): Promise<RunningTarget> => {
        const options = { fetch: stage.town.fetch, clock: stage.town.clock, store, issuers: { limits } }
        const another = await startTarget(adapter, 0, options)
        others.push(another)
        stage.town.route('rs.example', another.port)
        return another
      }
      const storm = async (): Promise<void> => {
        for (let i = 0; i < 12; i++) await call(await open(`ap.storm-${i}.example`))
      }

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
        // One line, of the one that has been known for more than ten minutes.
        const one = /^[\w-]{11} [\w-]{6} \d{5} \w{6}$/
        await vi.waitFor(
          async () => expect(await client.get(`${adapter}:issuers:known`)).toMatch(one),
          10_000,
        )
        const again = await startAnother(store)
        await storm()
        expect(await call(fresh)).toBe(503)
        expect(await call(known)).toBe(200)
        expect(again.aauth.issuers.inspect(0)).toMatchObject({ newcomerBudget: 0 })
      })

      it('is a stranger to whoever starts once an operator has had it forgotten, though another instance knows it', async () => {
        vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
        const prefix = `${adapter}:forgotten:`
        const store = createRedisStore(client, { prefix })
        const list = (): Promise<string | null> => client.get(`${prefix}issuers:known`)
        stage = await openStage(adapter, { store, issuers: { limits } })
        const known = await open('ap.known.example')
        /** What instances write by the clock: read, and then written, over one connection. */
        const exchanged = async (): Promise<void> => {
          vi.advanceTimersByTime(750_000)
          for (let i = 0; i < 5; i++) await client.ping()
        }
        const knowFor = async (): Promise<void> => {
          expect(await call(known)).toBe(200)
          stage.pass(700)
          expect(await call(known)).toBe(200)
          await exchanged()
        }
        await knowFor()
        await startAnother(store)
        await knowFor()
        expect((await list())?.split('\n')).toHaveLength(1)
        stage.aauth.issuers.forget('https://ap.known.example')
        const struck = /^[\w-]{11} - \w{6}$/
        await vi.waitFor(async () => expect(await list()).toMatch(struck), 10_000)
        // The other still serves it, and writes its own list.
        expect(await call(known)).toBe(200)
        stage.pass(3700)
        expect(await call(known)).toBe(200)
        await exchanged()
        expect(await list()).toMatch(struck)
        await startAnother(store)
        await storm()
        expect(await call(known)).toBe(503)
      })
    })
  },
)
