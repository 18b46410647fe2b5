import { hash } from 'node:crypto'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { AAuthEvent, DecisionEvent } from '@countersign/core/events'
import { type Agent, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resource, type SeenApp, type SeenOptions, seenApps, url } from './seen-app.js'

let town: Town
let sam: Agent
let app: SeenApp | undefined
let events: AAuthEvent[]
beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom') })
  events = []
})
afterEach(async () => {
  await app?.close()
  app = undefined
  await town.close()
})
const decisions = (): DecisionEvent[] => events.filter((event) => event.name === 'decision')
/** Those at routes of the application; agents and person servers read our documents besides. */
const atRoutes = (): DecisionEvent[] => decisions().filter(({ route }) => !isDocument(route))
const isDocument = (route = ''): boolean => route.startsWith('/.well-known/')
const callIdOf = ({ rawHeaders }: WireRequest): string => {
  const value = rawHeaders[rawHeaders.indexOf('Signature') + 1] as string
  return hash('sha256', value.trim(), 'base64url')
}

describe.each(seenApps)('one decision for each request [adapter %s]', (_, start) => {
  const open = async (options: SeenOptions = {}): Promise<void> => {
    app = await start(town, { onEvent: (event) => void events.push(event), logger: false, ...options })
  }
  const forget = (): void => void events.splice(0)

  it('says who was served on whose behalf, by which key and token, and under which route', async () => {
    await open()
    expect((await sam.fetch(url('/notes/7?secret=1'))).status).toBe(200)
    const first = atRoutes()
    expect(first.map(({ outcome, code, status }) => [outcome, code, status])).toEqual(
      [
        ['challenged', 'person-token', 401],
        ['challenged', 'auth-token', 401],
        ['served', undefined, undefined],
      ].slice(-first.length),
    )
    forget()
    await sam.fetch(url('/notes/8?secret=1'))
    const [served] = atRoutes() as [DecisionEvent]
    expect(served).toEqual({
      name: 'decision',
      at: expect.any(Number),
      id: expect.stringMatching(/^[\w-]{43}$/),
      resource,
      method: 'GET',
      route: '/notes/:id',
      outcome: 'served',
      caller: 'grant',
      ps: 'https://ps.example',
      person: expect.stringMatching(/^[\w-]{43}$/),
      scope: ['read'],
      jkt: expect.stringMatching(/^[\w-]{43}$/),
      iss: 'https://ps.example',
      jti: expect.any(String),
      remembered: true,
      verification: expect.any(Number),
      milliseconds: expect.any(Number),
      requestId: 'req-1',
    })
    expect(Math.abs(served.at - Date.now())).toBeLessThan(60_000)
    expect(served.verification).toBeLessThanOrEqual(served.milliseconds)
    const text = JSON.stringify(events)
    expect(text).not.toContain(town.ps.subjectOf(town.person('mom'), resource))
    expect(text).not.toContain('secret=1')
    expect(text).not.toContain('/notes/8')
  })

  it('names it by its signature, and the handler has the name', async () => {
    await open()
    const request = await sam.sign({ url: url('/watched') })
    const answer = (await (await sam.send(request)).json()) as { call: string }
    expect(answer.call).toBe(callIdOf(request))
    expect(atRoutes().map(({ id }) => id)).toEqual([answer.call])
    expect(new Set(events.filter((event) => event.id !== undefined).map(({ id }) => id))).toEqual(
      new Set([answer.call]),
    )
    expect(await (await town.fetch(url('/watched'))).json()).toEqual({ call: null })
  })

  it('is each of the seven outcomes', async () => {
    await open()
    await town.fetch(url('/notes/7'))
    await sam.request({ url: url('/notes/7') }, { created: 1 })
    await sam.fetch(url('/closed/7'))
    const closed = atRoutes().at(-1)
    await town.fetch(url('/both'))
    await town.fetch(url('/watched'))
    await sam.send(await sam.sign({ url: url('/held') }))
    expect(closed).toMatchObject({
      outcome: 'denied',
      code: 'closed',
      status: 403,
      family: 'caller',
      policy: 'closedToday',
      caller: 'person',
      route: '/closed/:id',
    })
    const told = atRoutes().filter(({ route }) => route !== '/closed/:id')
    expect(told).toMatchObject([
      { outcome: 'challenged', code: 'person-token', status: 401, caller: 'nobody', route: '/notes/:id' },
      { outcome: 'refused', code: 'invalid_signature', status: 401, caller: 'unverified', family: 'caller' },
      { outcome: 'elsewhere', code: 'person-token', caller: 'nobody', route: '/both' },
      { outcome: 'observed', code: 'person-token', status: 401, caller: 'nobody', route: '/watched' },
      {
        outcome: 'deferred',
        code: 'approval',
        status: 202,
        caller: 'agent',
        agent: 'aauth:sam@ap.example',
        policy: 'held',
        provider: 'https://ap.example',
      },
    ])
    expect(told[0]).not.toHaveProperty('id')
    expect(told[4]).toMatchObject({ remembered: expect.any(Boolean), jkt: expect.any(String) })
  })

  it('says of a request that would have been served, and was left to the other way in, that it would', async () => {
    await open()
    await sam.fetch(url('/notes/7'))
    forget()
    await sam.fetch(url('/both-watched'))
    expect(atRoutes()).toMatchObject([
      { outcome: 'observed', code: 'served', status: 200, caller: 'grant', route: '/both-watched' },
    ])
    forget()
    await sam.fetch(url('/watched'))
    const [watched] = atRoutes() as [DecisionEvent]
    expect(watched).toMatchObject({ outcome: 'served', caller: 'grant' })
    expect(watched).not.toHaveProperty('code')
  })

  it('is told of endpoints of ours, whatever they answer', async () => {
    await open()
    await town.fetch(url('/.well-known/aauth-resource.json'))
    await town.fetch(url('/.well-known/aauth-resource.json'), { method: 'DELETE' })
    await town.fetch(url('/aauth/authorize'), { method: 'POST' })
    await sam.send(await sam.sign({ url: url('/aauth/pending/none') }))
    await town.fetch(url('/aauth/revoke'), { method: 'POST' })
    await town.fetch(url('/open'))
    expect(decisions()).toMatchObject([
      { route: '/.well-known/aauth-resource.json', outcome: 'served', status: 200, caller: 'nobody' },
      { route: '/.well-known/aauth-resource.json', method: 'DELETE', outcome: 'refused', status: 405 },
      { route: '/aauth/authorize', outcome: 'challenged', code: 'person-token', status: 401 },
      { route: '/aauth/pending/*', outcome: 'refused', code: 'not_found', status: 404, caller: 'agent' },
      {
        route: '/aauth/revoke',
        outcome: 'refused',
        code: 'invalid_signature',
        status: 401,
        caller: 'nobody',
      },
    ])
    expect(decisions().every(({ requestId }) => requestId === 'req-1')).toBe(true)
  })

  it('names persons in clear only where the options say so, and by the same hash as before', async () => {
    await open()
    await sam.fetch(url('/notes/7'))
    const hashed = decisions().at(-1)?.person
    await app?.close()
    forget()
    await open({ audit: { subjects: true } })
    await sam.fetch(url('/notes/7'))
    const sub = town.ps.subjectOf(town.person('mom'), resource)
    expect(decisions().at(-1)).toMatchObject({ person: hashed, subjects: { sub } })
    await app?.close()
    forget()
    await open({ audit: { subjectKey: 'k'.repeat(32) } })
    await sam.fetch(url('/notes/7'))
    expect(decisions().at(-1)?.person).toMatch(/^[\w-]{43}$/)
    expect(decisions().at(-1)?.person).not.toBe(hashed)
  })

  it('refuses an option that is none, by its name', async () => {
    await expect((async () => open({ audit: { subjectKey: 'short' } }))()).rejects.toThrow(
      'option audit.subjectKey: must be text of 32 characters or more',
    )
    await expect((async () => open({ audit: { subjects: 'yes' as never } }))()).rejects.toThrow(
      'option audit.subjects: must be a boolean',
    )
  })

  it('is published on a diagnostics channel, with the phases of the request, where nobody has onEvent', async () => {
    app = await start(town, { logger: false })
    const heard: unknown[] = []
    const phases: string[] = []
    const listener = (message: unknown): void => {
      const { route } = (message as { readonly event: DecisionEvent }).event
      if (!isDocument(route)) heard.push(message)
    }
    const channel = tracingChannel('countersign:verification')
    const listeners = {
      start: () => phases.push('start'),
      end: () => phases.push('end'),
      asyncStart: () => phases.push('asyncStart'),
      asyncEnd: () => phases.push('asyncEnd'),
      error: () => phases.push('error'),
    }
    subscribe('countersign:decision', listener)
    channel.subscribe(listeners as never)
    try {
      await sam.fetch(url('/notes/7'))
    } finally {
      unsubscribe('countersign:decision', listener)
      channel.unsubscribe(listeners as never)
    }
    expect(heard.at(-1)).toMatchObject({
      resource,
      event: { name: 'decision', outcome: 'served', route: '/notes/:id' },
      about: { request: { method: 'GET', path: '/notes/7' } },
    })
    expect(phases.slice(0, 2)).toEqual(['start', 'end'])
    expect(phases.filter((phase) => phase === 'start').length).toBe(heard.length)
    const before = heard.length
    await sam.fetch(url('/notes/7'))
    expect(heard.length).toBe(before)
  })

  it('of a listener that throws nothing is seen outside', async () => {
    await open({
      onEvent: () => {
        throw new Error('no log')
      },
    })
    expect((await sam.fetch(url('/notes/7'))).status).toBe(200)
  })
})
