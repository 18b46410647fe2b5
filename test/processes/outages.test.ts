import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { type Fleet, openFleet } from './fleet.js'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const absent =
  redisBinary === undefined ? ' (skipped: neither redis-server nor valkey-server is installed)' : ''

const transfer = { method: 'POST', url: 'https://rs.example/transfers' }

describe.runIf(redisBinary !== undefined || required)(`what fails${absent}`, () => {
  let redis: TestRedis
  let fleet: Fleet
  beforeEach(async () => {
    redis = await startRedis()
    fleet = await openFleet(redis.url, [1])
  })
  afterEach(async () => {
    await fleet?.close()
    await redis?.stop()
  })

  it('a process that dies in the middle of a held call: it is never run again, and nobody waits for ever (N-145)', async () => {
    const [, slow, other] = fleet.instances
    const opened = await fleet.send(0, await fleet.sign(transfer, { token: await fleet.personToken('pt') }))
    const url = opened.headers.get('location') as string
    const token = await fleet.grant('held')
    const poll = async (number: number): Promise<Response> =>
      fleet.send(number, await fleet.sign({ url }, { token }))
    const cut = poll(1).catch((error: Error) => error)
    await slow?.until('executing')
    expect((await poll(2)).status).toBe(202)
    await slow?.kill()
    expect(await cut).toBeInstanceOf(Error)
    // Its time is not up, so it may yet be running for all that others know.
    await expect.poll(async () => (await poll(2)).status, { timeout: 40_000, interval: 200 }).toBe(500)
    expect((await poll(3)).status).toBe(500)
    expect(other?.count('executing')).toBe(0)
    expect(fleet.instances.reduce((sum, instance) => sum + instance.count('executing'), 0)).toBe(1)
  })

  it('Redis, killed and started under load: nothing passes that should not, nothing hangs, service resumes', async () => {
    const good = await fleet.grant('good')
    const revoked = await fleet.grant('revoked')
    expect(await fleet.revoke(0, 'revoked')).toBe('recorded')
    const used = await fleet.sign({ method: 'POST', url: 'https://rs.example/once' }, { token: good })
    expect((await fleet.send(0, used)).status).toBe(200)

    const seen = {
      good: new Map<number, number>(),
      revoked: new Map<number, number>(),
      used: new Map<number, number>(),
    }
    let slowest = 0
    let loading = true
    const send = async (kind: keyof typeof seen, number: number): Promise<number> => {
      const request =
        kind === 'used' ? used : await fleet.sign({}, { token: kind === 'good' ? good : revoked })
      const start = performance.now()
      const { status } = await fleet.send(number, request)
      slowest = Math.max(slowest, performance.now() - start)
      seen[kind].set(status, (seen[kind].get(status) ?? 0) + 1)
      return status
    }
    const load = Array.from({ length: 12 }, async (_, worker) => {
      const kind = (['good', 'revoked', 'used'] as const)[worker % 3] as keyof typeof seen
      for (let number = worker; loading; number++) await send(kind, number)
    })
    const goodEverywhere = async (): Promise<number[]> =>
      Promise.all([0, 1, 2, 3].map((number) => send('good', number)))

    await expect.poll(() => seen.good.get(200) ?? 0, { timeout: 30_000 }).toBeGreaterThan(20)
    await redis.kill()
    await expect.poll(goodEverywhere, { timeout: 30_000 }).toEqual([503, 503, 503, 503])
    const health = await Promise.all(
      fleet.instances.map((instance) => instance.call<{ ok: boolean }>('health')),
    )
    expect(health.map(({ ok }) => ok)).toEqual([false, false, false, false])
    const refusedBefore = seen.good.get(503) ?? 0
    await expect.poll(() => seen.good.get(503) ?? 0, { timeout: 30_000 }).toBeGreaterThan(refusedBefore + 50)

    await redis.start()
    await expect.poll(goodEverywhere, { timeout: 40_000 }).toEqual([200, 200, 200, 200])
    loading = false
    await Promise.all(load)
    const after = await Promise.all(
      fleet.instances.map((instance) => instance.call<{ ok: boolean }>('health')),
    )
    expect(after.map(({ ok }) => ok)).toEqual([true, true, true, true])

    expect([...seen.good.keys()].sort()).toEqual([200, 503])
    expect([...seen.revoked.keys()].sort()).toEqual([401, 503])
    expect([...seen.used.keys()].sort()).toEqual([401, 503])
    // Of a machine that has other things to do; what hangs has no end.
    expect(slowest).toBeLessThan(20_000)
  })

  it('broken glass lets pass what the operator said, in that process only, and says each time', async () => {
    const [one] = fleet.instances
    const token = await fleet.grant('good')
    const ask = async (number: number): Promise<number> =>
      (await fleet.send(number, await fleet.sign({}, { token }))).status
    expect(await ask(0)).toBe(200)
    await redis.kill()
    await one?.call('breakGlass', {
      uses: ['revocation', 'denial'],
      seconds: 60,
      reason: 'a test',
      by: 'the test',
    })
    await expect.poll(() => ask(0), { timeout: 30_000 }).toBe(200)
    await expect.poll(() => ask(2), { timeout: 30_000 }).toBe(503)
    await one?.until('break-glass-used')
  })
})
