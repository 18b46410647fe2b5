import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AAuthEvent, ResourceOptions } from '@countersign/core'
import { createAuditLog } from '@countersign/core/audit'
import { diagnosticCodes } from '@countersign/core/events'
import { type Agent, createKey, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import fastify, { type FastifyPluginAsync } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type FrameOptions, frames, type RunningFrame } from './frames.js'
import { type RawResponse, sendRaw } from './socket.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let town: Town
let sam: Agent
const warnings: [string | undefined, string][] = []
const listen = (warning: Error & { readonly code?: string }): void => {
  if (warning.name === 'AAuthWarning') warnings.push([warning.code, warning.message])
}
beforeAll(async () => {
  process.on('warning', listen)
  town = await createTown()
  sam = town.agent('sam')
})
afterAll(async () => {
  process.off('warning', listen)
  await town.close()
})

const diagnosed = (events: readonly AAuthEvent[]): string[] =>
  events.flatMap((event) => (event.name === 'diagnostic' ? [event.code] : []))

describe.each(frames)('diagnostics, on $name [adapter $adapter]', (frame) => {
  let app: RunningFrame
  let events: AAuthEvent[]
  let clock = Date.now()
  const start = async (more: Omit<FrameOptions, 'options'> = {}): Promise<void> => {
    events = []
    app = await frame.start({
      options: {
        resource: 'https://rs.example',
        fetch: town.fetch,
        clock: () => clock,
        onEvent: (event) => events.push(event),
      },
      ...more,
    })
  }
  afterEach(() => app.close())
  const send = (request: WireRequest): Promise<RawResponse> => sendRaw(app.port, request)

  it('has none for a sound setup, whatever strangers send', async () => {
    await start({ trustProxy: '10.0.0.0/8' })
    expect(await send(await sam.sign({ url: 'https://rs.example/v1/x' }))).toMatchObject({ status: 200 })
    expect(
      (await send({ ...(await sam.sign({ url: 'https://rs.example/v1/x' })), target: '/v1/y' })).status,
    ).toBe(401)
    const unsigned = { method: 'GET', host: 'x', target: '/v1/x', rawHeaders: ['Host', 'scanner.example'] }
    expect((await send(unsigned)).status).toBe(401)
    expect(diagnosed(events)).toEqual([])
  })

  it('AAUTH_TRUST_PROXY: every proxy is trusted', async () => {
    await start({ trustProxy: true })
    await send(await sam.sign({ url: 'https://rs.example/v1/x' }))
    await send(await sam.sign({ url: 'https://rs.example/v1/x' }))
    expect(diagnosed(events)).toEqual(['AAUTH_TRUST_PROXY'])
  })

  it.each([
    ['Host', 'named.example'],
    ['X-Forwarded-Host', 'inner, named.example'],
  ])('AAUTH_HOST: signatures are made for the name in %s', async (name, value) => {
    await start()
    const request = await sam.sign({ url: 'https://named.example/v1/x', headers: { [name]: value } })
    const rawHeaders = ['Host', 'rs.example', ...request.rawHeaders.slice(2)]
    expect(
      (
        await send(
          name === 'Host'
            ? await sam.sign({ url: 'https://named.example/v1/x' })
            : { ...request, rawHeaders },
        )
      ).status,
    ).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_HOST'])
    const [message] = events.flatMap((event) => (event.name === 'diagnostic' ? [event.message] : []))
    expect(message).toContain('it verifies for named.example, not for rs.example')
  })

  it.each([
    ['X-Forwarded-Prefix', '/api'],
    ['X-Forwarded-Prefix', '/api/'],
    ['X-Original-URI', '/api/v1/x?q=1'],
    ['X-Envoy-Original-Path', '/api/v1/x?q=1'],
  ])('AAUTH_PATH_PREFIX: a proxy strips it, and says so in %s: %s', async (name, value) => {
    await start()
    const components = ['@method', '@authority', '@path', 'signature-key', '@query']
    const request = await sam.sign(
      { url: 'https://rs.example/api/v1/x?q=1', headers: { [name]: value } },
      { components },
    )
    expect((await send({ ...request, target: '/v1/x?q=1' })).status).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_PATH_PREFIX'])
    const [message] = events.flatMap((event) => (event.name === 'diagnostic' ? [event.message] : []))
    expect(message).toContain(
      `(it verifies for /api/v1/x, of which ${name.toLowerCase()} tells, not for /v1/x)`,
    )
    expect(message).not.toContain('q=1')
  })

  it('AAUTH_METHOD: what was signed as a POST is not one any more', async () => {
    await start()
    const signed = await sam.sign({ method: 'POST', url: 'https://rs.example/v1/x' })
    expect((await send({ ...signed, method: 'GET' })).status).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_METHOD'])
  })

  it('AAUTH_REWRITTEN: a proxy strips a prefix and names its upstream as the host (nginx: proxy_pass http://up/)', async () => {
    await start()
    const signed = await sam.sign({ url: 'https://rs.example/api/v1/x' })
    const rawHeaders = ['Host', 'node_app:3000', ...signed.rawHeaders.slice(2)]
    expect((await send({ ...signed, target: '/v1/x', rawHeaders })).status).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_REWRITTEN'])
    const [message] = events.flatMap((event) => (event.name === 'diagnostic' ? [event.message] : []))
    expect(message).toContain('node_app:3000, not rs.example')
  })

  it('is not blinded by one request that explains nothing, nor by many for long', async () => {
    await start()
    const forged = await sam.sign({ url: 'https://rs.example/x', headers: { 'X-Forwarded-Prefix': '/no' } })
    const stripped = (created: number): Promise<WireRequest> =>
      sam.sign({ url: 'https://rs.example/api/v1/x', headers: { 'X-Forwarded-Prefix': '/api' } }, { created })
    for (let i = 0; i < 40; i++) expect((await send({ ...forged, target: '/v1/x' })).status).toBe(401)
    const now = await stripped(Math.floor(clock / 1000))
    expect((await send({ ...now, target: '/v1/x' })).status).toBe(401)
    expect(diagnosed(events)).toEqual([])
    clock += 2000
    const later = await stripped(Math.floor(clock / 1000))
    expect((await send({ ...later, target: '/v1/x' })).status).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_PATH_PREFIX'])
    clock -= 2000
  })

  it('AAUTH_PATH_PREFIX is told although another request was looked into a moment ago', async () => {
    await start()
    const forged = await sam.sign({ url: 'https://rs.example/x', headers: { 'X-Forwarded-Prefix': '/no' } })
    const stripped = await sam.sign({
      url: 'https://rs.example/api/v1/x',
      headers: { 'X-Forwarded-Prefix': '/api' },
    })
    expect((await send({ ...forged, target: '/v1/x' })).status).toBe(401)
    expect((await send({ ...stripped, target: '/v1/x' })).status).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_PATH_PREFIX'])
  })
})

describe('diagnostics of one framework', () => {
  const post = {
    method: 'POST',
    url: 'https://rs.example/x',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  }

  it('AAUTH_CONTENT_CONSUMED: a parser stands before the guard', async () => {
    const events: AAuthEvent[] = []
    const guard = expressAauth({
      resource: 'https://rs.example',
      fetch: town.fetch,
      onEvent: (event) => events.push(event),
    })
    const app = express()
    app.use(express.json())
    app.post('/x', guard.require('agent'), (_req, res) => void res.json({}))
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const response = await sendRaw(port, await sam.sign(post))
    expect(response).toMatchObject({ status: 401, headers: { 'signature-error': 'error=invalid_signature' } })
    expect(diagnosed(events)).toEqual(['AAUTH_CONTENT_CONSUMED'])
    await new Promise((resolve) => server.close(resolve))
  })

  it('AAUTH_FOREIGN_REQUEST: a signature does not verify of a request that Node has not parsed', async () => {
    const events: AAuthEvent[] = []
    const app = fastify()
    await app.register(fastifyAauth, options(events))
    app.get('/x', { config: { aauth: 'agent' } }, async () => 'guarded')
    const { rawHeaders } = await sam.sign({ url: 'https://rs.example/y' })
    const headers: Record<string, string> = {}
    for (let i = 0; i < rawHeaders.length; i += 2)
      headers[rawHeaders[i] as string] = rawHeaders[i + 1] as string
    expect((await app.inject({ url: '/x', headers })).statusCode).toBe(401)
    expect(diagnosed(events)).toEqual(['AAUTH_FOREIGN_REQUEST'])
    await app.close()
  })

  const withRoute =
    (url: string): FastifyPluginAsync =>
    async (scope) => {
      scope.get(url, { config: { aauth: 'agent' } }, async () => 'guarded')
    }
  const options = (events: AAuthEvent[]): ResourceOptions => ({
    resource: 'https://rs.example',
    fetch: town.fetch,
    onEvent: (event) => events.push(event),
  })

  it('AAUTH_UNGUARDED_ROUTE: a Fastify route declares what no plugin of its scope enforces', async () => {
    const events: AAuthEvent[] = []
    const app = fastify()
    const guarded: FastifyPluginAsync = async (scope) => {
      await scope.register(fastifyAauth, { ...options(events), endpoints: false })
      scope.get('/in', { config: { aauth: 'agent' } }, async () => 'guarded')
    }
    app.get('/before', { config: { aauth: 'agent' } }, async () => 'never')
    await app.register(guarded, { prefix: '/api' })
    await app.register(guarded, { prefix: '/other' })
    app.get('/after', { config: { aauth: 'agent' } }, async () => 'never')
    app.get('/open', async () => 'open')
    await app.ready()
    const urls = ['/api/in', '/other/in', '/before', '/after', '/open', '/nowhere']
    const statuses = await Promise.all(urls.map(async (url) => (await app.inject(url)).statusCode))
    expect(statuses).toEqual([401, 401, 500, 500, 200, 404])
    expect(diagnosed(events)).toEqual(['AAUTH_UNGUARDED_ROUTE'])
    expect(events).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('/before') as unknown }),
    )
    await app.close()
  })

  it('guards Fastify routes that came before it, in plugins too', async () => {
    const events: AAuthEvent[] = []
    const app = fastify()
    app.get('/early', { config: { aauth: 'agent' } }, async () => 'guarded')
    app.get('/wrong', { config: { aauth: { scope: 'none' } } }, async () => 'guarded')
    app.get('/health', async () => 'open')
    await app.register(withRoute('/child'))
    await app.register(fastifyAauth, options(events))
    app.get('/late', { config: { aauth: 'agent' } }, async () => 'guarded')
    await app.register(withRoute('/scoped'))
    await app.ready()
    const statuses = await Promise.all(
      ['/early', '/child', '/wrong', '/health', '/late', '/scoped'].map(
        async (url) => (await app.inject(url)).statusCode,
      ),
    )
    expect(statuses).toEqual([401, 401, 500, 200, 401, 401])
    expect(diagnosed(events)).toEqual([])
    await app.close()
  })
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('AAUTH_ENDPOINTS, on %s', (_name, framework) => {
  /** Has an agent be given resource tokens, and says what was diagnosed. */
  const diagnosedOf = async (
    mount: (app: Express, guard: ReturnType<typeof expressAauth>, answer: RequestHandler) => void,
    tokens = 1,
  ): Promise<readonly string[]> => {
    const events: AAuthEvent[] = []
    const guard = expressAauth({
      resource: 'https://ends.example',
      scopes: { 'notes.read': 'Read your notes' },
      signingKeys: createKey().privateJwk,
      fetch: town.fetch,
      onEvent: (event) => events.push(event),
    })
    const app = framework()
    mount(app, guard, guard.require({ scope: 'notes.read' }))
    const running = app.listen(0, '127.0.0.1')
    await once(running, 'listening')
    town.route('ends.example', (running.address() as AddressInfo).port)
    for (let index = 0; index < tokens; index++) {
      const mom = town.agent(`agent-${index}`, { person: town.person(`mom-${index}`) })
      await mom.fetch('https://ends.example/notes').catch(() => undefined)
    }
    town.route('ends.example', undefined)
    running.closeAllConnections()
    running.close()
    expect(events.filter(({ name }) => name === 'resource-token').length).toBeGreaterThanOrEqual(tokens)
    return events.flatMap((event) =>
      event.name === 'diagnostic' ? [`${event.code}${/ \(.*\)$/.exec(event.message)?.[0] ?? ''}`] : [],
    )
  }
  const notes: RequestHandler = (_req, res) => void res.json({})
  const nothing: RequestHandler = (_req, res) => void res.status(404).end()

  it('is not told where they are at the root, before or behind the routes, or in a router', async () => {
    expect(
      await diagnosedOf(
        (app, guard, required) => app.use(guard.endpoints()).get('/notes', required, notes),
        4,
      ),
    ).toEqual([])
    expect(
      await diagnosedOf(
        (app, guard, required) => app.get('/notes', required, notes).use(guard.endpoints()),
        4,
      ),
    ).toEqual([])
    expect(
      await diagnosedOf((app, guard, required) => {
        const router = framework.Router().use(guard.endpoints())
        app.get('/notes', required, notes).use(router)
      }, 4),
    ).toEqual([])
  })

  it('they are missing', async () => {
    expect(await diagnosedOf((app, _guard, required) => app.get('/notes', required, notes))).toEqual([
      'AAUTH_ENDPOINTS (they are not mounted in this application)',
    ])
  })

  it('they were made and not mounted, or those of another guard are', async () => {
    const told = await diagnosedOf((app, guard, required) => {
      guard.endpoints()
      const other = expressAauth({ resource: 'https://other-ends.example' })
      app.use(other.endpoints()).get('/notes', required, notes)
    })
    expect(told).toEqual(['AAUTH_ENDPOINTS (they are not mounted in this application)'])
  })

  it('they are under a path', async () => {
    const told = await diagnosedOf((app, guard, required) =>
      app.use('/api', guard.endpoints()).get('/notes', required, notes),
    )
    expect(told).toEqual(['AAUTH_ENDPOINTS (they are mounted under /api)'])
  })

  it('they are behind what answers everything', async () => {
    const told = await diagnosedOf(
      (app, guard, required) => app.get('/notes', required, notes).use(nothing).use(guard.endpoints()),
      4,
    )
    expect(told).toEqual(['AAUTH_ENDPOINTS (no request has come to them: something before them answers)'])
  })
})

describe('AAUTH_SUBJECT_KEY', () => {
  it('an audit log has nothing to key its hashes with that outlives the signing key', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'audit-key-'))
    const diagnosedWith = async (options: object): Promise<string[]> => {
      const events: AAuthEvent[] = []
      const audit = createAuditLog({ file: join(folder, 'audit.jsonl'), ...options })
      const onEvent = (event: AAuthEvent): void => void events.push(event)
      const signingKeys = createKey().privateJwk
      await expressAauth({ resource: 'https://log.example', signingKeys, audit, onEvent }).close()
      await audit.close()
      return diagnosed(events)
    }
    expect(await diagnosedWith({})).toEqual(['AAUTH_SUBJECT_KEY'])
    expect(await diagnosedWith({ secret: 's'.repeat(32) })).toEqual([])
    expect(await diagnosedWith({ subjectKey: 's'.repeat(32) })).toEqual([])
    rmSync(folder, { recursive: true })
  })
})

describe('AAUTH_COOKIE', () => {
  it('a browser opens the page over plain http, which is not for insecureCookie', async () => {
    const events: AAuthEvent[] = []
    const guard = expressAauth({
      resource: 'https://page.example',
      fetch: town.fetch,
      interaction: { login: () => 'mom' },
      onEvent: (event) => events.push(event),
    })
    const app = express().use(guard.endpoints())
    app.get('/inbox', guard.require({ session: true }), (_req, res) => void res.json({}))
    const running = app.listen(0, '127.0.0.1')
    await once(running, 'listening')
    const { port } = running.address() as AddressInfo
    town.route('page.example', port)
    let answers: readonly Response[] = []
    const visitor = town.agent('visitor', {
      onInteraction: async ({ link }) => {
        const { pathname, search } = new URL(link)
        const here = `http://127.0.0.1:${port}`
        const first = await fetch(`${here}${pathname}${search}`, { redirect: 'manual' })
        // As a browser does that was given a cookie which is for https.
        answers = [first, await fetch(new URL(first.headers.get('location') ?? '', here))]
        throw new Error('seen')
      },
    })
    await visitor.fetch('https://page.example/inbox').catch(() => undefined)
    expect(answers.map(({ status }) => status)).toEqual([303, 410])
    expect(await answers[1]?.text()).toContain('insecureCookie')
    expect(diagnosed(events)).toEqual(['AAUTH_COOKIE'])
    town.route('page.example', undefined)
    running.closeAllConnections()
    running.close()
  })
})

describe('AAUTH_LINK', () => {
  it('a person is linked on our page, and users.find knows nothing of it', async () => {
    const events: AAuthEvent[] = []
    const guard = expressAauth({
      resource: 'https://linked.example',
      signingKeys: [createKey().privateJwk],
      scopes: { read: 'Read' },
      fetch: town.fetch,
      interaction: { login: () => 'mom' },
      users: { find: () => undefined, link: () => undefined },
      onEvent: (event) => events.push(event),
    })
    const app = express().use(guard.endpoints())
    app.get('/inbox', guard.require({ scope: 'read', user: true }), (_req, res) => void res.json({}))
    const running = app.listen(0, '127.0.0.1')
    await once(running, 'listening')
    town.route('linked.example', (running.address() as AddressInfo).port)
    const lost = town.agent('lost', {
      person: town.person('lost'),
      onInteraction: async ({ link }) => void (await town.visit(link, { decision: 'approve' })),
    })
    await expect(lost.fetch('https://linked.example/inbox')).rejects.toThrow()
    expect(diagnosed(events)).toEqual(['AAUTH_LINK'])
    town.route('linked.example', undefined)
    running.closeAllConnections()
    running.close()
  })
})

describe('the warnings', () => {
  it('come once a code in the whole process, beside the events', () => {
    const codes = warnings.map(([code]) => code)
    expect([...codes].sort()).toEqual([...diagnosticCodes].sort())
    for (const [, message] of warnings) expect(message).not.toMatch(/eyJ|sub=/)
  })

  it('have a section each in the guide, and the guide has no others', () => {
    const guide = readFileSync(new URL('../../docs/diagnostics.md', import.meta.url), 'utf8')
    const sections = [...guide.matchAll(/^## `(AAUTH_[A-Z_]+)`$/gm)].map(([, code]) => code)
    expect(sections.sort()).toEqual([...diagnosticCodes].sort())
  })
})
