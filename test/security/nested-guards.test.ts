import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DecisionEvent } from '@countersign/core/events'
import { createTown, type Town } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import express from 'express'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sendRaw } from '../hostile/wire.js'

describe('a router’s guard and its route’s, on one request', () => {
  let town: Town
  let server: Server
  let calls: number
  let headers: readonly (readonly [string, string])[]
  let decisions: DecisionEvent[]
  beforeEach(async () => {
    calls = 0
    decisions = []
    town = await createTown()
    const guard = aauth({
      resource: 'https://rs.example',
      fetch: town.fetchAs('rs.example'),
      replay: true,
      onEvent: (event) => {
        if (event.name === 'decision') decisions.push(event)
      },
    })
    const router = express.Router().use(guard.require('agent'))
    router.post('/people', guard.require('person'), (_req, res) => void res.end())
    router.post('/orders', guard.require('agent'), ({ rawHeaders }, res) => {
      calls++
      headers = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] as string]] : []))
      res.end()
    })
    server = express().use('/shop', router).listen(0, '127.0.0.1')
    await once(server, 'listening')
    town.route('rs.example', (server.address() as AddressInfo).port)
  })
  afterEach(async () => {
    server.close()
    server.closeAllConnections()
    await town.close()
  })

  it('use its signature up once, and a second request finds it used (R-073)', async () => {
    const sam = town.agent('sam', { person: town.person('mom') })
    const first = await sam.fetch('https://rs.example/shop/orders', { method: 'POST' })
    expect([first.status, calls]).toEqual([200, 1])
    const { port } = server.address() as AddressInfo
    const second = await sendRaw(port, {
      method: 'POST',
      target: '/shop/orders',
      headers: headers.filter(([name]) => name.toLowerCase() !== 'connection'),
    })
    expect([second.status, calls]).toEqual([401, 1])
  })

  it('decide one after the other, and say which of them it is: one for each request is the first', async () => {
    const sam = town.agent('sam', { person: town.person('mom') })
    const post = (): Promise<Response> =>
      sam.request({ url: 'https://rs.example/shop/people', method: 'POST' })
    await Promise.all([post(), post(), post()])
    const ids = new Set(decisions.map(({ id }) => id))
    expect([ids.size, ids.has(undefined)]).toEqual([3, false])
    for (const id of ids) {
      const [first, second, ...more] = decisions.filter((decision) => decision.id === id)
      expect([first?.outcome, first?.part, more]).toEqual(['served', undefined, []])
      expect([second?.outcome, second?.code, second?.part]).toEqual(['challenged', 'person-token', 2])
    }
    decisions = []
    // One that the first guard refuses has one decision, and so has each request of a connection that is kept.
    for (let n = 0; n < 3; n++)
      await town.fetchAs('nobody')('https://rs.example/shop/orders', { method: 'POST' })
    expect(decisions.map(({ outcome, part }) => [outcome, part])).toEqual(
      Array.from({ length: 3 }, () => ['challenged', undefined]),
    )
  })

  it('use it up for nothing where the second one challenges (G-71)', async () => {
    const sam = town.agent('sam', { person: town.person('mom') })
    const { port } = server.address() as AddressInfo
    const request = await sam.sign({ url: 'https://rs.example/shop/people', method: 'POST' })
    const lines = request.rawHeaders.flatMap((name, i) =>
      i % 2 === 0 ? [[name, request.rawHeaders[i + 1] as string] as const] : [],
    )
    for (let i = 0; i < 3; i++) {
      const answer = await sendRaw(port, { method: 'POST', target: '/shop/people', headers: lines })
      expect([answer.status, answer.headers.get('aauth-requirement')?.[0]]).toEqual([
        401,
        'requirement=person-token',
      ])
    }
  })
})
