import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type Agent, createKey, createTown, type Town } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const hosts = ['blue.example', 'red.example'] as const
const keys = new Map(hosts.map((host) => [host, createKey().privateJwk]))
const optionsFor = (host: string, town: Town): never =>
  ({
    resource: `https://${host}`,
    signingKeys: [keys.get(host as never)],
    scopes: { [`${host}.read`]: `Read ${host}` },
    fetch: town.fetchAs(host),
  }) as never

const withExpress =
  (framework: typeof express) =>
  async (town: Town): Promise<Server> => {
    const app = framework()
    for (const host of hosts) {
      const guard = expressAauth(optionsFor(host, town))
      app.use(guard.endpoints())
      app.get(`/${host}`, guard.require({ scope: `${host}.read` } as never), (_req, res) => void res.json({}))
    }
    return listen(app)
  }

const within =
  (declare: (scope: FastifyInstance) => unknown): FastifyPluginAsync =>
  async (scope) => {
    await declare(scope)
  }
const fastifies: FastifyInstance[] = []
async function withFastify(town: Town): Promise<Server> {
  const app = fastify({ forceCloseConnections: true })
  fastifies.push(app)
  const tenant = async (host: string, scope: FastifyInstance): Promise<void> => {
    await scope.register(fastifyAauth, optionsFor(host, town))
    scope.get(`/${host}`, { config: { aauth: { scope: `${host}.read` } as never } }, async () => ({}))
  }
  for (const host of hosts) await app.register(within((scope) => tenant(host, scope)))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

async function listen(app: RequestListener): Promise<Server> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

let town: Town
let server: Server
beforeEach(async () => {
  town = await createTown()
})
afterEach(async () => {
  for (const app of fastifies.splice(0)) await app.close()
  server.close()
  server.closeAllConnections()
  await town.close()
})

describe.each([
  ['express', withExpress(express)],
  ['express4', withExpress(express4 as unknown as typeof express)],
  ['fastify', withFastify],
])('two resources in one process [adapter %s]', (_name, start) => {
  let sam: Agent
  beforeEach(async () => {
    server = await start(town)
    for (const host of hosts) town.route(host, (server.address() as AddressInfo).port)
    sam = town.agent('sam', { person: town.person('mom') })
  })

  it('each has its own documents, and its own callers', async () => {
    for (const host of hosts) {
      const metadata = await town.fetch(`https://${host}/.well-known/aauth-resource.json`)
      expect([metadata.status, await metadata.json()]).toMatchObject([200, { issuer: `https://${host}` }])
      expect((await sam.fetch(`https://${host}/${host}`)).status).toBe(200)
    }
    const { wallet } = sam
    const blue = wallet.authTokens.get('https://blue.example')?.jwt
    const crossed = await sam.request({ url: 'https://red.example/red.example' }, { token: blue as string })
    expect(crossed.status).toBe(401)
  })

  it.each(['RED.example', 'red.example:8443', 'red.example.', 'Red.Example.:443'])(
    'a host is the same however it is spelt: %s',
    async (host) => {
      const { port } = server.address() as AddressInfo
      const sent = get({ port, path: '/.well-known/aauth-resource.json', headers: { host }, agent: false })
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      expect(await json(response)).toMatchObject({ issuer: 'https://red.example' })
    },
  )

  it('a host that is nobody’s gets the first one’s', async () => {
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/.well-known/aauth-resource.json`)
    expect(await answer.json()).toMatchObject({ issuer: 'https://blue.example' })
  })
})

describe('two resources in one chain of functions [adapter express]', () => {
  it('have each their own documents, though nobody has read the host for them', async () => {
    const handlers = hosts.map((host) => expressAauth(optionsFor(host, town)).endpoints())
    server = createServer((req, res) => {
      const next = (index: number): void => {
        handlers[index]?.(req as never, res as never, () => next(index + 1))
      }
      next(0)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const host of hosts) {
      const sent = get({
        port,
        path: '/.well-known/aauth-resource.json',
        headers: { host: `${host}:1` },
        agent: false,
      })
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      expect(await json(response)).toMatchObject({ issuer: `https://${host}` })
    }
  })
})

describe('two resources in one Fastify application [adapter fastify]', () => {
  it('can be told apart by constraints of the application’s own', async () => {
    const app = fastify({ forceCloseConnections: true })
    fastifies.push(app)
    for (const host of hosts)
      await app.register(
        within((scope) =>
          scope.register(fastifyAauth, {
            ...(optionsFor(host, town) as object),
            resource: `https://${host}`,
            endpoints: { constraints: { host: `${host}:8443` } },
          }),
        ),
      )
    await app.listen({ port: 0, host: '127.0.0.1' })
    server = app.server
    const ask = async (host: string): Promise<string> =>
      (await app.inject({ url: '/.well-known/aauth-resource.json', headers: { host } })).body
    for (const host of hosts)
      expect(JSON.parse(await ask(`${host}:8443`))).toMatchObject({ issuer: `https://${host}` })
    expect(JSON.parse(await ask('blue.example'))).toMatchObject({ statusCode: 404 })
  })

  it('are two: the same one twice has one set of endpoints', async () => {
    const app = fastify()
    fastifies.push(app)
    server = app.server
    await app.register(fastifyAauth, { resource: 'https://blue.example' })
    const again = within((scope) => scope.register(fastifyAauth, { resource: 'https://blue.example' }))
    await expect(app.register(again)).rejects.toThrow(
      'https://blue.example has them already; say endpoints: false',
    )
  })
})

// The application is called by another one, which has mounted nothing.
const called =
  (framework: typeof express) =>
  async (inner: RequestListener): Promise<Server> => {
    const outer = framework()
    outer.use('/api', (req, res) => inner(req, res))
    outer.use((req, res) => inner(req, res))
    return listen(outer)
  }

describe.each([
  ['express', express],
  ['express4', express4 as unknown as typeof express],
] as const)('an application that another one calls as a function [adapter %s]', (_name, framework) => {
  it.each([
    ['another application', called(framework)],
    [
      'a listener of Node’s',
      (inner: RequestListener) =>
        listen((req, res) => {
          if (req.url?.startsWith('/api') === true)
            Object.assign(req, { originalUrl: req.url, url: req.url.slice(4) })
          inner(req, res)
        }),
    ],
  ] as const)('finds its held calls again: called by %s', async (_by, start) => {
    const guard = expressAauth(optionsFor('blue.example', town))
    const app = framework()
    app.use(guard.endpoints())
    let calls = 0
    app.post(
      '/orders',
      guard.require({ scope: 'blue.example.read', deliver: 'held' } as never),
      (_req, res) => {
        calls++
        res.json({ done: true })
      },
    )
    server = await start(app)
    town.route('blue.example', (server.address() as AddressInfo).port)
    const sam = town.agent('sam', { person: town.person('mom') })
    const answer = await sam.fetch('https://blue.example/api/orders', { method: 'POST' })
    expect([answer.status, calls]).toEqual([200, 1])
  })
})
