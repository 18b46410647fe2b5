import type { AdoptionReport } from '@countersign/core/adapter'
import { type Agent, createKey, createTown, sendToLoopback, type Town } from '@countersign/devkit'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { resource } from '../target/start.js'
import { Instance } from './fleet.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const canRun = redisBinary !== undefined || process.env['COUNTERSIGN_REDIS'] === 'required'

describe.runIf(canRun)('the report of two processes over one Redis', () => {
  let redis: TestRedis
  let looker: Redis
  let town: Town
  const signingKey = createKey('Ed25519', 'rs-1').privateJwk
  const instances: Instance[] = []
  beforeEach(async () => {
    redis = await startRedis()
    looker = new Redis(redis.url).on('error', () => {})
    town = await createTown()
    for (const adapter of ['express', 'fastify']) instances.push(await start(adapter))
  })
  afterEach(async () => {
    await Promise.all(instances.splice(0).map((instance) => instance.kill()))
    await town.close()
    looker.disconnect()
    await redis.stop()
  })

  const start = (adapter: string): Promise<Instance> =>
    Instance.start({ adapter, redis: redis.url, signingKey, loopback: town.loopback, observe: true })
  const one = (): Instance => instances[0] as Instance
  const two = (): Instance => instances[1] as Instance
  const report = (of: Instance): Promise<AdoptionReport> => of.call<AdoptionReport>('report')
  const ask = async (of: Instance, agent: Agent, path = '/agent'): Promise<number> => {
    const { status } = await sendToLoopback(of.port, await agent.sign({ url: `${resource}${path}` }))
    return status
  }
  /** By route, code and agent. */
  const counts = ({ rows }: AdoptionReport): Record<string, number> => {
    const sums: Record<string, number> = {}
    for (const { route, code, agent = '-', count } of rows) {
      const name = `${route} ${code} ${agent}`
      sums[name] = (sums[name] ?? 0) + count
    }
    return sums
  }
  const total = ({ rows }: AdoptionReport): number => rows.reduce((sum, { count }) => sum + count, 0)

  it('is one, whichever of them is asked, and has every request once', async () => {
    const sam = town.agent('sam')
    const ann = town.agent('ann')
    for (let n = 0; n < 10; n++) {
      for (const instance of instances) await ask(instance, sam)
      await ask(two(), ann, '/data')
    }
    for (const instance of instances) await report(instance)
    const expected = {
      '/agent served aauth:sam@ap.example': 20,
      '/data person-token aauth:ann@ap.example': 10,
    }
    const [first, second] = [await report(one()), await report(two())]
    expect(counts(first)).toEqual(expected)
    expect(first.complete).toBe(true)
    expect(second).toEqual(first)
    // Asked at once and often, each is added once.
    await ask(one(), sam)
    await Promise.all(Array.from({ length: 20 }, (_, n) => report(instances[n % 2] as Instance)))
    expect(total(await report(two()))).toBe(31)
  })

  it('has what a process counted that is gone, and goes on with the one that comes in its place', async () => {
    const sam = town.agent('sam')
    for (const instance of instances) await ask(instance, sam)
    await report(one())
    await one().kill()
    instances[0] = await start('express')
    await ask(one(), sam)
    await report(two())
    expect(total(await report(one()))).toBe(3)
  })

  it('says when it could not ask, and has lost nothing when it can again', async () => {
    const sam = town.agent('sam')
    for (const instance of instances) expect(await ask(instance, sam)).toBe(200)
    for (const instance of instances) await report(instance)
    await redis.kill()
    // Only observed, it is served all the same: nothing is known, and nothing is refused.
    const statuses = [await ask(one(), sam), await ask(one(), sam)]
    const alone = await report(one())
    expect([alone.complete, total(alone)]).toEqual([false, statuses.length])
    await redis.start()
    await expect.poll(async () => (await report(one())).complete, { timeout: 20_000 }).toBe(true)
    expect(total(await report(one()))).toBe(4)
    await expect.poll(async () => (await report(two())).complete, { timeout: 20_000 }).toBe(true)
    expect(total(await report(two()))).toBe(4)
  })

  it('is bounded, whoever comes: every request is counted, and known agents keep their rows', async () => {
    const sam = town.agent('sam')
    for (const instance of instances) await ask(instance, sam)
    const strangers = 600
    for (let n = 0; n < strangers; n += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          ask(instances[i % 2] as Instance, town.agent(`stranger-${n + i}-${'x'.repeat(70)}`)),
        ),
      )
    for (const instance of instances) await report(instance)
    const { rows, complete } = await report(one())
    expect(complete).toBe(true)
    expect(total({ rows, complete })).toBe(2 + strangers)
    expect(rows.length).toBeLessThan(strangers)
    expect(rows.find(({ agent }) => agent === 'aauth:sam@ap.example')?.count).toBe(2)
    for (const key of await looker.keys('*adoption:rows*'))
      expect(await looker.strlen(key)).toBeLessThan(262_144)
  })
})
