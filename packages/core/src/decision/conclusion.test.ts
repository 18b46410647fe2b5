import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it } from 'vitest'
import { allow, type Policy } from '../access/policy.js'
import type { AAuthEvent } from '../events.js'
import type { RouteView } from '../http/request-view.js'
import { createResourceServer } from '../server/resource-server.js'
import { now, signed, token } from '../testing/party.js'
import { testOptions } from '../testing/resource.js'
import { requests } from '../tracing/channels.js'
import type { DecisionTold, EventTold } from './conclusion.js'

/** A route that counts how often an event was put together of it. */
const counted = (): { readonly view: RouteView; read: number } => {
  const counter = {
    read: 0,
    view: {
      params: {},
      raw: undefined,
      route: '/data',
      get id() {
        counter.read++
        return 'request-1'
      },
    },
  }
  return counter
}

const stops: (() => void)[] = []
const listenTo = <M>(name: string, listener: (message: M) => void): void => {
  subscribe(name, listener as never)
  stops.push(() => void unsubscribe(name, listener as never))
}
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Nobody but the channels listens. */
const silent = () => createResourceServer(testOptions).require({ scope: 'data.read' })

describe('a decision on its channel', () => {
  it('is put together when it is read, once, and the same for all that look', async () => {
    const told: DecisionTold[] = []
    const traced: { readonly event?: unknown }[] = []
    const listeners = { end: (message: object) => void traced.push(message) }
    listenTo('countersign:decision', (message: DecisionTold) => void told.push(message))
    requests.subscribe(listeners as never)
    stops.push(() => void requests.unsubscribe(listeners as never))
    const route = counted()
    await silent().check(await signed(await token('aa-auth+jwt')), route.view)
    expect(route.read).toBe(0)
    const [message] = told
    const event = message?.event
    expect(event).toMatchObject({ name: 'decision', outcome: 'served', route: '/data', caller: 'grant' })
    expect(message?.event).toBe(event)
    expect(traced[0]?.event).toBe(event)
    expect(route.read).toBe(1)
  })

  it('has its own members only, those that are known, and no others', async () => {
    const told: DecisionTold[] = []
    listenTo('countersign:decision', (message: DecisionTold) => void told.push(message))
    const guard = silent()
    await guard.check({ method: 'GET', target: '/data', rawHeaders: ['Host', 'rs.example'] })
    await guard.check(await signed(await token('aa-auth+jwt'), { created: now - 3600 }))
    await guard.check(await signed(await token('aa-auth+jwt')))
    const [unsigned, stale, served] = told.map(({ event }) => event)
    expect(Object.keys(unsigned as object).sort()).toEqual(
      ['at', 'caller', 'code', 'method', 'milliseconds', 'name', 'outcome', 'resource', 'status'].sort(),
    )
    expect(stale).toMatchObject({ caller: 'unverified', outcome: 'refused', code: 'invalid_signature' })
    expect(stale).not.toHaveProperty('jkt')
    expect(JSON.parse(JSON.stringify(served))).toEqual({ ...served })
    expect({ ...served }).toMatchObject({ id: expect.stringMatching(/^[\w-]{43}$/), jti: 'token-1' })
  })

  it('has the time of the decision, not that of its reading', async () => {
    let clock = now * 1000
    const told: DecisionTold[] = []
    listenTo('countersign:decision', (message: DecisionTold) => void told.push(message))
    const server = createResourceServer({ ...testOptions, clock: () => clock })
    await server.require({ scope: 'data.read' }).check(await signed(await token('aa-auth+jwt')))
    clock += 5000
    expect(told[0]?.event).toMatchObject({ at: now * 1000, milliseconds: 0 })
  })

  it('has the time at which what became of the request was told, or that at which it had been waited for', async () => {
    let clock = now * 1000
    const events: AAuthEvent[] = []
    const server = createResourceServer({
      ...testOptions,
      clock: () => clock++,
      crypto: { mode: 'sync' },
      onEvent: (event) => void events.push(event),
    })
    const timesOf = async (policy: Policy) => {
      events.length = 0
      await server.require({ scope: 'data.read', policy }).check(await signed(await token('aa-auth+jwt')))
      const at = (name: AAuthEvent['name']) => events.find((event) => event.name === name)?.at as number
      return [at('served'), at('decision'), clock] as const
    }
    const [told, concluded] = await timesOf(allow)
    expect(concluded).toBe(told)
    const [toldLater, concludedLater, end] = await timesOf(async () => {
      clock += 5000
      return allow()
    })
    expect(concludedLater).toBeGreaterThan(toldLater)
    expect(toldLater).toBeGreaterThan(told + 5000)
    expect(concludedLater).toBeLessThan(end)
  })
})

describe('every other event on its channel', () => {
  it('is put together when it is read, with the id of its request', async () => {
    const told: EventTold[] = []
    listenTo('countersign:event', (message: EventTold) => void told.push(message))
    await silent().check(await signed(await token('aa-auth+jwt')))
    // What the server says of itself at its start is about no request.
    const served = told.find(({ untold }) => untold.name === 'served')
    expect(served?.untold).toEqual({ name: 'served', caller: 'grant' })
    const event = served?.event
    expect(event).toEqual({
      name: 'served',
      caller: 'grant',
      at: now * 1000,
      id: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect(served?.event).toBe(event)
  })
})
