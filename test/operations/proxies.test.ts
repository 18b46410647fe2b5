import type { AAuthEvent, ResourceOptions } from '@countersign/core'
import { type Agent, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Authority, createAuthority } from '../issuer/loopback.js'
import { type Application, type Seen, startApplication } from './application.js'
import { type Client, overHttp1, overHttp2, type ProxyAnswer } from './client.js'
import { blockOf, codesOf, pageOf, replaced, rowsOf, sectionOf } from './page.js'
import { proxies, type RunningProxy } from './proxy.js'

// The configurations of docs/operations.md, run: the text is the page's own.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const page = pageOf('operations')
const missing = proxies.filter(({ installed }) => !installed).map(({ name }) => name)
if (missing.length > 0) {
  const message = `there is no ${missing.join(' and no ')} here (apt-get install ${missing.join(' ')})`
  if (process.env['COUNTERSIGN_PROXIES'] === 'required') throw new Error(message)
  console.warn(`${message}: the configurations of docs/operations.md are not run`)
}

/** The fields of a request whose content is sent in chunks. */
const withoutLength = (rawHeaders: readonly string[]): string[] =>
  rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)]?.toLowerCase() !== 'content-length')

const installed = proxies.filter((kind) => kind.installed)
const cases = installed.flatMap((kind) =>
  ['express', 'fastify'].map((adapter) => [kind.name, adapter] as const),
)

it.each(proxies)('docs/operations.md has a configuration of $name', ({ name, heading }) => {
  expect(blockOf(sectionOf(page, heading), name)).toContain('127.0.0.1:3000')
})

describe.each(cases)('%s in front [adapter %s]', (name, adapter) => {
  const kind = proxies.find((each) => each.name === name) as (typeof proxies)[number]
  const configuration = blockOf(sectionOf(page, kind.heading), name)
  let authority: Authority
  let town: Town
  let sam: Agent
  let app: Application
  let proxy: RunningProxy
  let clients: Client[]
  let events: AAuthEvent[]
  let asked: string[]

  beforeAll(async () => {
    authority = await createAuthority()
    town = await createTown()
    sam = town.agent('sam')
  })
  afterAll(() => town.close())
  beforeEach(async () => {
    clients = []
    events = []
    asked = []
    const policy: ResourceOptions['policy'] = ({ request }) =>
      request.path === '/api/order'
        ? { verdict: 'approval', ask: ({ id }) => void asked.push(id) }
        : { verdict: 'allow' }
    const onEvent = (event: AAuthEvent): void => void events.push(event)
    app = await startApplication(adapter, {
      resource: 'https://rs.example',
      fetch: town.fetch,
      policy,
      onEvent,
    })
  })
  afterEach(async () => {
    for (const client of clients) client.close()
    await proxy.stop()
    await app.close()
  })

  /** Runs the page's configuration, but for what a test writes otherwise; two clients of it. */
  const start = async (...otherwise: (readonly [old: string, by: string])[]): Promise<readonly Client[]> => {
    proxy = await kind.start(replaced(configuration, otherwise), app.port, authority)
    clients = [overHttp1(proxy.port, authority.certificate), overHttp2(proxy.port, authority.certificate)]
    return clients
  }
  const get = (path: string): Promise<WireRequest> => sam.sign({ url: `https://rs.example${path}` })
  const post = (path: string, headers: Record<string, string> = {}): Promise<WireRequest> =>
    sam.sign({
      method: 'POST',
      url: `https://rs.example${path}`,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ text: 'Milk, Brötchen' }),
    })
  /** An agent token of about so many characters. */
  const tokenOf = async (characters: number): Promise<string> => {
    const { length } = await sam.mintAgentToken({ claims: { padding: '' } })
    const token = await sam.mintAgentToken({
      claims: { padding: 'x'.repeat(Math.ceil(((characters - length) * 3) / 4)) },
    })
    expect(Math.abs(token.length - characters)).toBeLessThan(8)
    return token
  }
  const seen = ({ body }: ProxyAnswer): Seen => JSON.parse(body) as Seen
  const diagnosed = (): string[] =>
    events.flatMap((event) => (event.name === 'diagnostic' ? [event.code] : []))

  it.each([
    '/api/x',
    '/api//x',
    '/api/%7Ex/%2F',
    '/api/a/../x',
    '/api/x?q=%20&r=a+b',
    '/api/Brötchen'.normalize(),
  ])('serves a signed request for %s over HTTP/1.1 and HTTP/2', async (given) => {
    const path = encodeURI(given).replaceAll('%25', '%')
    for (const client of await start()) {
      const answer = await client.send(await get(path))
      expect(answer.status).toBe(200)
      expect(seen(answer)).toMatchObject({
        target: path,
        ip: '127.0.0.1',
        host: 'rs.example',
        protocol: 'https',
      })
    }
    expect(diagnosed()).toEqual([])
  })

  if (name === 'nginx')
    it('serves a part of a name whose root is another site’s', async () => {
      const shared = blockOf(sectionOf(page, "### nginx, where the root is another site's"), 'nginx')
      const site = replaced(shared, [['root /var/www/site;', 'return 200 "the site";']])
      proxy = await kind.start(site, app.port, authority)
      clients = [overHttp1(proxy.port, authority.certificate), overHttp2(proxy.port, authority.certificate)]
      const plain = (path: string): WireRequest => ({
        method: 'GET',
        host: 'rs.example',
        target: path,
        rawHeaders: ['Host', 'rs.example'],
        body: Buffer.alloc(0),
      })
      for (const client of clients) {
        const answer = await client.send(await get('/api/x?q=1'))
        expect(answer.status).toBe(200)
        expect(seen(answer)).toMatchObject({ target: '/api/x?q=1', host: 'rs.example', protocol: 'https' })
        const deferred = await client.send(await post('/api/order'))
        const pending = deferred.headers['location'] as string
        expect(new URL(pending).pathname).toMatch(/^\/aauth\//)
        expect((await client.send(await sam.sign({ url: pending }))).status).toBe(202)
        const document = await client.send(plain('/.well-known/aauth-resource.json'))
        expect(JSON.parse(document.body)).toMatchObject({ issuer: 'https://rs.example' })
        for (const path of ['/.well-known/jwks.json', '/.well-known/aauth-agent.json'])
          expect((await client.send(plain(path))).body).not.toBe('the site')
        for (const path of ['/', '/apix', '/.well-known/other'])
          expect(await client.send(plain(path))).toMatchObject({ status: 200, body: 'the site' })
      }
      expect(diagnosed()).toEqual([])
    })

  it('lets no client say who it is', async () => {
    for (const client of await start()) {
      const headers = {
        'X-Forwarded-For': '192.0.2.7',
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-Proto': 'http',
      }
      const answer = await client.send(await sam.sign({ url: 'https://rs.example/api/x', headers }))
      expect(seen(answer)).toMatchObject({ ip: '127.0.0.1', host: 'rs.example', protocol: 'https' })
    }
  })

  it('leaves content as it was signed, with Expect, in chunks, and as it is', async () => {
    for (const client of await start())
      for (const headers of [{}, { Expect: '100-continue' }, { 'X-Chunked': '1' }]) {
        const signed = await post('/api/signed', headers)
        const rawHeaders = 'X-Chunked' in headers ? withoutLength(signed.rawHeaders) : signed.rawHeaders
        const answer = await client.send({ ...signed, rawHeaders })
        expect(answer.status).toBe(200)
        expect(seen(answer).body).toEqual({ text: 'Milk, Brötchen' })
      }
  })

  it('forwards our documents, and challenges as they are', async () => {
    for (const client of await start()) {
      const unsigned = { method: 'GET', host: 'rs.example', rawHeaders: ['Host', 'rs.example'] }
      const metadata = await client.send({ ...unsigned, target: '/.well-known/aauth-resource.json' })
      expect(JSON.parse(metadata.body)).toMatchObject({ issuer: 'https://rs.example' })
      const challenge = await client.send({ ...unsigned, target: '/api/x' })
      expect(challenge).toMatchObject({
        status: 401,
        headers: { 'aauth-requirement': 'requirement=agent-token' },
      })
    }
  })

  it('keeps its connections to us open', async () => {
    const [client] = (await start()) as [Client]
    const used = new Set<number>()
    for (let i = 0; i < 5; i++) used.add(seen(await client.send(await get('/api/x'))).connection)
    expect(used.size).toBe(1)
  })

  it('holds a poll open until there is an answer', async () => {
    for (const client of await start()) {
      const deferred = await client.send(await post('/api/order'))
      expect(deferred.status).toBe(202)
      const url = deferred.headers['location'] as string
      const headers = { Prefer: 'wait=30' }
      const poll = client.send(await sam.sign({ url, headers }))
      // Another request on the same resource is answered meanwhile; then somebody approves.
      const [other] = clients.filter((each) => each !== client) as [Client]
      expect((await other.send(await get('/api/x'))).status).toBe(200)
      await app.aauth.pending.approve(asked.at(-1) as string)
      const answer = await poll
      expect([answer.status, seen(answer).target]).toEqual([200, '/api/order'])
    }
  })

  it('cuts off a poll that is held longer than it waits, and the next one has the answer', async () => {
    const waiting = { nginx: 'proxy_read_timeout 60s', haproxy: 'timeout server 60s' }[name]
    const [client] = (await start([waiting, waiting.replace('60s', '1s')])) as [Client]
    const url = (await client.send(await post('/api/order'))).headers['location'] as string
    const ended = app.ended()
    const cut = await client.send(await sam.sign({ url, headers: { Prefer: 'wait=30' } }))
    expect(cut.status).toBe(504)
    await vi.waitUntil(() => app.ended() > ended, 10_000)
    await app.aauth.pending.approve(asked.at(-1) as string)
    expect((await client.send(await sam.sign({ url }))).status).toBe(200)
  })

  it('takes a token as long as we take', async () => {
    const token = await tokenOf(12_200)
    for (const client of await start()) {
      const answer = await client.send(await sam.sign({ url: 'https://rs.example/api/x' }, { token }))
      expect(answer.status).toBe(200)
    }
  })

  const wrong = rowsOf(sectionOf(page, '### What goes wrong')).filter(([of]) => of?.toLowerCase() === name)
  it('has rows of what goes wrong', () => {
    expect(wrong.length).toBeGreaterThan(1)
  })
  it.each(wrong)('%s: in place of %s, %s; for %s comes %s', async (_of, old, by, request, comes) => {
    const written = codesOf(by as string)
    const otherwise = codesOf(old as string).map(
      (text, index) =>
        [text, `${old?.startsWith('after ') ? `${text}\n` : ''}${written[index] ?? ''}`] as const,
    )
    const [status, code] = codesOf(comes as string)
    const token = /12 KiB/.test(request as string) ? await tokenOf(12_200) : undefined
    const [path = '/api/x'] = codesOf(request as string)
    for (const client of await start(...otherwise)) {
      const wire = await sam.sign({ url: `https://rs.example${path}` }, token === undefined ? {} : { token })
      const answer = await client.send(wire).catch((failure: Error) => failure)
      if (answer instanceof Error) expect(comes).toContain(`over HTTP/2 \`${answer.message}\``)
      else expect(answer.status).toBe(Number(status))
      if (comes?.includes('`/api/x` passes'))
        expect((await client.send(await get('/api/x'))).status).toBe(200)
    }
    expect(diagnosed()).toEqual(code === undefined || !code.startsWith('AAUTH_') ? [] : [code])
    expect(events.some(({ name: event }) => event === 'served' || event === 'refused')).toBe(
      token === undefined,
    )
  })
})
