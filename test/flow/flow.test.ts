import { createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'

describe.each(adapters)('an agent and a resource it has never seen, on %s', (adapter) => {
  let town: Town
  let target: RunningTarget
  const start = async (options: Parameters<typeof startTarget>[2] = {}): Promise<void> => {
    target = await startTarget(adapter, 0, { fetch: town.fetch, clock: town.clock, ...options })
    town.route('rs.example', target.port)
  }
  beforeEach(async () => {
    town = await createTown()
  })
  afterEach(async () => {
    await target.close()
    await town.close()
  })

  it('is served as an agent, as a person and with a grant', async () => {
    await start()
    const sam = town.agent('sam', { person: town.person('mom', { tenant: 'school' }) })
    const agent = await sam.fetch(`${resource}/agent`)
    expect(await agent.json()).toEqual({
      kind: 'agent',
      agent: sam.identifier,
      provider: 'https://ap.example',
    })
    const person = await sam.fetch(`${resource}/person`)
    expect(await person.json()).toMatchObject({ kind: 'person', ps: 'https://ps.example', tenant: 'school' })
    const data = await sam.fetch(`${resource}/data`)
    expect(await data.json()).toMatchObject({ kind: 'grant', ps: 'https://ps.example', scope: ['data.read'] })
  })

  it('steps up from one scope to the union, and its content arrives whole', async () => {
    await start()
    const sam = town.agent('sam', { person: town.person('mom') })
    expect((await sam.fetch(`${resource}/data`)).status).toBe(200)
    const body = JSON.stringify({ loaves: 2 })
    const headers = { 'Content-Type': 'application/json' }
    const written = await sam.fetch(`${resource}/data`, { method: 'POST', headers, body })
    expect(await written.json()).toMatchObject({ scope: ['data.read', 'data.write'], bytes: body.length })
    const deleted = await sam.fetch(`${resource}/data`, { method: 'DELETE' })
    expect(await deleted.json()).toMatchObject({ scope: ['data.read', 'data.write', 'data.delete'] })
  })

  it('brings what a held call asks for, whatever it came with (R-248)', async () => {
    await start()
    const sam = town.agent('sam', { person: town.person('mom') })
    expect((await sam.fetch(`${resource}/data`)).status).toBe(200)
    const before = town.ledger.length
    const held = await sam.fetch(`${resource}/held`, { method: 'POST' })
    expect([held.status, await held.json()]).toEqual([200, { execution: expect.any(Number) }])
    const polls = town.ledger.slice(before).filter(({ url }) => url.includes('/aauth/pending/'))
    expect(polls).toHaveLength(1)
  })

  it('goes from one account to another, and back (N-113)', async () => {
    await start()
    const sam = town.agent('sam', { person: town.person('mom') })
    for (const path of ['data', 'accounts/blue', 'accounts/red', 'accounts/blue', 'data']) {
      const answer = await sam.fetch(`${resource}/${path}`)
      const account = path.startsWith('accounts/') ? path.slice('accounts/'.length) : 'blue'
      expect(answer.status).toBe(200)
      expect(await answer.json()).toMatchObject(path === 'data' ? {} : { account })
    }
    expect((await sam.fetch(`${resource}/accounts/not-hers`)).status).toBe(403)
  })

  it('goes through the access server where the resource has one', async () => {
    const access = await town.openAccessServer('https://as.example')
    await start({ accessServer: 'https://as.example' })
    const sam = town.agent('sam', { person: town.person('mom') })
    const data = await sam.fetch(`${resource}/data`)
    expect(await data.json()).toMatchObject({ kind: 'grant', ps: 'https://ps.example' })
    expect(town.ledger.some((entry) => entry.to === access.server.host && entry.method === 'POST')).toBe(true)
  })

  it('publishes what verifiers need, and no private member', async () => {
    await start()
    const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${target.port}${path}`)
    const metadata = (await (await get('/.well-known/aauth-resource.json')).json()) as Record<string, string>
    expect(metadata).toMatchObject({ issuer: resource, access_mode: 'auth-token', signature_window: 60 })
    const jwks = await get(new URL(metadata['jwks_uri'] as string).pathname)
    const { keys } = (await jwks.json()) as { keys: object[] }
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([['alg', 'crv', 'kid', 'kty', 'x']])
    const wrong = await fetch(`http://127.0.0.1:${target.port}/.well-known/aauth-resource.json`, {
      method: 'POST',
    })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})
