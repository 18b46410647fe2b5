import { approval, createMemoryStore } from '@countersign/core'
import { afterEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { errorOf, locationOf, openStage, type Stage } from '../waiting/stage.js'

const table: readonly TargetRoute[] = [
  {
    method: 'POST',
    path: '/pay',
    requirement: { identity: 'agent', policy: () => approval({ ask: () => undefined }) },
    answer: () => ({}),
  },
  { method: 'GET', path: '/data', requirement: { scope: 'data.read' }, answer: () => ({}) },
]

describe.each(adapters)('what strangers share [adapter %s]', (adapter) => {
  let stage: Stage
  afterEach(() => stage.close())

  const call = (agent = stage.sam): Promise<Response> =>
    agent.request({ method: 'POST', url: `${resource}/pay`, body: 'x'.repeat(6000) })

  /** Calls that wait, of one agent of a provider, until there is no more room; where they wait. */
  const fill = async (id: string): Promise<string[]> => {
    const provider = await stage.town.openAgentProvider(id)
    const agent = stage.town.agent('evil', { provider })
    const pending: string[] = []
    for (;;) {
      const answer = await call(agent)
      if (answer.status !== 202) {
        expect([answer.status, await errorOf(answer)]).toEqual([503, 'store_unavailable'])
        return pending
      }
      pending.push(locationOf(answer))
    }
  }

  it('is never all of the room for calls that wait, be it taken by four providers', async () => {
    stage = await openStage(adapter, { pending: { room: 786_432 } }, table)
    const taken: number[] = []
    for (const name of ['one', 'two', 'three', 'four'])
      taken.push((await fill(`https://${name}.example`)).length)
    expect(taken[0]).toBeGreaterThan(9)
    expect((await call()).status).toBe(202)
  })

  it('is one share for the providers below one domain', async () => {
    stage = await openStage(adapter, { pending: { room: 524_288 } }, table)
    await fill('https://one.evil.example')
    expect(await fill('https://two.evil.example')).toEqual([])
    expect((await call()).status).toBe(202)
  })

  it('is nothing of what the operator keeps for an issuer that he named', async () => {
    const issuers = { prewarm: [{ issuer: 'https://ap.example', dwk: 'aauth-agent.json' }] }
    stage = await openStage(adapter, { pending: { room: 131_072 }, issuers }, table)
    for (let index = 0; index < 12; index++) await fill(`https://made-up-${index}.example`)
    expect((await call()).status).toBe(202)
  })

  it('leaves room for revocations where everything else is full', async () => {
    stage = await openStage(adapter, {}, table)
    const clock = stage.town.clock
    await stage.close()
    const store = createMemoryStore({ maxEntries: 20, clock })
    stage = await openStage(adapter, { store, pending: { perKey: 100 } }, table)
    for (let index = 0; index < 30; index++) await call()
    expect((await call()).status).toBe(503)
    const token = await stage.town.ps.mintAuthToken(
      { person: stage.mom, resource, cnf: stage.sam.key.cnf, scope: 'data.read' },
      { claims: { jti: 'taken-back' } },
    )
    expect((await stage.sam.request({ url: `${resource}/data` }, { token })).status).toBe(200)
    const exp = Math.floor(stage.town.clock() / 1000) + 600
    expect((await stage.town.ps.revoke('taken-back', exp, resource)).outcome).toBe('recorded')
    expect((await stage.sam.request({ url: `${resource}/data` }, { token })).status).toBe(401)
  })
})
