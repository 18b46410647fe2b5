import { setTimeout as pause } from 'node:timers/promises'
import { createResourceServer } from '@countersign/core'
import { createRedisStore } from '@countersign/redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { FaultProxy } from './fault-proxy.js'
import { type Fleet, openFleet } from './fleet.js'
import { type Asked, faultsIn, type Stopped, seeded } from './history.js'

vi.setConfig({ testTimeout: 400_000, hookTimeout: 60_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const everything = process.env['COUNTERSIGN_TESTS'] === 'all'
const faultsOfARun = everything ? 30 : 6
const seed = Number(process.env['COUNTERSIGN_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const workers = 8
const liveTokens = 6

describe('the judge of histories', () => {
  const asked = (status: number, began: number, ended: number): Asked => ({
    token: 'a',
    instance: 0,
    began,
    ended,
    status,
  })
  it('finds what must not be, and nothing else', () => {
    const stop: Stopped = { token: 'a', began: 10, acknowledged: 20 }
    expect(faultsIn([asked(200, 21, 30)], [stop])).toHaveLength(1)
    expect(faultsIn([asked(401, 1, 9)], [stop])).toHaveLength(1)
    expect(faultsIn([asked(401, 1, 9)], [])).toHaveLength(1)
    const fine = [
      asked(200, 15, 30),
      asked(200, 1, 5),
      asked(401, 5, 11),
      asked(401, 21, 30),
      asked(503, 21, 30),
    ]
    expect(faultsIn(fine, [stop])).toEqual([])
    expect(faultsIn([asked(200, 21, 30), asked(401, 21, 30)], [{ token: 'a', began: 10 }])).toEqual([])
  })
})

describe.runIf(redisBinary !== undefined || required)(
  `what is stopped anywhere is refused everywhere, whatever fails (seed ${seed})`,
  () => {
    let redis: TestRedis
    let proxies: FaultProxy[]
    let fleet: Fleet
    let asked: Asked[]
    let stopped: Stopped[]
    let serial = 0
    const all = [0, 1, 2, 3]

    const open = async (
      replicas: number,
      emptied?: 'restore' | 'refuse',
      ...settings: readonly string[]
    ): Promise<void> => {
      redis = await startRedis(...settings)
      proxies = await Promise.all(all.map(() => FaultProxy.open(redis.port)))
      const urls = proxies.map(({ url }) => url)
      fleet = await openFleet(urls, [], 0, replicas, emptied)
    }
    const close = async (): Promise<void> => {
      await fleet?.close()
      for (const proxy of proxies) proxy.close()
      await redis.stop()
    }
    beforeEach(() => {
      asked = []
      stopped = []
    })

    const ask = async (jti: string, token: string, instance: number): Promise<number> => {
      const request = await fleet.sign({}, { token })
      const began = performance.now()
      const { status } = await fleet.send(instance, request)
      asked.push({ token: jti, instance, began, ended: performance.now(), status })
      return status
    }

    /** By its issuer or by the operator. */
    const stop = async (jti: string, instance: number, byIssuer: boolean): Promise<void> => {
      const began = performance.now()
      const denied = async (): Promise<boolean> => {
        await fleet.instances[instance]?.call('deny', { token: { iss: fleet.town.ps.id, jti } })
        return true
      }
      const done = byIssuer
        ? (await fleet.revoke(instance, jti)) === 'recorded'
        : await denied().catch((error: Error) => {
            expect(error.message).toMatch(/^StoreError/)
            return false
          })
      stopped.push({ token: jti, began, ...(done ? { acknowledged: performance.now() } : {}) })
    }

    const served = (): number => asked.filter(({ status }) => status === 200).length
    const refused = (): number => asked.filter(({ status }) => status === 401 || status === 403).length
    const acknowledged = (): number => stopped.filter((stop) => stop.acknowledged !== undefined).length

    /** Load on all four, and tokens that are stopped in the middle of it, while the faults take their course. */
    const run = async (
      faults: (random: () => number, gone: readonly (readonly [string, string])[]) => Promise<void>,
    ): Promise<void> => {
      const random = seeded(seed)
      const some = (count: number): number => Math.floor(random() * count)
      const fresh = async (): Promise<[string, string]> => {
        const jti = `t${serial++}`
        return [jti, await fleet.grant(jti)]
      }
      const live = await Promise.all(Array.from({ length: liveTokens }, fresh))
      for (const one of live) await Promise.all(all.map((instance) => ask(...one, instance)))
      const gone: [string, string][] = []
      let isOver = false
      const work = async (): Promise<void> => {
        while (!isOver) {
          const recent = gone.slice(-3)
          const from = recent.length > 0 && random() < 0.4 ? recent : live
          await ask(...(from[some(from.length)] as [string, string]), some(4))
        }
      }
      const stopping = async (): Promise<void> => {
        for (let n = 0; !isOver; n++) {
          const [one] = live.splice(some(live.length), 1, await fresh()) as [[string, string]]
          // An issuer may revoke sixty a minute.
          await stop(one[0], some(4), n % 2 === 0 && n < 100)
          gone.push(one)
          // At once, everywhere.
          await Promise.all(all.map((instance) => ask(...one, instance)))
        }
      }
      const working = [...Array.from({ length: workers }, work), stopping()]
      try {
        await faults(random, gone)
        // The control: there was something to see.
        await vi.waitUntil(() => served() > 100 && refused() > 30 && acknowledged() > 5, { timeout: 60_000 })
      } finally {
        isOver = true
        await Promise.all(working)
      }
      expect(faultsIn(asked, stopped)).toEqual([])
      // It goes on afterwards, for those who were not stopped.
      for (const instance of all)
        await expect
          .poll(() => ask(...(live[0] as [string, string]), instance), { timeout: 30_000 })
          .toBe(200)
    }

    describe('with one Redis', () => {
      beforeAll(() => open(0, 'refuse'))
      afterAll(close)

      it('while Redis and processes hang or die, and connections stall or break', async () => {
        const kinds: ((victim: number) => [begin: () => unknown, end: () => unknown])[] = [
          () => [() => redis.pause(), () => redis.resume()],
          () => [() => redis.kill(), () => redis.start()],
          (victim) => [() => fleet.instances[victim]?.pause(), () => fleet.instances[victim]?.resume()],
          (victim) => [() => proxies[victim]?.stall(), () => proxies[victim]?.flow()],
          (victim) => [() => proxies[victim]?.cut(), () => {}],
          (victim) => [
            () => proxies[victim]?.stall(),
            () => {
              proxies[victim]?.cut()
              proxies[victim]?.flow()
            },
          ],
        ]
        await run(async (random) => {
          // Each kind in its turn, so that a short run has them all.
          for (let n = 0; n < faultsOfARun; n++) {
            const [begin, end] = (kinds[n % kinds.length] as (typeof kinds)[0])(Math.floor(random() * 4))
            await begin()
            await pause(50 + random() * 700)
            await end()
            await pause(100 + random() * 200)
          }
        })
      })

      it('while Redis comes back empty, with `refuse`: nobody is served until the operator says so', async () => {
        const [jti, token, other] = ['kept', await fleet.grant('kept'), await fleet.grant('other')]
        for (const instance of all) await expect.poll(() => ask(jti, token, instance)).toBe(200)
        // After all that has failed, writes may rest for a second.
        const denied = (): Promise<number> => stop(jti, 0, false).then(acknowledged)
        await expect.poll(denied).toBeGreaterThan(0)
        for (const instance of all) expect(await ask(jti, token, instance)).toBe(403)
        const admin = new Redis(redis.url).on('error', () => {})
        await admin.flushall()
        await redis.kill()
        await redis.start()
        for (let round = 0; round < 10; round++) {
          const both = all.flatMap((instance) => [ask(jti, token, instance), ask('other', other, instance)])
          expect(new Set(await Promise.all(both))).toEqual(new Set([503]))
        }
        // One that starts now knows nothing of what was.
        await fleet.replace(3)
        expect(await ask(jti, token, 3)).toBe(503)
        await vi.waitUntil(() => admin.status === 'ready', { timeout: 30_000 })
        const store = createRedisStore(admin, { emptied: 'accept' })
        const restoring = createResourceServer({ resource: 'https://rs.example', store })
        await restoring.denials.add({ subject: { token: { iss: fleet.town.ps.id, jti } } })
        expect(await ask('other', other, 0)).toBe(503)
        await store.acceptLoss()
        restoring.close()
        admin.disconnect()
        for (const instance of all) {
          await expect.poll(() => ask('other', other, instance)).toBe(200)
          expect(await ask(jti, token, instance)).toBe(403)
        }
      })
    })

    describe('with a Redis that keeps nothing', () => {
      beforeAll(() => open(0, undefined, '--appendonly', 'no'))
      afterAll(close)

      const flush = async (): Promise<void> => {
        const admin = new Redis(redis.url).on('error', () => {})
        await admin.flushall()
        admin.disconnect()
      }
      const restart = (): Promise<void> => redis.kill().then(() => redis.start())

      it('while it comes back empty: what processes know is written back, and all go on by themselves', async () => {
        await run(async (_, gone) => {
          for (let n = 0; n < (everything ? 10 : 2); n++) {
            const [before, stops] = [served(), acknowledged()]
            await vi.waitUntil(() => acknowledged() > stops + 2 && served() > before, { timeout: 30_000 })
            const earlier = gone.slice(-20)
            await (n % 2 === 0 ? flush() : restart())
            const after = served()
            await vi.waitUntil(() => served() > after + 20, { timeout: 60_000 })
            // What was stopped before the loss.
            await Promise.all(earlier.map((one, index) => ask(...one, index % 4)))
          }
        })
        // It was noticed each time.
        expect(asked.filter(({ status }) => status === 503).length).toBeGreaterThan(0)
      })

      it('forgets what only a process knew that has ended, and nothing else', async () => {
        const [one, two] = [await fleet.grant('known to one'), await fleet.grant('known to two')]
        const denied = (jti: string, instance: number): Promise<number> =>
          stop(jti, instance, false).then(acknowledged)
        await expect.poll(() => denied('known to one', 1)).toBe(1)
        await expect.poll(() => denied('known to two', 2)).toBe(2)
        for (const instance of all) {
          expect(await ask('known to one', one, instance)).toBe(403)
          expect(await ask('known to two', two, instance)).toBe(403)
        }
        await fleet.replace(1)
        await flush()
        await restart()
        const answers = (jti: string, token: string): Promise<readonly number[]> =>
          Promise.all(all.map((instance) => ask(jti, token, instance)))
        await expect
          .poll(() => answers('known to one', one), { timeout: 20_000 })
          .toEqual([200, 200, 200, 200])
        expect(await answers('known to two', two)).toEqual([403, 403, 403, 403])
      })
    })

    describe.runIf(everything)('with a replica that confirms', () => {
      let replica: TestRedis
      beforeAll(async () => {
        await open(1)
        replica = await startRedis()
      })
      afterAll(async () => {
        await close()
        await replica.stop()
      })

      it('while it takes over from a primary that died', async () => {
        const admin = new Redis(replica.url).on('error', () => {})
        await admin.replicaof('127.0.0.1', redis.port)
        const follows = async (): Promise<boolean> =>
          (await admin.info('replication')).includes('master_link_status:up')
        await vi.waitUntil(follows, { timeout: 20_000 })
        await run(async () => {
          await vi.waitUntil(() => acknowledged() > 5, { timeout: 60_000 })
          await redis.kill()
          await admin.replicaof('NO', 'ONE')
          for (const proxy of proxies) proxy.lead(replica.port)
          const before = acknowledged()
          // The old one comes back as a replica, so that writes are confirmed again.
          await redis.start()
          const old = new Redis(redis.url).on('error', () => {})
          await old.replicaof('127.0.0.1', replica.port)
          old.disconnect()
          await vi.waitUntil(() => acknowledged() > before + 5, { timeout: 60_000 })
        })
        admin.disconnect()
      })
    })
  },
)
