import {
  type Agent,
  createKey,
  createTown,
  sendToLoopback,
  type Town,
  type TownRequest,
} from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { redisBinary, startRedis, type TestRedis } from '../../packages/redis/src/testing/redis-server.js'
import { Browser } from '../chaining/browser.js'
import { pageOf, pendingOf } from '../chaining/deferred.js'
import { resource } from '../target/start.js'
import { Instance } from './fleet.js'

// Four processes start on a machine that may have other things to do.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const required = process.env['COUNTERSIGN_REDIS'] === 'required'
const absent =
  redisBinary === undefined ? ' (skipped: neither redis-server nor valkey-server is installed)' : ''

describe.runIf(redisBinary !== undefined || required)(
  `two shops and a distributor, each a process, and one Redis${absent}`,
  () => {
    let redis: TestRedis
    let town: Town
    let sam: Agent
    let token: string
    let shops: Instance[]
    let distributor: Instance

    const signingKey = createKey('Ed25519', 'rs-1').privateJwk
    const startShop = (adapter: string, ahead = 0) =>
      Instance.start({ adapter, redis: redis.url, signingKey, loopback: town.loopback, ahead })
    const startDistributor = async (slow: boolean) => {
      distributor = await Instance.start({
        adapter: 'express',
        resource: 'https://supplier.example',
        redis: redis.url,
        signingKey: createKey('Ed25519', 'supplier-1').privateJwk,
        loopback: town.loopback,
        slow,
      })
      town.route('supplier.example', distributor.port)
    }
    const open = async (slow = false) => {
      await startDistributor(slow)
      // The second is ahead, so that it sees at once when a call of the first is lost.
      shops = [await startShop('express'), await startShop('fastify', 20)]
      comeTo(0)
    }
    const comeTo = (number: number) => town.route('rs.example', shops[number]?.port)
    const ask = async (number: number, request: TownRequest) => {
      const wire = await sam.sign(request, { token })
      return sendToLoopback(shops[number]?.port as number, wire)
    }
    const order = (number: number) => {
      const headers = { 'Content-Type': 'application/json' }
      return ask(number, { method: 'POST', url: `${resource}/order`, headers, body: '{"bread":2}' })
    }

    beforeEach(async () => {
      redis = await startRedis()
      town = await createTown()
      const mom = town.person('mom', { consent: () => ({ decision: true, after: 'visit' }) })
      sam = town.agent('sam', { person: mom })
      token = await town.ps.mintAuthToken({ person: mom, resource, cnf: sam.key.cnf, scope: 'data.write' })
    })
    afterEach(async () => {
      await Promise.all([...shops, distributor].map((instance) => instance.kill()))
      await town.close()
      await redis.stop()
    })

    it('finishes on one what another was killed over while the person was asked (R-316)', async () => {
      await open()
      const deferred = await order(0)
      expect(deferred.status).toBe(202)
      await shops[0]?.kill()
      comeTo(1)
      const journey = await new Browser(town).open(pageOf(deferred))
      expect(journey.status).toBe(200)
      expect(distributor.count('ordering')).toBe(0)
      const done = await ask(1, { url: pendingOf(deferred) })
      expect([done.status, await done.json()]).toEqual([
        200,
        { supplier: { status: 201, body: { ordered: true } } },
      ])
      expect((await ask(1, { url: pendingOf(deferred) })).status).toBe(410)
      expect(distributor.count('ordering')).toBe(1)
    })

    it('orders once, although the shop is killed over the order (R-316)', async () => {
      await open(true)
      const deferred = await order(0)
      await new Browser(town).open(pageOf(deferred))
      const cut = ask(0, { url: pendingOf(deferred) }).catch((error: unknown) => error)
      await distributor.until('ordering')
      await shops[0]?.kill()
      expect(await cut).toBeInstanceOf(Error)
      const lost = await ask(1, { url: pendingOf(deferred) })
      expect([lost.status, ((await lost.json()) as { error: string }).error]).toEqual([500, 'server_error'])
      await distributor.call('release')
      shops[0] = await startShop('express')
      for (const number of [0, 1]) await (await ask(number, { url: pendingOf(deferred) })).body?.cancel()
      expect(distributor.count('ordering')).toBe(1)
    })

    it('is carried out once, whoever polls at once', async () => {
      await open()
      const deferred = await order(0)
      await new Browser(town).open(pageOf(deferred))
      const polls = await Promise.all([0, 1, 0, 1].map((number) => ask(number, { url: pendingOf(deferred) })))
      const statuses = polls.map(({ status }) => status)
      expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(1)
      for (let i = 0; i < 20 && distributor.count('ordering') === 0; i++)
        await (await ask(i % 2, { url: pendingOf(deferred) })).body?.cancel()
      expect(distributor.count('ordering')).toBe(1)
    })
  },
)
