import { allow, interact, type Onward } from '@countersign/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { login } from '../target/login.js'
import { Reply, type TargetRoute } from '../target/routes.js'
import { coreAdapters, type RunningTarget, startTarget } from '../target/start.js'
import { Browser } from './browser.js'
import { pageOf, pendingOf } from './deferred.js'
import { openStage, type Stage, supplier } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const warehouse = 'https://warehouse.example'

/** Orders from the next in line, and answers what it answers. */
const passOn =
  (to: string): TargetRoute['answer'] =>
  async ({ onward, body }) => {
    const response = await onward()(to, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array(body),
    })
    return new Reply(response.status, { from: (await response.json()) as unknown })
  }

describe.each(coreAdapters)('over two hops [adapter %s]', (adapter) => {
  let stage: Stage
  let token: string
  const more: RunningTarget[] = []
  let shipped: unknown[]
  afterEach(async () => {
    await stage.close()
    await Promise.all(more.splice(0).map((target) => target.close()))
  })
  const poll = (url: string) => stage.sam.request({ url }, { token })

  const openWarehouse = async () => {
    shipped = []
    const route: TargetRoute = {
      method: 'POST',
      path: '/shipments',
      requirement: { scope: 'data.write' },
      answer: ({ body }) => {
        shipped.push(JSON.parse(String(body)))
        return { shipped: shipped.length }
      },
    }
    const fetch = stage.town.fetchAs('warehouse')
    const target = await startTarget(adapter, 0, { resource: warehouse, fetch, clock: stage.town.clock }, [
      route,
    ])
    more.push(target)
    stage.town.route('warehouse.example', target.port)
  }

  it('buys from the warehouse by way of the distributor, where nobody has to be asked', async () => {
    stage = await openStage(adapter, {
      orders: passOn(`${warehouse}/shipments`),
      supplierRoute: { onward: true },
    })
    await openWarehouse()
    const response = await stage.sam.fetch('https://rs.example/order', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })
    expect(await response.json()).toEqual({ supplier: { status: 200, body: { from: { shipped: 1 } } } })
    expect(shipped).toEqual([{ bread: 2 }])
    const { iss, jti } = stage.town.ps.issued.at(-1) as { iss: string; jti: string }
    expect(stage.town.chainOf({ iss, jti }).map(({ agent, aud, person }) => [agent, aud, person])).toEqual([
      ['aauth:onward@supplier.example', warehouse, 'mom'],
      ['aauth:onward@rs.example', supplier, 'mom'],
      ['aauth:sam@ap.example', 'https://rs.example', 'mom'],
    ])
  })

  it('has the person decide for the warehouse, by two pages, and each does its part once (R-316)', async () => {
    stage = await openStage(adapter, {
      mom: {
        consent: ({ resource }) => (resource === warehouse ? { decision: true, after: 'visit' } : true),
      },
      orders: passOn(`${warehouse}/shipments`),
      supplierRoute: { onward: true },
    })
    await openWarehouse()
    token = await stage.grant()
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    const journey = await new Browser(stage.town).open(pageOf(deferred))
    expect(journey.urls.map((url) => new URL(url).host)).toEqual([
      'rs.example',
      'supplier.example',
      'ps.example',
      'supplier.example',
      'supplier.example',
    ])
    expect(shipped).toEqual([])
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([
      200,
      { supplier: { status: 200, body: { from: { shipped: 1 } } } },
    ])
    expect(shipped).toEqual([{ bread: 2 }])
    expect((await poll(pendingOf(deferred))).status).toBe(410)
    expect(shipped).toHaveLength(1)
  })

  it('tells the caller that the person has declined what the distributor asked for', async () => {
    stage = await openStage(adapter, {
      mom: {
        consent: ({ resource }) => (resource === warehouse ? { decision: false, after: 'visit' } : true),
      },
      orders: passOn(`${warehouse}/shipments`),
      supplierRoute: { onward: true },
    })
    await openWarehouse()
    token = await stage.grant()
    const deferred = await stage.order(token)
    await new Browser(stage.town).open(pageOf(deferred))
    const done = await poll(pendingOf(deferred))
    expect([done.status, await done.json()]).toEqual([403, expect.objectContaining({ error: 'denied' })])
    expect(shipped).toEqual([])
  })

  it('waits for the supplier’s own page, and does not order twice', async () => {
    stage = await openStage(adapter, {
      supplier: { interaction: { ...login.interaction, login: () => 'clerk' } },
      supplierRoute: { policy: () => interact({ subject: 'order' }) },
    })
    token = await stage.grant()
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    const browser = new Browser(stage.town)
    const consent = await browser.open(pageOf(deferred))
    expect(consent.urls.at(-1)).toMatch(/^https:\/\/supplier\.example\/aauth\/interact\//)
    const done = await browser.approve(consent)
    expect(done.text).toMatch(/approved/)
    const answer = await poll(pendingOf(deferred))
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { supplier: { status: 201, body: { order: 1 } } },
    ])
    expect(stage.orders).toEqual([{ bread: 2 }])
  })

  it('calls on the authority of a call that somebody has approved first, however it is polled for', async () => {
    stage = await openStage(adapter, {
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true, policy: () => interact({ subject: 'order' }) },
          answer: passOn(`${supplier}/orders`),
        },
      ],
      shop: { interaction: { ...login.interaction, login: () => 'clerk' } },
    })
    token = await stage.grant()
    const deferred = await stage.order(token)
    const browser = new Browser(stage.town)
    await browser.approve(await browser.open(pageOf(deferred)))
    const agent = (await stage.sam.agentToken()).jwt
    const done = await stage.sam.request({ url: pendingOf(deferred) }, { token: agent })
    expect([done.status, await done.json()]).toEqual([201, { from: { order: 1 } }])
    expect(stage.orders).toHaveLength(1)
  })

  it('asks no supplier twice for what it has answered before the wait', async () => {
    let runs = 0
    const calls: string[] = []
    const order = async (onward: Onward, what: string): Promise<unknown> => {
      const response = await onward(`${supplier}/orders`, { method: 'POST', body: JSON.stringify({ what }) })
      return response.json()
    }
    stage = await openStage(adapter, {
      mom: {
        consent: ({ resource }) => (resource === warehouse ? { decision: true, after: 'visit' } : true),
      },
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true, policy: () => allow() },
          async answer({ onward }) {
            runs++
            const send = onward()
            calls.push('first')
            // All at once; the orders are under way when the shipment is told to wait.
            const shipment = send(`${warehouse}/shipments`, { method: 'POST', body: '{}' })
            const orders = Promise.all([order(send, 'flour'), order(send, 'salt')])
            const [done, shipped] = await Promise.all([orders, shipment])
            return { done, shipped: (await shipped.json()) as unknown }
          },
        },
      ],
    })
    await openWarehouse()
    token = await stage.grant()
    const deferred = await stage.order(token)
    expect(deferred.status).toBe(202)
    expect(stage.orders).toHaveLength(2)
    await new Browser(stage.town).open(pageOf(deferred))
    const answer = await poll(pendingOf(deferred))
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { done: expect.arrayContaining([{ order: 1 }, { order: 2 }]), shipped: { shipped: 1 } },
    ])
    expect([runs, stage.orders.length, shipped.length]).toEqual([2, 2, 1])
  })

  it('does not try again what may have been done before the wait', async () => {
    const codes: unknown[] = []
    let lost = 0
    stage = await openStage(adapter, {
      mom: {
        consent: ({ resource }) => (resource === warehouse ? { decision: true, after: 'visit' } : true),
      },
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true },
          async answer({ onward }) {
            const send = onward()
            await send(`${supplier}/orders`, { method: 'POST', body: '{}' }).catch((error: unknown) => {
              codes.push((error as { code: string }).code)
            })
            await send(`${warehouse}/shipments`, { method: 'POST', body: '{}' })
            return {}
          },
        },
      ],
      shop: {
        onward: {
          fetch: async (input, init) => {
            const response = await stage.town.fetchAs('shop')(input, init)
            const { url } = new Request(input, init)
            if (!url.startsWith(supplier) || response.status !== 201) return response
            lost++
            throw new TypeError('the connection was reset')
          },
        },
      },
    })
    await openWarehouse()
    token = await stage.grant()
    const deferred = await stage.order(token)
    await new Browser(stage.town).open(pageOf(deferred))
    expect((await poll(pendingOf(deferred))).status).toBe(200)
    expect([codes, lost, stage.orders.length, shipped.length]).toEqual([
      ['supplier_unavailable', 'supplier_unavailable'],
      1,
      1,
      1,
    ])
  })

  it('does not go on where the handler orders something else when it runs again', async () => {
    let run = 0
    stage = await openStage(adapter, {
      mom: {
        consent: ({ resource }) => (resource === warehouse ? { decision: true, after: 'visit' } : true),
      },
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true },
          async answer({ onward }) {
            const number = ++run
            const send = onward()
            await send(`${supplier}/orders`, { method: 'POST', body: JSON.stringify({ number }) })
            await send(`${warehouse}/shipments`, { method: 'POST', body: '{}' })
            return {}
          },
        },
      ],
    })
    await openWarehouse()
    token = await stage.grant()
    const deferred = await stage.order(token)
    await new Browser(stage.town).open(pageOf(deferred))
    const answer = await poll(pendingOf(deferred))
    expect([answer.status, stage.orders.length, shipped.length]).toEqual([500, 1, 0])
  })
})
