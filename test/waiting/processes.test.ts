import { approval, createMemoryStore, type Store } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, newSigningKey, type RunningTarget, resource, startTarget } from '../target/start.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from './stage.js'
import { Visitor } from './visitor.js'

describe.each(adapters)('waiting in two servers that share a store [adapter %s]', (adapter) => {
  let stage: Stage
  let other: RunningTarget
  let store: Store
  let broken: boolean
  /** Seconds by which the other server's clock is ahead. */
  let ahead: number
  let ran: number
  let begin: () => void
  let finish: Promise<void>
  const run = async (): Promise<object> => {
    ran++
    begin()
    await finish
    return { ran }
  }
  const table: readonly TargetRoute[] = [
    {
      method: 'POST',
      path: '/transfers',
      requirement: { scope: 'data.write', deliver: 'held' },
      answer: run,
    },
    {
      method: 'POST',
      path: '/approved',
      requirement: { identity: 'agent', policy: () => approval({ ask: () => undefined }) },
      answer: run,
    },
    {
      method: 'GET',
      path: '/session',
      requirement: { session: true },
      answer: ({ caller }) => ({ kind: caller.kind }),
    },
  ]
  beforeEach(async () => {
    ran = 0
    broken = false
    finish = Promise.resolve()
    begin = () => undefined
    let now = (): number => Date.UTC(2026, 10, 1)
    const memory = createMemoryStore({ clock: () => now() })
    const reach = (): Store => {
      if (broken) throw new Error('the store is away')
      return memory
    }
    store = {
      get: (key) => reach().get(key),
      put: (key, value, ttl) => reach().put(key, value, ttl),
      claim: (key, value, ttl) => reach().claim(key, value, ttl),
      delete: (key) => reach().delete(key),
    }
    const signingKeys = [newSigningKey()]
    const options = { pending: { retention: 1 }, sessions: { grace: 0, renewAfter: 60 } }
    stage = await openStage(adapter, { store, signingKeys, ...options }, table)
    now = stage.town.clock
    ahead = 0
    const { fetch, clock } = stage.town
    const theirs = (): number => clock() + ahead * 1000
    other = await startTarget(adapter, 0, { fetch, clock: theirs, store, signingKeys, ...options }, table)
  })
  afterEach(async () => {
    await other.close()
    await stage.close()
  })
  const goTo = (port: number): void => stage.town.route('rs.example', port)
  const call = async (): Promise<string> =>
    locationOf(
      await stage.sam.request(
        { method: 'POST', url: `${resource}/transfers` },
        { token: await stage.personToken() },
      ),
    )
  const poll = (pending: string, token: string): Promise<Response> =>
    stage.sam.request({ url: pending }, { token })

  /** Makes the request that runs the handler, and waits until it has begun. `finish` lets the handler end. */
  const startRun = async (
    request: () => Promise<Response>,
  ): Promise<{ readonly answer: Promise<Response>; finish(): void }> => {
    let end = (): void => undefined
    finish = new Promise((resolve) => {
      end = resolve
    })
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const answer = request()
    await begun
    return { answer, finish: end }
  }

  it('a call is held here and carried out there; the answer is known to both', async () => {
    const pending = await call()
    const grant = await stage.grant('data.write')
    goTo(other.port)
    expect(await (await poll(pending, grant)).json()).toEqual({ ran: 1 })
    goTo(stage.port)
    expect(await (await poll(pending, grant)).json()).toEqual({ ran: 1 })
  })

  it('what a server was doing when it died is not done again (R-247)', async () => {
    const pending = await call()
    const grant = await stage.grant('data.write')
    const lost = await startRun(() => poll(pending, grant))
    goTo(other.port)
    expect((await poll(pending, grant)).status).toBe(202)
    // The longest run, the clocks of two instances apart, and time to write down how it went.
    stage.pass(60 + 10 + 5)
    const answer = await poll(pending, grant)
    expect([answer.status, await errorOf(answer)]).toEqual([500, 'server_error'])
    expect((await poll(pending, grant)).status).toBe(500)
    lost.finish()
    await lost.answer
    expect(ran).toBe(1)
  })

  it('a call that is running is not lost for a server whose clock is ahead by all that the guide allows', async () => {
    const pending = await call()
    const grant = await stage.grant('data.write')
    const running = await startRun(() => poll(pending, grant))
    goTo(other.port)
    ahead = 10
    // The last moment in which it may still run, and then be written down.
    stage.pass(60)
    expect((await poll(pending, grant)).status).toBe(202)
    running.finish()
    expect((await running.answer).status).toBe(200)
    expect((await poll(pending, grant)).status).toBe(200)
    expect(ran).toBe(1)
  })

  it.each([10, -10])(
    'what a server began that died is not done again by one whose clock is %d seconds apart',
    async (seconds) => {
      const first = await stage.sam.request({ method: 'POST', url: `${resource}/approved` })
      const pending = locationOf(first)
      await stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1))
      goTo(other.port)
      ahead = seconds
      const lost = await startRun(() => stage.sam.request({ url: pending }))
      // That it was begun is known for as long as anything is known of the call.
      stage.pass(585)
      const seen = new Set<number>()
      for (let second = 585; second < 620; second++) {
        stage.pass(1)
        for (const { port } of [stage, other]) {
          goTo(port)
          seen.add((await stage.sam.request({ url: pending })).status)
        }
      }
      expect([...seen]).toEqual([500, 404])
      lost.finish()
      await lost.answer
      expect(ran).toBe(1)
    },
  )

  it('a person may come to one server and the agent to the other, before and after', async () => {
    const first = await stage.sam.request({ url: `${resource}/session` })
    const { url, code } = interactionOf(first)
    goTo(other.port)
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(`${url}?code=${code}`)
    goTo(stage.port)
    await visitor.decide(page, 'approve')
    const done = await stage.sam.request({ url: locationOf(first) })
    const headers = { Authorization: `AAuth ${done.headers.get('aauth-access')}` }
    goTo(other.port)
    expect((await stage.sam.request({ url: `${resource}/session`, headers })).status).toBe(200)
    await stage.aauth.sessions.end({ user: 'mom' })
    expect((await stage.sam.request({ url: `${resource}/session`, headers })).status).toBe(202)
  })

  it('nothing waits, runs or is served by a session while the store is away', async () => {
    const pending = await call()
    const grant = await stage.grant('data.write')
    const first = await stage.sam.request({ url: `${resource}/session` })
    const { url, code } = interactionOf(first)
    broken = true
    expect((await poll(pending, grant)).status).toBe(503)
    const again = { method: 'POST', url: `${resource}/transfers` }
    expect((await stage.sam.request(again, { token: await stage.personToken() })).status).toBe(503)
    const page = await new Visitor(stage.town).request(`${url}?code=${code}`)
    expect(page.status).toBe(503)
    await expect(stage.aauth.pending.approve(pending.slice(pending.lastIndexOf('/') + 1))).rejects.toThrow()
    broken = false
    expect(ran).toBe(0)
  })
})
