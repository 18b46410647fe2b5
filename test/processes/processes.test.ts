import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { decideOn, flow, linkOf, resourceTokenOf, textOf } from '../waiting/linking.js'
import { interactionOf, locationOf } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'
import { type Fleet, openFleet } from './fleet.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const absent =
  redisBinary === undefined ? ' (skipped: neither redis-server nor valkey-server is installed)' : ''

describe.runIf(redisBinary !== undefined || required)(`four processes and one Redis${absent}`, () => {
  let redis: TestRedis
  let fleet: Fleet
  const everywhere = [0, 1, 2, 3]
  beforeAll(async () => {
    redis = await startRedis()
    // As far apart as the guide allows, less what starting takes.
    fleet = await openFleet(redis.url, [], 9)
  })
  afterAll(async () => {
    await fleet?.close()
    await redis?.stop()
  })
  const ask = async (number: number, token: string, method = 'GET'): Promise<Response> =>
    fleet.send(number, await fleet.sign({ method }, { token }))
  const statuses = async (token: string): Promise<number[]> =>
    Promise.all(everywhere.map(async (number) => (await ask(number, token)).status))

  describe('stop!', () => {
    it('revoked on one is refused on all at the next request, warm or not (HC-110, R-260, R-275)', async () => {
      for (const revokedOn of everywhere) {
        const token = await fleet.grant(`stop-${revokedOn}`)
        // All have verified it and hold it in memory.
        for (let times = 0; times < 3; times++) expect(await statuses(token)).toEqual([200, 200, 200, 200])
        expect(await fleet.revoke(revokedOn, `stop-${revokedOn}`)).toBe('recorded')
        expect(await statuses(token)).toEqual([401, 401, 401, 401])
        const { headers } = await ask(revokedOn + 1, token)
        expect(headers.get('signature-error')).toBe('error=revoked_jwt')
      }
    })

    it('a revoked person token gets no resource token anywhere (R-271)', async () => {
      const token = await fleet.personToken('pt-1')
      expect((await ask(0, token)).headers.get('aauth-requirement')).toContain('resource-token')
      expect(await fleet.revoke(1, 'pt-1')).toBe('recorded')
      for (const number of everywhere) {
        expect((await ask(number, token)).headers.get('aauth-requirement')).toBe(null)
      }
    })

    it('is known to a process that starts later, and forgotten by nobody before its time', async () => {
      const token = await fleet.grant('before')
      expect(await fleet.revoke(0, 'before')).toBe('recorded')
      await fleet.replace(3)
      expect(await statuses(token)).toEqual([401, 401, 401, 401])
      const looker = new Redis(redis.url)
      const keys = await looker.keys('countersign:*')
      expect(keys.length).toBeGreaterThan(0)
      for (const key of keys) expect(await looker.pttl(key)).not.toBe(-1)
      looker.disconnect()
    })
  })

  describe('the operator’s word', () => {
    it('holds on all instances at the next request, and is taken back as fast', async () => {
      const [one, , three] = fleet.instances
      const token = await fleet.grant('denied')
      expect(await statuses(token)).toEqual([200, 200, 200, 200])
      await one?.call('deny', { key: fleet.jkt })
      expect(await statuses(token)).toEqual([403, 403, 403, 403])
      expect(await three?.call('denials')).toMatchObject([{ subject: { key: fleet.jkt }, by: 'the test' }])
      await three?.call('allow', { key: fleet.jkt })
      expect(await statuses(token)).toEqual([200, 200, 200, 200])
    })
  })

  describe('a signature', () => {
    it('serves once, however many processes it is sent to at once (N-035)', async () => {
      const token = await fleet.grant('once')
      for (let round = 0; round < 10; round++) {
        const url = `https://rs.example/once?round=${round}`
        const request = await fleet.sign({ method: 'POST', url }, { token, components: onceComponents })
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, number) => fleet.send(number, request)),
        )
        const served = answers.filter(({ status }) => status === 200)
        expect(served).toHaveLength(1)
        expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
      }
    })
  })

  describe('a session', () => {
    it('begun on one process is good on all, and ends on all with the token it was begun on (R-271)', async () => {
      const url = 'https://rs.example/session'
      const token = await fleet.personToken('pt-session')
      fleet.comeTo(0)
      const asked = await fleet.send(0, await fleet.sign({ url }, { token }))
      const { url: page, code } = interactionOf(asked)
      const visitor = new Visitor(fleet.town)
      await visitor.decide(await visitor.open(`${page}?code=${code}`), 'approve')
      const done = await fleet.send(1, await fleet.sign({ url: locationOf(asked) }, { token }))
      const headers = [['Authorization', `AAuth ${done.headers.get('aauth-access')}`]] as const
      const use = async (): Promise<number[]> =>
        Promise.all(
          everywhere.map(
            async (number) => (await fleet.send(number, await fleet.sign({ url, headers }))).status,
          ),
        )
      expect(await use()).toEqual([200, 200, 200, 200])
      expect(await fleet.revoke(3, 'pt-session')).toBe('recorded')
      // As if none had been sent: a new one is offered.
      expect(await use()).toEqual([202, 202, 202, 202])
    })
  })

  describe('a user', () => {
    const mine = 'https://rs.example/mine'
    const executions = (): number =>
      fleet.instances.reduce((sum, instance) => sum + instance.count('executing'), 0)
    const everywhereAt = async (url: string, token: string): Promise<number[]> =>
      Promise.all(
        everywhere.map(
          async (number) => (await fleet.send(number, await fleet.sign({ url }, { token }))).status,
        ),
      )

    it('linked by one process is known to all, and unlinked by one is unlinked on all', async () => {
      const token = await fleet.personToken('pt-mine')
      const grant = await fleet.grant('mine')
      const ask = async (number: number): Promise<Response> =>
        fleet.send(number, await fleet.sign({ url: mine }, { token }))
      const asked = [await ask(0), await ask(1)] as const
      const dad = new Visitor(fleet.town, {}, 'dad')
      fleet.comeTo(2)
      const page = await dad.open(linkOf(resourceTokenOf(asked[1])))
      fleet.comeTo(1)
      expect(await decideOn(fleet, asked[0])).toBe(flow)
      fleet.comeTo(2)
      expect(textOf(await dad.decide(page, 'approve'))).toContain('already')
      expect(await everywhereAt(mine, grant)).toEqual([200, 200, 200, 200])
      const served = await fleet.send(3, await fleet.sign({ url: mine }, { token: grant }))
      expect(await served.json()).toMatchObject({ user: 'mom' })
      const held = await fleet.send(0, await fleet.sign(transfer, { token }))
      const before = executions()

      const person = { ps: 'https://ps.example', sub: resourceTokenOf(asked[0]).sub }
      await fleet.instances[3]?.call('unlink', { person })
      expect(await everywhereAt(mine, grant)).toEqual([401, 401, 401, 401])
      const poll = await fleet.sign({ url: locationOf(held) }, { token: grant })
      expect((await fleet.send(1, poll)).status).toBe(403)
      expect(
        (await fleet.send(2, await fleet.sign({ url: locationOf(held) }, { token: grant }))).status,
      ).toBe(410)
      expect(executions()).toBe(before)
    })
  })

  describe('a session that was approved and not fetched', () => {
    it('is ended by another process, and fetched from none, however their clocks stand', async () => {
      for (const [approvedOn, endedOn, fetchedFrom] of [
        [1, 0, 2],
        [0, 1, 3],
        [3, 2, 1],
      ] as const) {
        const asked = await fleet.send(0, await fleet.sign({ url: 'https://rs.example/session' }))
        const url = locationOf(asked)
        const id = url.slice(url.lastIndexOf('/') + 1)
        expect(await fleet.instances[approvedOn]?.call('approve', { id, user: 'mom' })).toBe(true)
        await fleet.instances[endedOn]?.call('endSessions', { user: 'mom' })
        const fetched = await fleet.send(fetchedFrom, await fleet.sign({ url }))
        expect([fetched.status, fetched.headers.has('aauth-access')]).toEqual([403, false])
      }
    })
  })

  describe('a held call', () => {
    it('runs once for two hundred polls spread over all (N-145, HC-101)', async () => {
      const before = executions()
      const opened = await fleet.send(
        0,
        await fleet.sign(transfer, { token: await fleet.personToken('pt-held') }),
      )
      expect(opened.status).toBe(202)
      const url = opened.headers.get('location') as string
      const token = await fleet.grant('held')
      const answers = await Promise.all(
        Array.from({ length: 200 }, async (_, number) =>
          fleet.send(number, await fleet.sign({ url }, { token })),
        ),
      )
      expect(executions() - before).toBe(1)
      // Who polls while it runs, or too often, is told to come back.
      for (const { status } of answers) expect([200, 202, 429]).toContain(status)
      const bodies = await Promise.all(
        answers.filter(({ status }) => status === 200).map((answer) => answer.text()),
      )
      expect(new Set(bodies).size).toBe(1)
      // Whoever came too early finds the answer, on any instance.
      for (const number of everywhere) {
        const answer = async (): Promise<string> =>
          (await fleet.send(number, await fleet.sign({ url }, { token }))).text()
        await expect.poll(answer, { timeout: 20_000, interval: 500 }).toBe(bodies[0])
      }
    })

    it('begun on a person token that is then revoked elsewhere, never runs (R-271)', async () => {
      const before = executions()
      const opened = await fleet.send(
        0,
        await fleet.sign(transfer, { token: await fleet.personToken('pt-stop') }),
      )
      const url = opened.headers.get('location') as string
      expect(await fleet.revoke(1, 'pt-stop')).toBe('recorded')
      const polled = await fleet.send(
        2,
        await fleet.sign({ url }, { token: await fleet.grant('after-stop') }),
      )
      expect(polled.status).toBe(403)
      expect(executions()).toBe(before)
    })

    const executions = (): number =>
      fleet.instances.reduce((sum, instance) => sum + instance.count('executing'), 0)
  })
})

const transfer = { method: 'POST', url: 'https://rs.example/transfers' }
const onceComponents = ['@method', '@authority', '@path', '@query', 'signature-key']
