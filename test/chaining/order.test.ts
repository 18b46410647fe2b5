import { createKey } from '@countersign/devkit'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { Browser } from './browser.js'
import { errorOf, pageOf, pendingOf } from './deferred.js'
import { openStage, type Stage, type StageOptions, supplier } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

describe.each(adapters)('call chaining [adapter %s]', (adapter) => {
  let stage: Stage
  let sent: Request[]
  const open = async (options: StageOptions = {}) => {
    sent = []
    let through: typeof fetch = fetch
    const watched: typeof fetch = async (input, init) => {
      const request = new Request(input, init)
      sent.push(request.clone())
      return through(request)
    }
    const shop = { ...options.shop, onward: { fetch: watched, ...options.shop?.onward } }
    stage = await openStage(adapter, { ...options, shop })
    through = stage.town.fetchAs('shop')
  }
  const bodies = async () =>
    Promise.all(
      sent.flatMap((request) =>
        request.url.startsWith('https://ps.example/') ? [request.clone().json() as Promise<object>] : [],
      ),
    )
  const document = async (name: string) =>
    (await stage.town.fetchAs('browser')(`${resource}/.well-known/${name}`)).json() as Promise<
      Record<string, unknown>
    >
  const agentTokens = () =>
    sent
      .filter(({ url }) => url.startsWith('https://ps.example/'))
      .map(({ headers }) => /jwt="([^"]+)"/.exec(headers.get('signature-key') ?? '')?.[1] as string)
  afterEach(() => stage.close())

  it('buys from the supplier in the name of the caller, in the order of the draft (R-311)', async () => {
    await open()
    const response = await stage.sam.fetch('https://rs.example/order', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })
    expect([response.status, await response.json()]).toEqual([
      200,
      { supplier: { status: 201, body: { order: 1 } } },
    ])
    expect(stage.orders).toEqual([{ bread: 2 }])
    expect(sent.map(({ url }) => url)).toEqual([
      'https://ps.example/person',
      `${supplier}/orders`,
      'https://ps.example/token',
      `${supplier}/orders`,
    ])
    expect((await bodies()).map((body) => Object.keys(body).sort())).toEqual([
      ['capabilities', 'resource', 'upstream_token'],
      ['capabilities', 'presented_token', 'resource_token', 'upstream_token'],
    ])
  })

  it('publishes itself as its own agent provider, with the same issuer and keys (R-306)', async () => {
    await open()
    const [agent, own] = [await document('aauth-agent.json'), await document('aauth-resource.json')]
    expect(agent).toMatchObject({
      issuer: own['issuer'],
      jwks_uri: own['jwks_uri'],
      callback_endpoint: 'https://rs.example/aauth/callback',
    })
  })

  it('is one agent for all callers, with one agent token (R-308)', async () => {
    await open()
    for (let i = 0; i < 2; i++) expect((await stage.order(await stage.grant())).status).toBe(200)
    expect(new Set(agentTokens()).size).toBe(1)
    expect(decodeJwt(agentTokens()[0] as string).sub).toBe('aauth:onward@rs.example')
  })

  it('signs the content of what it asks for, and says in it what its caller can do (R-313, R-300)', async () => {
    await open()
    const capabilities = { 'AAuth-Capabilities': 'interaction, clarification' }
    expect((await stage.order(await stage.grant(), capabilities)).status).toBe(200)
    for (const request of sent.filter(({ url }) => url.startsWith('https://ps.example/'))) {
      expect(request.headers.get('signature-input')).toMatch(/"content-type" "content-digest"/)
      expect(request.headers.has('aauth-capabilities')).toBe(false)
    }
    expect(await bodies()).toEqual([
      expect.objectContaining({ capabilities: ['interaction'] }),
      expect.objectContaining({ capabilities: ['interaction'] }),
    ])
  })

  it('says nothing of who the caller is to it (R-318)', async () => {
    await open()
    const token = await stage.grant()
    expect((await stage.order(token)).status).toBe(200)
    const { sub } = decodeJwt(token)
    for (const request of sent) {
      const text = `${request.url} ${JSON.stringify([...request.headers])} ${await request.clone().text()}`
      expect(text).not.toContain(sub)
    }
  })

  it('asks for scopes that its caller has none of (R-322)', async () => {
    await open({
      supplier: { scopes: { 'stock.take': 'Take from the stock' } },
      supplierRoute: { scope: 'stock.take' },
    })
    expect((await stage.order(await stage.grant())).status).toBe(200)
    const last = sent.at(-1)?.headers.get('signature-key') ?? ''
    expect(decodeJwt(/jwt="([^"]+)"/.exec(last)?.[1] as string)['scope']).toBe('stock.take')
  })

  it('names no mission, and has that of its caller (R-323)', async () => {
    await open()
    const { town, mom, sam } = stage
    const mission = town.ps.startMission(sam.identifier)
    const about = { person: mom, resource, cnf: sam.key.cnf, scope: 'data.write' }
    expect((await stage.order(await town.ps.mintAuthToken({ ...about, mission }))).status).toBe(200)
    for (const body of await bodies()) expect(body).not.toHaveProperty('mission_s256')
    const last = sent.at(-1)?.headers.get('signature-key') ?? ''
    expect(decodeJwt(/jwt="([^"]+)"/.exec(last)?.[1] as string)['mission_s256']).toBe(mission)
  })

  it('asks once for what several calls at once need', async () => {
    await open({
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true },
          async answer({ onward }) {
            const send = onward()
            const one = (bread: number) =>
              send(`${supplier}/orders`, { method: 'POST', body: JSON.stringify({ bread }) })
            const responses = await Promise.all([one(1), one(2), one(3)])
            return { statuses: responses.map(({ status }) => status) }
          },
        },
      ],
    })
    const response = await stage.order(await stage.grant())
    expect(await response.json()).toEqual({ statuses: [201, 201, 201] })
    expect(sent.filter(({ url }) => url.startsWith('https://ps.example/'))).toHaveLength(2)
    expect(stage.orders).toHaveLength(3)
  })

  it('has the person asked once by several calls at once', async () => {
    const asked: string[] = []
    await open({
      mom: {
        consent: ({ resource }) => {
          asked.push(resource)
          return { decision: true, after: 'visit' }
        },
      },
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true },
          async answer({ onward }) {
            const send = onward()
            const one = (bread: number) =>
              send(`${supplier}/orders`, { method: 'POST', body: JSON.stringify({ bread }) })
            const responses = await Promise.all([one(1), one(2)])
            return { statuses: responses.map(({ status }) => status) }
          },
        },
      ],
    })
    const token = await stage.grant()
    const deferred = await stage.order(token)
    expect(asked).toEqual([supplier])
    await new Browser(stage.town).open(pageOf(deferred))
    const done = await stage.sam.request({ url: pendingOf(deferred) }, { token })
    expect(await done.json()).toEqual({ statuses: [201, 201] })
    expect([asked.length, stage.orders.length]).toEqual([1, 2])
  })

  it('buys from a supplier that has an access server of its own (R-320)', async () => {
    await open({ supplier: { accessServer: 'https://office.example' } })
    const office = await stage.town.openAccessServer('https://office.example')
    expect((await stage.order(await stage.grant())).status).toBe(200)
    const last = sent.at(-1)?.headers.get('signature-key') ?? ''
    expect(decodeJwt(/jwt="([^"]+)"/.exec(last)?.[1] as string)).toMatchObject({
      iss: 'https://office.example',
      ps: 'https://ps.example',
    })
    // To the person server, and never to an access server.
    expect(sent.some(({ url }) => url.startsWith('https://office.example'))).toBe(false)
    await office.server.close()
    stage.town.route('office.example', 1)
    const refused = await stage.order(await stage.grant())
    expect([refused.status, await errorOf(refused)]).toEqual([502, 'as_unreachable'])
  })

  it('buys in the name of whom an access server of its own has let in (R-310)', async () => {
    await open({ shop: { accessServer: 'https://office.example' } })
    await stage.town.openAccessServer('https://office.example')
    const response = await stage.sam.fetch('https://rs.example/order', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"bread":2}',
    })
    expect(response.status).toBe(200)
    const [body] = (await bodies()) as { upstream_token: string }[]
    expect(decodeJwt(body?.upstream_token as string).iss).toBe('https://office.example')
    expect(sent[0]?.url).toBe('https://ps.example/person')
  })

  it('signs with another key than the resource’s, if it is given one (R-307)', async () => {
    const key = createKey('ES256', 'agent-1')
    await open({ shop: { onward: { key: key.privateJwk, agent: 'buyer' } } })
    expect((await stage.order(await stage.grant())).status).toBe(200)
    const { sub, cnf } = decodeJwt(agentTokens()[0] as string) as { sub: string; cnf: { jwk: object } }
    expect([sub, cnf.jwk]).toEqual(['aauth:buyer@rs.example', expect.objectContaining(key.cnf)])
  })

  it('goes on with new keys', async () => {
    await open()
    const token = await stage.grant()
    expect((await stage.order(token)).status).toBe(200)
    const next = createKey('Ed25519', 'rs-2')
    stage.shop.keys.publish(next.privateJwk)
    stage.pass(400)
    stage.shop.keys.promote('rs-2')
    expect((await stage.order(token)).status).toBe(200)
    // What was remembered was for the old key.
    expect(sent).toHaveLength(8)
    expect(stage.orders).toHaveLength(2)
  })
})
