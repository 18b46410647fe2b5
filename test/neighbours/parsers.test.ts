import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AAuthEvent, PendingView, ResourceServer } from '@countersign/core'
import { contentDigest, importSigningJwk, signRequest } from '@countersign/core/signature'
import { type Agent, createTown, type Person, type Town } from '@countersign/devkit'
import { aauth, approval, interact } from '@countersign/express'
import express, { type Express, type Request } from 'express'
import express4 from 'express4'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { newSigningKey, resource } from '../target/start.js'
import { interactionOf, locationOf } from '../waiting/stage.js'
import { Visitor } from '../waiting/visitor.js'

// An application that has its body parsers in front of everything, as most that exist have.

type Framework = typeof express
const keepBytes = (req: unknown, _res: unknown, bytes: Buffer): void => {
  ;(req as { rawBody: Buffer }).rawBody = bytes
}
const keepText = (req: unknown, _res: unknown, bytes: Buffer): void => {
  ;(req as { rawBody: string }).rawBody = bytes.toString()
}

/** What stands before the guard. */
interface Setup {
  readonly name: string
  /** Whether the bytes are kept. */
  readonly keeps: boolean
  use(app: Express, framework: Framework): void
}
const setups: readonly Setup[] = [
  {
    name: 'express.json() and urlencoded()',
    keeps: false,
    use: (app, { json, urlencoded }) => void app.use(json(), urlencoded({ extended: true })),
  },
  {
    name: 'the same, which keep the bytes as rawBody (NestJS does)',
    keeps: true,
    use: (app, { json, urlencoded }) =>
      void app.use(json({ verify: keepBytes }), urlencoded({ extended: true, verify: keepBytes })),
  },
  {
    name: 'the same, which keep the text as rawBody',
    keeps: true,
    use: (app, { json, urlencoded }) =>
      void app.use(json({ verify: keepText }), urlencoded({ extended: false, verify: keepText })),
  },
  {
    name: 'express.raw()',
    keeps: true,
    use: (app, { raw }) => void app.use(raw({ type: () => true })),
  },
  {
    name: 'express.text()',
    keeps: true,
    use: (app, { text }) => void app.use(text({ type: () => true })),
  },
]
const frameworks: readonly (readonly [string, Framework])[] = [
  ['Express 5', express],
  ['Express 4', express4 as unknown as Framework],
]
const cases = frameworks.flatMap(([version, framework]) =>
  setups.map((setup) => ({ title: `${version}, ${setup.name}`, framework, setup })),
)

describe.each(cases)('behind parsers: $title', ({ framework, setup }) => {
  let town: Town
  let mom: Person
  let sam: Agent
  let server: Server
  let ours: ResourceServer<Request, never>
  let events: AAuthEvent[]
  let asked: PendingView[]
  const now = Date.UTC(2026, 10, 1)

  beforeEach(async () => {
    town = await createTown({ clock: () => now })
    mom = town.person('mom')
    sam = town.agent('sam', { person: mom })
    events = []
    asked = []
    const guard = aauth({
      resource,
      signingKeys: [newSigningKey()],
      scopes: { 'data.read': 'Read the data' },
      fetch: town.fetch,
      clock: town.clock,
      interaction: { login: () => 'mom', insecureCookie: true },
      pending: { clarification: true },
      onEvent: (event) => events.push(event),
    })
    ours = guard.server as never
    const app = framework()
    setup.use(app, framework)
    app.use(guard.endpoints())
    app.post('/plain', guard.require('agent'), (_req, res) => void res.json({ served: true }))
    app.post(
      '/covered',
      guard.require({ identity: 'agent', components: ['content-type', 'content-digest'] }),
      (_req, res) => void res.json({ served: true }),
    )
    app.post(
      '/page',
      guard.require({ identity: 'agent', policy: () => interact() }),
      (_req, res) => void res.json({ sold: true }),
    )
    app.post(
      '/approval',
      guard.require({ identity: 'agent', policy: () => approval({ ask: (view) => asked.push(view) }) }),
      (req, res) =>
        void res.json({ got: Buffer.isBuffer(req.body) ? String(req.body) : (req.body as unknown) }),
    )
    server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    town.route('rs.example', (server.address() as AddressInfo).port)
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await town.close()
  })

  const json: [string, string][] = [['Content-Type', 'application/json']]
  const diagnosed = (): string[] =>
    events.flatMap((event) => (event.name === 'diagnostic' ? [event.code] : []))
  const base = ['@method', '@authority', '@path', 'signature-key']
  const post = (path: string, body: string, components?: readonly string[]): Promise<Response> =>
    sam.request(
      { method: 'POST', url: `${resource}${path}`, headers: json, body },
      components === undefined ? {} : { components },
    )

  it('a revocation is recorded', async () => {
    const { outcome } = await town.ps.revoke('taken-back', Math.floor(now / 1000) + 600, resource)
    expect(outcome).toBe('recorded')
    expect(await ours.revocations.has({ iss: town.ps.server.id, jti: 'taken-back' })).toBe(true)
  })

  it.each<[string, (jti: string, exp: number) => string, boolean]>([
    ['as Python does', (jti, exp) => `{"jti": "${jti}", "exp": ${exp}}`, true],
    ['as Go does', (jti, exp) => `${JSON.stringify({ exp, jti })}\n`, true],
    ['in lines', (jti, exp) => JSON.stringify({ jti, exp }, undefined, 2), true],
    [
      'with a text that looks like JSON',
      (jti, exp) => `{"x": "a,\\":b", "jti": "${jti}", "exp": ${exp}}`,
      true,
    ],
    ['otherwise', (jti, exp) => `{ "jti": "${jti}", "exp": ${exp} }`, setup.keeps],
  ])('a revocation that was written %s is recorded, or fails as ours', async (name, write, works) => {
    const jti = `written ${name}`
    const body = write(jti, Math.floor(now / 1000) + 600)
    const url = new URL('/aauth/revoke', resource)
    const content = { 'Content-Type': 'application/json', 'Content-Digest': contentDigest(Buffer.from(body)) }
    const { current } = town.ps.server.keys
    const fields = await signRequest(
      {
        method: 'POST',
        authority: url.host,
        scheme: 'https',
        target: url.pathname,
        rawHeaders: Object.entries(content).flat(),
      },
      {
        key: importSigningJwk(current.privateJwk) as never,
        signatureKey: {
          scheme: 'jwks_uri',
          id: town.ps.server.id,
          dwk: 'aauth-person.json',
          kid: current.kid,
        },
        created: Math.floor(now / 1000),
        components: [...base, 'content-type', 'content-digest'],
      },
    )
    const response = await town.fetch(url, { method: 'POST', headers: { ...content, ...fields }, body })
    expect(response.status).toBe(works ? 200 : 500)
    expect(await ours.revocations.has({ iss: town.ps.server.id, jti })).toBe(works)
    expect(diagnosed()).toEqual(setup.keeps ? [] : ['AAUTH_CONTENT_CONSUMED'])
  })

  it('the authorization endpoint gives a resource token', async () => {
    const token = await town.ps.mintPersonToken({ person: mom, resource, cnf: sam.key.cnf })
    const request = {
      method: 'POST',
      url: `${resource}/aauth/authorize`,
      headers: json,
      body: '{"scope":"data.read"}',
    }
    for (const components of [base, [...base, 'content-type', 'content-digest']]) {
      const response = await sam.request(request, { token, components })
      expect([response.status, await response.json()]).toEqual([
        200,
        { resource_token: expect.any(String) as unknown },
      ])
    }
  })

  it('the form of our page decides', async () => {
    const { url, code } = interactionOf(await sam.request({ method: 'POST', url: `${resource}/page` }))
    const visitor = new Visitor(town)
    const page = await visitor.open(`${url}?code=${code}`)
    const decided = await visitor.decide(page, 'approve')
    expect(decided.status).toBe(303)
    expect((await visitor.open(new URL(url).pathname)).text).toContain('You approved')
  })

  it('an answer to a question is read', async () => {
    const capable: [string, string] = ['AAuth-Capabilities', 'clarification']
    const first = await sam.request({ method: 'POST', url: `${resource}/approval`, headers: [capable] })
    const id = asked[0]?.id ?? ''
    expect(await ours.pending.clarify(id, { clarification: 'Why?' })).toBe(true)
    const body = '{"action":"clarification_response","clarification_response":"Because"}'
    const answer = await sam.request({ method: 'POST', url: locationOf(first), headers: json, body })
    expect(answer.status).toBe(202)
    expect(await ours.pending.clarification(id)).toBe('Because')
  })

  it('says so on the first request of all, which may have no content', async () => {
    expect((await town.fetch(`${resource}/.well-known/aauth-resource.json`)).status).toBe(200)
    await vi.waitFor(() => expect(diagnosed()).toEqual(setup.keeps ? [] : ['AAUTH_CONTENT_CONSUMED']), 10_000)
  })

  it('says so on the first request with content, digest or not', async () => {
    expect((await post('/plain', '{"a":1}', base)).status).toBe(200)
    expect(diagnosed()).toEqual(setup.keeps ? [] : ['AAUTH_CONTENT_CONSUMED'])
  })

  it('a digest is checked where the bytes are kept, and refused elsewhere', async () => {
    expect((await post('/covered', '{ "a": 1 }')).status).toBe(setup.keeps ? 200 : 401)
    const altered = await sam.sign({
      method: 'POST',
      url: `${resource}/covered`,
      headers: json,
      body: '{"a":1}',
    })
    const headers: [string, string][] = []
    for (let i = 2; i < altered.rawHeaders.length; i += 2)
      headers.push([altered.rawHeaders[i] as string, altered.rawHeaders[i + 1] as string])
    const sent = headers.filter(([name]) => name.toLowerCase() !== 'content-length')
    const response = await town.fetch(`${resource}/covered`, {
      method: 'POST',
      headers: sent,
      body: '{"a":2}',
    })
    expect(response.status).toBe(401)
  })

  it('a call that waits is put aside where the bytes are kept, and fails as ours elsewhere', async () => {
    const first = await post('/approval', '{ "a": 1 }', base)
    expect(first.status).toBe(setup.keeps ? 202 : 500)
    if (!setup.keeps) return
    await ours.pending.approve(asked[0]?.id ?? '')
    const done = await sam.request({ url: locationOf(first) })
    const { got } = (await done.json()) as { got: unknown }
    expect(typeof got === 'string' ? JSON.parse(got) : got).toEqual({ a: 1 })
  })
})

describe.each(frameworks)('on the first request of all, %s', (_version, framework) => {
  const { json } = framework
  const refuses = (): never => {
    throw new Error('not signed')
  }
  it.each<[string, (app: Express, ours: express.RequestHandler) => void, readonly string[]]>([
    ['a parser before us', (app, ours) => void app.use(json()).use(ours), ['AAUTH_CONTENT_CONSUMED']],
    ['a parser after us', (app, ours) => void app.use(ours).use(json()), []],
    ['a parser for some paths', (app, ours) => void app.use('/other', json()).use(ours), []],
    [
      'one that refuses what it is given',
      (app, ours) => void app.use(json({ verify: refuses })).use(ours),
      [],
    ],
    ['one of another type', (app, ours) => void app.use(json({ type: 'text/x' })).use(ours), []],
  ])('%s', async (_name, use, told) => {
    const town = await createTown()
    const events: AAuthEvent[] = []
    const guard = aauth({ resource, fetch: town.fetch, onEvent: (event) => events.push(event) })
    const app = framework()
    use(app, guard.endpoints())
    app.get('/x', (_req, res) => void res.send('x'))
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    town.route('rs.example', (server.address() as AddressInfo).port)
    try {
      await town.fetch(`${resource}/x`)
      // What parsers say of a request of ours has come by the next.
      await town.fetch(`${resource}/x`)
      const codes = events.flatMap((event) => (event.name === 'diagnostic' ? [event.code] : []))
      expect(codes).toEqual(told)
    } finally {
      server.closeAllConnections()
      server.close()
      await town.close()
    }
  })
})
