import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Agent, assertGuarded, createKey, createTown, type Town } from '@countersign/devkit'
import { aauth, type ExpressGuard, type ExpressOptions } from '@countersign/express'
import express from 'express'
import express4 from 'express4'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const signingKey = createKey().privateJwk
let town: Town
let sam: Agent
let server: Server | undefined
beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom') })
})
afterEach(async () => {
  server?.close()
  server?.closeAllConnections()
  server = undefined
  await town.close()
})
const guardOf = (more: Partial<ExpressOptions> = {}): ExpressGuard =>
  aauth({
    resource: 'https://rs.example',
    signingKeys: [signingKey],
    scopes: { 'data.read': 'Read the data' },
    fetch: town.fetchAs('rs.example'),
    ...more,
  })
const listen = async (app: RequestListener): Promise<void> => {
  server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  town.route('rs.example', (server.address() as AddressInfo).port)
}
const url = (path: string): string => `https://rs.example${path}`
const unsigned = async (path: string, init?: RequestInit): Promise<number> =>
  (await town.fetch(url(path), init)).status
const signed = async (path: string): Promise<number> => (await sam.fetch(url(path))).status
const answer: express.RequestHandler = (req, res) => void res.json({ kind: req.aauth?.kind ?? null })

const frameworks = [
  ['express', express],
  ['express4', express4 as unknown as typeof express],
] as const

describe.each(frameworks)('what is declared [adapter %s]', (name, framework) => {
  const quiet = (app: express.Express): express.Express =>
    app.use(((error, _req, res, _next) => {
      res.status(500).json({ message: (error as Error).message })
    }) as express.ErrorRequestHandler)

  it.each([
    ['endpoints', 'guard.endpoints()'],
    ['open', 'guard.open()'],
    ['require', 'guard.require({ … })'],
    ['routes', 'guard.routes(app) lists routes; it is no middleware'],
  ] as const)(
    'app.use(guard.%s) without parentheses answers 500 with what to write',
    async (method, call) => {
      const app = framework()
      app.use(guardOf()[method] as unknown as express.RequestHandler)
      app.get('/x', answer)
      await listen(quiet(app))
      const response = await town.fetch(url('/x'))
      expect([response.status, await response.json()]).toEqual([
        500,
        { message: method === 'routes' ? call : `the parentheses are missing: write ${call}` },
      ])
    },
  )

  it.each([
    [undefined, 'option resource: '],
    [{ onError: undefined }, "option onError: must be 'answer' or 'next'"],
    [{ onError: 'throw' }, "option onError: must be 'answer' or 'next'"],
    [{ secureByDefault: 'yes' }, 'option secureByDefault: must be a boolean'],
    [{ secureByDefault: undefined }, 'option secureByDefault: must be a boolean'],
    [{ secureByDefalt: true }, 'option secureByDefalt: is not known'],
    [{ policy: undefined }, 'option policy: must be a function or a list of functions'],
  ])('options of %o: %s', (options, message) => {
    const all = options === undefined ? undefined : { resource: 'https://rs.example', ...options }
    expect(() => aauth(all as never)).toThrow(message)
  })

  const application = (guard: ExpressGuard): express.Express => {
    const app = framework()
    app.use(guard.endpoints(), framework.json())
    app.get('/said', guard.require('agent'), answer)
    app.get('/open', guard.open(), answer)
    app.get('/silent', answer)
    app.post('/late', answer, guard.require('agent'))
    app.get('/elsewhere', guard.require('person'), answer).post('/elsewhere', answer)
    app.use('/v1', guard.require('agent'))
    app.get('/v1/inner', answer)
    const router = framework.Router()
    router.get('/before', answer)
    router.use(guard.require('person'))
    router.get('/after', answer)
    router.get('/own', guard.require({ scope: 'data.read' }), answer)
    app.use('/v1', router)
    app.use('/v2', router)
    app.use('/v3', guard.require('agent'), framework().get('/mounted', answer))
    app.use('/v4', framework().get('/mounted', answer))
    app.all('/all', guard.require('agent'), answer)
    app.get(['/a', '/b'], guard.require('agent'), answer)
    app.get(/^\/regexp$/, answer)
    return app
  }
  const scope = { scope: 'data.read' }
  const listed = [
    ['GET', '/said', 'agent'],
    ['GET', '/open', false],
    ['GET', '/silent', undefined],
    ['POST', '/late', undefined],
    ['GET', '/elsewhere', 'person'],
    ['POST', '/elsewhere', undefined],
    ['GET', '/v1/inner', 'agent'],
    ['GET', '/v1/before', 'agent'],
    ['GET', '/v1/after', 'person'],
    ['GET', '/v1/own', scope],
    ['GET', '/v2/before', undefined],
    ['GET', '/v2/after', 'person'],
    ['GET', '/v2/own', scope],
    ['ALL', '/v3/*', 'agent'],
    ['ALL', '/v4/*', undefined],
    ['ALL', '/all', 'agent'],
    ['GET', '/a', 'agent'],
    ['GET', '/b', 'agent'],
    ['GET', '/^\\/regexp$/', undefined],
  ]

  it('is listed, for routers and mounted applications too', () => {
    const guard = guardOf()
    const routes = guard.routes(application(guard))
    const got = routes.map(({ method, path, aauth: said }) => [method, path, said])
    // Version 4 has a layer for each method where `all` was said.
    expect(got.filter(([, path]) => path !== '/all')).toEqual(listed.filter(([, path]) => path !== '/all'))
    expect(got.filter(([, path]) => path === '/all').every(([, , said]) => said === 'agent')).toBe(true)
    expect(guard.routes()).toHaveLength(10)
    for (const slip of [guard, framework(), undefined, guard.routes])
      expect(() => assertGuarded(slip as never)).toThrow('takes the list of routes: guard.routes(app)')
    expect(() => assertGuarded(routes)).toThrow(
      'nothing is said of GET /silent, POST /late, POST /elsewhere, GET /v2/before, ALL /v4/*, GET /^\\/regexp$/',
    )
  })

  it('counts a guard before a path only where all requests for the route pass it', () => {
    const guard = guardOf()
    const app = framework()
    const isFour = name === 'express4'
    app.use('/plain', guard.require('agent'))
    app.get('/plain/:id', answer)
    app.get('/plain/x', answer)
    app.use('/one/:id', guard.require('agent'))
    app.get('/one/:id', answer)
    app.get('/one/:id/more', answer)
    app.get('/one/x', answer)
    app.get(isFour ? '/one/*' : '/one{/*rest}', answer)
    app.use(/^\/:id/, guard.require('agent'))
    app.get('/:id', answer)
    app.use('/many/:id', guard.require('agent'), framework.Router().get('/', answer))
    expect(guard.routes(app).map(({ path, aauth: said }) => [path, said])).toEqual([
      ['/plain/:id', 'agent'],
      ['/plain/x', 'agent'],
      ['/one/:id', 'agent'],
      ['/one/:id/more', 'agent'],
      ['/one/x', 'agent'],
      [isFour ? '/one/*' : '/one{/*rest}', undefined],
      ['/:id', undefined],
      [expect.stringContaining('/many'), 'agent'],
    ])
  })

  it('adds our challenge to no answer of a route that the other way has passed the request on to', async () => {
    const guard = guardOf()
    const app = framework()
    for (const word of ['route', 'router']) {
      const router = framework.Router()
      const pass: express.RequestHandler = (_req, _res, next) => next(word)
      router.get(`/${word}`, guard.require({ scope: 'data.read', or: pass }), answer)
      app.use(router)
      app.get(`/${word}`, (_req, res) => void res.status(401).json({ theirs: true }))
    }
    await listen(app)
    for (const word of ['route', 'router']) {
      const response = await town.fetch(url(`/${word}`))
      expect([response.status, await response.json()]).toEqual([401, { theirs: true }])
      expect(response.headers.get('aauth-requirement')).toBeNull()
    }
  })

  it('is all that is served where secureByDefault is said', async () => {
    const guard = guardOf({ secureByDefault: true })
    await listen(quiet(application(guard)))
    for (const path of ['/said', '/open', '/.well-known/jwks.json', '/silent', '/v2/before']) {
      const response = await town.fetch(url(path))
      expect([path, response.status]).toEqual([path, 500])
      expect(((await response.json()) as { message: string }).message).toContain(
        'or behind the handler: GET /silent,',
      )
    }
  })

  it('is looked at again when routes have been added', async () => {
    const guard = guardOf({ secureByDefault: true })
    const app = framework()
    app.use(guard.endpoints())
    app.get('/said', guard.require('agent'), answer)
    await listen(app)
    app.set('env', 'test')
    expect(await unsigned('/said')).toBe(401)
    app.get('/late', answer)
    expect([await unsigned('/late'), await unsigned('/said')]).toEqual([500, 500])
  })

  it('is served where everything says something', async () => {
    const guard = guardOf({ secureByDefault: true })
    const app = framework()
    app.use(guard.endpoints())
    app.get('/said', guard.require('agent'), answer)
    app.get('/open', guard.open(), answer)
    await listen(app)
    assertGuarded(guard.routes(app))
    expect([await unsigned('/said'), await signed('/said'), await unsigned('/open')]).toEqual([401, 200, 200])
  })

  it('of several guards, the last decides what the request says of its caller', async () => {
    const guard = guardOf()
    const app = framework()
    const other: express.RequestHandler = (req, res, next) => {
      if (req.headers['x-way'] === 'key') next()
      else if (req.headers['x-way'] === 'fault') next(new Error('theirs'))
      else res.status(401).json({ aauth: req.aauth ?? null, observed: req.aauthObserved ?? null })
    }
    const tell: express.RequestHandler = (req, res) =>
      void res.json({ aauth: req.aauth?.kind ?? null, observed: req.aauthObserved?.code ?? null })
    app.use('/in', guard.require('person'))
    const orWins = ({ raw }: { raw: { headers: Record<string, unknown> } }): boolean => 'x-way' in raw.headers
    app.get('/in/or', guard.require({ scope: 'data.read', or: other, orWins }), tell)
    app.use('/seen', guard.require({ identity: 'person', observe: true }))
    app.get('/seen/or', guard.require({ scope: 'data.read', or: other, orWins }), tell)
    app.get('/seen/refused', guard.require('agent'), tell)
    app.use(((_error, req, res, _next) => {
      res.status(500).json({ aauth: req.aauth ?? null, observed: req.aauthObserved ?? null })
    }) as express.ErrorRequestHandler)
    await listen(app)
    const nobody = { aauth: null, observed: null }
    const get = async (path: string, way: string): Promise<unknown> =>
      (await sam.fetch(url(path), { headers: { 'X-Way': way } })).json()
    for (const path of ['/in/or', '/seen/or'])
      for (const way of ['key', 'fault'])
        expect([path, way, await get(path, way)]).toEqual([path, way, nobody])
  })
})
