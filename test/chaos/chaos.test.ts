import { approval, type PendingView } from '@countersign/core'
import { type Agent, createTown, sendToLoopback, type Town, type WireRequest } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { seeded } from '../soak/random.js'
import type { TargetRoute } from '../target/routes.js'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'
import { stormyFetch, stormyStore, type Weather } from './faults.js'

// Faults of the store and of the network by a schedule that a seed decides: CHAOS_SEED, which stands in the title of what
// fails, and CHAOS_STEPS for a longer one.

vi.setConfig({ testTimeout: 900_000, hookTimeout: 60_000 })

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)
const steps = Number(process.env['CHAOS_STEPS'] ?? 150)
const ofQuery = ['@method', '@authority', '@path', '@query', 'signature-key']

describe.each(adapters)(`whatever fails [adapter %s] [CHAOS_SEED=${seed}]`, (adapter) => {
  const unhandled: unknown[] = []
  const note = (cause: unknown): void => void unhandled.push(cause)
  let time: number
  let weather: Weather & { readonly random: () => number }
  let town: Town
  let target: RunningTarget
  let sam: Agent
  let executed: number
  let serial: number
  const asked: PendingView[] = []
  const revoked: string[] = []
  const denied: Agent[] = []

  const table: readonly TargetRoute[] = [
    { method: 'GET', path: '/data', requirement: { scope: 'data.read' }, answer: () => ({}) },
    { method: 'POST', path: '/once', requirement: { scope: 'data.write', replay: true }, answer: () => ({}) },
    { method: 'GET', path: '/agent', requirement: 'agent', answer: () => ({}) },
    {
      method: 'POST',
      path: '/held',
      requirement: {
        identity: 'agent',
        policy: () => approval({ ask: (pending) => void asked.push(pending) }),
      },
      answer: () => ({ executed: ++executed }),
    },
  ]
  beforeEach(async () => {
    process.on('unhandledRejection', note)
    time = Date.UTC(2026, 10, 1)
    weather = { store: 0, network: 0, random: seeded(seed) }
    executed = 0
    serial = 0
    for (const list of [asked, revoked, denied, unhandled]) list.length = 0
    const clock = (): number => time
    town = await createTown({ clock })
    const options = {
      clock,
      fetch: stormyFetch(weather, town.fetchAs('rs.example')),
      store: stormyStore(weather, clock),
      storeTimeout: 40,
      pending: { retryAfter: 0, callTime: 1 },
    }
    target = await startTarget(adapter, 0, options, table)
    town.route('rs.example', target.port)
    sam = town.agent('sam', { person: town.person('mom') })
  })
  afterEach(async () => {
    process.off('unhandledRejection', note)
    await target.close()
    target.aauth.close()
    await town.close()
  })

  const grant = (jti: string): Promise<string> =>
    town.ps.mintAuthToken(
      { person: town.person('mom'), resource, cnf: sam.key.cnf, scope: 'data.read data.write' },
      { claims: { jti } },
    )
  /** Whatever fails, it is answered, and no fault is taken for one of ours that nobody has thought of. */
  const send = async (request: WireRequest): Promise<Response> => {
    const response = await sendToLoopback(target.port, request)
    const { status } = response
    expect([200, 202, 401, 403, 404, 410, 429, 503]).toContain(status)
    return response
  }
  const status = async (request: WireRequest): Promise<number> => (await send(request)).status
  const data = async (token: string): Promise<number> =>
    status(await sam.sign({ url: `${resource}/data?n=${++serial}` }, { token }))

  const visits: readonly (() => Promise<void>)[] = [
    async () => void (await data(await grant(`good-${++serial}`))),
    async () => {
      const token = await grant(`forged-${++serial}`)
      expect(await data(`${token.slice(0, -8)}AAAAAAAA`)).not.toBe(200)
      const nobody = {
        method: 'GET',
        host: 'rs.example',
        target: '/data',
        rawHeaders: ['Host', 'rs.example'],
      }
      expect(await status(nobody)).not.toBe(200)
    },
    // What is acknowledged holds, whatever the store says later.
    async () => {
      const jti = `revoked-${++serial}`
      const token = await grant(jti)
      await data(token)
      const { outcome } = await town.ps.revoke(jti, Math.floor(time / 1000) + 3600, resource)
      if (outcome !== 'recorded') return
      revoked.push(token)
      expect(await data(token)).not.toBe(200)
    },
    async () => {
      const token = revoked[Math.floor(weather.random() * revoked.length)]
      if (token !== undefined) expect(await data(token)).not.toBe(200)
    },
    async () => {
      const agent = town.agent(`denied-${++serial}`)
      const call = async (): Promise<number> => status(await agent.sign({ url: `${resource}/agent` }))
      await call()
      const isKnown = await target.aauth.denials.add({ subject: { key: agent.key.jkt } }).then(
        () => true,
        () => false,
      )
      if (!isKnown) return
      denied.push(agent)
      expect(await call()).not.toBe(200)
    },
    async () => {
      const agent = denied[Math.floor(weather.random() * denied.length)]
      if (agent !== undefined)
        expect(await status(await agent.sign({ url: `${resource}/agent` }))).not.toBe(200)
    },
    // The same at once and again: no two of them are served.
    async () => {
      const token = await grant(`once-${++serial}`)
      const request = await sam.sign(
        { method: 'POST', url: `${resource}/once?n=${serial}` },
        { token, components: ofQuery },
      )
      const first = await Promise.all([status(request), status(request), status(request)])
      const all = [...first, await status(request)]
      expect(all.filter((one) => one === 200).length).toBeLessThan(2)
    },
    // A held call is carried out once at most, and whoever has seen its answer was told of one that was.
    async () => {
      const before = executed
      const url = `${resource}/held?n=${++serial}`
      const first = await send(await sam.sign({ method: 'POST', url }, { components: ofQuery }))
      const location = first.headers.get('location')
      const pending = asked.splice(0).at(-1)
      if (first.status !== 202 || location === null || pending === undefined) return
      await target.aauth.pending.approve(pending.id).catch(() => undefined)
      const answers: number[] = []
      for (let polls = 0; polls < 3; polls++) {
        const poll = await sam.sign({
          url: new URL(location, resource).href,
          headers: [['Prefer', 'wait=0']],
        })
        const both = await Promise.all([status(poll), status(poll)])
        answers.push(...both)
      }
      expect(executed - before).toBeLessThan(2)
      if (answers.includes(200)) expect(executed - before).toBe(1)
    },
  ]

  it('nobody is served who must not be, nothing is done twice, and all is well when it is over', async () => {
    for (let step = 0; step < steps; step++) {
      if (step % 12 === 0) {
        weather.store = [0, 0.15, 0.5, 0.9][Math.floor(weather.random() * 4)] as number
        weather.network = [0, 0, 0.4][Math.floor(weather.random() * 3)] as number
      }
      if (weather.random() < 0.1) (weather.random() < 0.5 ? town.ps : town.ap).keys.rotate()
      time += Math.floor(weather.random() * 15_000)
      await visits[Math.floor(weather.random() * visits.length)]?.()
    }
    weather.store = 0
    weather.network = 0
    time += 120_000
    // What had failed is asked for again by the first that come: of the person server, and of the agent provider.
    const welcome = async (): Promise<number> =>
      status(await town.agent(`after-${++serial}`).sign({ url: `${resource}/agent` }))
    await expect
      .poll(async () => {
        time += 5000
        return [await data(await grant(`after-${++serial}`)), await welcome()]
      })
      .toEqual([200, 200])
    for (const token of revoked) expect(await data(token)).toBe(401)
    // With a new token: the key of an old one may have been retired meanwhile.
    for (const agent of denied.slice(-5)) {
      const token = await agent.mintAgentToken()
      expect(await status(await agent.sign({ url: `${resource}/agent` }, { token }))).toBe(403)
    }
    expect(unhandled).toEqual([])
  })
})
