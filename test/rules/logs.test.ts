import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { allow, type ResourceOptions } from '@countersign/core'
import type { AAuthEvent, EventAbout, Logger } from '@countersign/core/events'
import { type Agent, createKey, createTown, type Town } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const resource = 'https://rs.example'
const signingKeys = createKey().privateJwk

/** A line of the log, whoever wrote it. */
interface Line {
  readonly level?: number
  readonly msg?: string
  readonly code?: string
  readonly route?: string
  readonly reqId?: string
  readonly reason?: string
  readonly err?: { readonly message: string; readonly stack: string }
}

let town: Town
let sam: Agent
let close: () => Promise<unknown>
let printed: unknown[][]
beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam', { person: town.person('mom') })
  printed = []
  vi.spyOn(console, 'error').mockImplementation((...args: unknown[]) => void printed.push(args))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await close()
  await town.close()
})

/** The options that these tests differ in. */
type Given = Pick<ResourceOptions, 'logger' | 'onEvent' | 'policy' | 'accounts' | 'observe'>
type Start = (given: Given) => Promise<void>

const common = (): ResourceOptions => ({
  resource,
  signingKeys,
  scopes: { read: 'Read' },
  fetch: town.fetchAs('rs.example'),
})

const startExpress =
  (framework: typeof express): Start =>
  async (given) => {
    const guard = aauth({ ...common(), ...given })
    const app = framework()
    app.use(guard.endpoints())
    app.get('/notes/:id', guard.require('agent'), (_req, res) => void res.json({}))
    const router = framework.Router()
    router.get('/:id', guard.require({ scope: 'read' }), (_req, res) => void res.json({}))
    app.use('/grants', router)
    const server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    town.route('rs.example', (server.address() as AddressInfo).port)
    close = async () => {
      server.close()
      server.closeAllConnections()
      await guard.close()
    }
  }

const startFastify =
  (logger: false | { level: string; stream: Writable }): Start =>
  async (given) => {
    const app = fastify({ logger, forceCloseConnections: true })
    await app.register(plugin, { ...common(), ...given })
    app.get('/notes/:id', { config: { aauth: 'agent' } }, async () => ({}))
    await app.register(
      (inner, _options, done) => {
        inner.get('/:id', { config: { aauth: { scope: 'read' } } }, async () => ({}))
        done()
      },
      { prefix: '/grants' },
    )
    await app.listen({ port: 0, host: '127.0.0.1' })
    town.route('rs.example', (app.server.address() as AddressInfo).port)
    close = () => app.close()
  }

const adapters: [string, Start][] = [
  ['express', startExpress(express)],
  ['express4', startExpress(express4 as unknown as typeof express)],
  ['fastify', startFastify(false)],
]

const broken: Given['policy'] = () => {
  throw new Error('no database')
}
const ipOf = (raw: unknown): unknown => (raw as { readonly ip?: unknown } | undefined)?.ip
const ask = (path = '/notes/7?secret=1'): Promise<Response> => sam.request({ url: `${resource}${path}` })

describe.each(adapters)('failures of ours are logged without asking [adapter %s]', (_, start) => {
  it('with the error and the route, once for each cause', async () => {
    await start({ policy: broken })
    for (const _ of [1, 2, 3]) expect((await ask()).status).toBe(500)
    expect(printed).toEqual([['aauth: server_error at GET /notes/:id', new Error('no database')]])
  })

  it('in report-only mode, too, where nobody is refused', async () => {
    await start({ policy: broken, observe: true })
    expect((await ask()).status).toBe(200)
    expect(printed).toEqual([['aauth: server_error at GET /notes/:id', new Error('no database')]])
  })

  it('and nothing of what callers do wrong', async () => {
    await start({})
    expect((await sam.request({ url: `${resource}/notes/7` }, { created: 1 })).status).toBe(401)
    expect((await town.fetch(`${resource}/notes/7`)).status).toBe(401)
    expect(printed).toEqual([])
  })

  it('nowhere with logger: false, and to the logger that is given', async () => {
    await start({ policy: broken, logger: false })
    await ask()
    expect(printed).toEqual([])
    await close()
    const entries: [string, object, string][] = []
    class Own implements Logger {
      readonly name = 'own'
      error(details: object, message: string): void {
        entries.push([this.name, details, message])
      }
      warn(): void {}
      debug(details: object, message: string): void {
        entries.push([this.name, details, message])
      }
    }
    await start({ policy: broken, logger: new Own() })
    await ask()
    expect(entries).toMatchObject([
      [
        'own',
        { code: 'server_error', method: 'GET', route: '/notes/:id', err: { message: 'no database' } },
        'aauth: server_error at GET /notes/:id',
      ],
    ])
    await ask('/grants/7')
    const challenge = { code: 'person-token', method: 'GET', route: expect.stringMatching(/^\/grants\/:id$/) }
    expect(entries[1]).toEqual(['own', challenge, 'aauth: challenged person-token'])
    expect(printed).toEqual([])
  })
})

describe.each(adapters)('onEvent [adapter %s]', (_, start) => {
  it('is told which request an event is about, by the view that policies have', async () => {
    const told: [AAuthEvent, EventAbout['request'], unknown, unknown][] = []
    const onEvent: NonNullable<Given['onEvent']> = (event, { request, error }) =>
      void told.push([event, request, error, ipOf(request?.raw)])
    await start({
      onEvent,
      policy: ({ request }) => (request.query === 'fail' ? (broken as () => never)() : allow()),
    })
    await ask('/notes/7?a=b')
    await ask('/notes/8?fail')
    await town.fetch(`${resource}/grants/9`)
    await sam.request({ url: `${resource}/aauth/pending/none` }, { created: 1 })
    const about = (name: AAuthEvent['name']): unknown[] => told.filter(([event]) => event.name === name)
    expect(about('served')).toMatchObject([
      [
        { caller: 'agent' },
        { method: 'GET', path: '/notes/7', query: 'a=b', params: { id: '7' } },
        undefined,
        '127.0.0.1',
      ],
    ])
    expect(about('refused')).toMatchObject([
      [
        { code: 'server_error' },
        { path: '/notes/8', params: { id: '8' } },
        { message: 'no database' },
        '127.0.0.1',
      ],
      [{ code: 'invalid_signature' }, { path: '/aauth/pending/none', params: {} }, undefined, '127.0.0.1'],
    ])
    expect(about('challenged')).toMatchObject([
      [{}, { path: '/grants/9', params: { id: '9' } }, undefined, '127.0.0.1'],
    ])
    expect(about('issuer-fetched').length).toBeGreaterThan(0)
    for (const [event, request, , ip] of told) {
      // The framework's own: Node's requests have no address.
      if (event.name.startsWith('issuer') || event.name === 'verifier') expect(request).toBeUndefined()
      else expect(ip).toBe('127.0.0.1')
    }
  })
})

describe('a Fastify application with a logger', () => {
  let lines: Line[]
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as Line)
      done()
    },
  })
  beforeEach(() => {
    lines = []
  })
  const ours = (): Line[] => lines.filter(({ msg }) => msg?.startsWith('aauth: ') === true)

  it('has failures of ours there, and not on the console', async () => {
    await startFastify({ level: 'info', stream })({ policy: broken })
    for (const _ of [1, 2]) await ask()
    expect(ours()).toMatchObject([
      { level: 50, code: 'server_error', route: '/notes/:id', err: { message: 'no database' } },
    ])
    expect(ours()[0]?.err?.stack).toContain('logs.test')
    expect(printed).toEqual([])
  })

  it('has one line for each refusal at the level debug, in the log of its request, and none of them above', async () => {
    await startFastify({ level: 'debug', stream })({})
    const token = await sam.mintAgentToken({ claims: { exp: 1 } })
    await sam.request({ url: `${resource}/notes/7?secret=1` }, { token })
    await ask('/grants/7')
    await sam.request({ url: `${resource}/aauth/pending/none` }, { created: 1 })
    expect(ours()).toMatchObject([
      { level: 20, code: 'expired_jwt', route: '/notes/:id' },
      { level: 20, code: 'person-token', route: '/grants/:id' },
      { level: 20, code: 'invalid_signature', route: '/aauth/pending/*' },
    ])
    const requests = lines.filter(({ msg }) => msg === 'incoming request').map(({ reqId }) => reqId)
    expect(ours().map(({ reqId }) => reqId)).toEqual(requests)
    const text = JSON.stringify(ours())
    for (const secret of [token, 'secret', sam.identifier]) expect(text).not.toContain(secret)
    await close()
    lines = []
    await startFastify({ level: 'info', stream })({})
    await ask('/grants/7')
    expect(ours()).toEqual([])
  })
})
