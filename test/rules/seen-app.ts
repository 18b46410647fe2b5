import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { approval, deny, type ResourceOptions, type ResourceServer } from '@countersign/core'
import { createKey, type Town } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import type express from 'express'
import type { FastifyInstance } from 'fastify'

// The same small API in each framework, for what is told of its requests. The frameworks are loaded as instrumentation has
// to see them: by `require`, when it is on.

const require = createRequire(import.meta.url)

/** An API that is running. */
export interface SeenApp {
  readonly server: Pick<ResourceServer, 'resource' | 'counts'>
  close(): Promise<void>
}

/** What tests give. */
export interface SeenOptions extends Partial<ResourceOptions> {
  /** Called with a Fastify instance before anything is registered. */
  readonly prepare?: (app: FastifyInstance) => Promise<void>
}

export type StartSeen = (town: Town, options?: SeenOptions) => Promise<SeenApp>

export const resource = 'https://rs.example'
export const url = (path: string): string => `${resource}${path}`

const signingKey = createKey().privateJwk
const closedToday = () => deny('closed')
const held = () => approval({ ask: () => {} })

const common = (town: Town): ResourceOptions => ({
  resource,
  signingKeys: [signingKey],
  scopes: { read: 'Read' },
  fetch: town.fetchAs('rs.example'),
})

const startExpress =
  (name: 'express' | 'express4'): StartSeen =>
  async (town, { prepare: _, ...options } = {}) => {
    const framework = require(name) as typeof express
    const guard = aauth({ ...common(town), ...options })
    const app = framework()
    app.use((req, _res, next) => {
      ;(req as { id?: string }).id = 'req-1'
      next()
    })
    app.use(guard.endpoints())
    const router = framework.Router()
    router.get('/:id', guard.require({ scope: 'read' }), (req, res) => {
      res.json({ call: req.aauthCallId ?? null })
    })
    app.use('/notes', router)
    app.get(
      '/closed/:id',
      guard.require({ identity: 'person', policy: closedToday }),
      (_req, res) => void res.json({}),
    )
    app.get('/held', guard.require({ identity: 'agent', policy: held }), (_req, res) => void res.json({}))
    app.get(
      '/watched',
      guard.require({ scope: 'read', observe: true }),
      (req, res) => void res.json({ call: req.aauthCallId ?? null }),
    )
    app.get(
      '/both',
      guard.require({ scope: 'read', or: (_req, _res, next) => next() }),
      (_req, res) => void res.json({}),
    )
    app.get(
      '/both-watched',
      guard.require({ scope: 'read', observe: true, or: (_req, _res, next) => next() }),
      (_req, res) => void res.json({}),
    )
    app.get('/open', (_req, res) => void res.json({}))
    const server = createServer(app).listen(0, '127.0.0.1')
    return running(town, server, guard.server, () => guard.close())
  }

async function running(
  town: Town,
  server: Server,
  ours: SeenApp['server'],
  close: () => Promise<unknown>,
): Promise<SeenApp> {
  await once(server, 'listening')
  town.route('rs.example', (server.address() as AddressInfo).port)
  return {
    server: ours,
    async close() {
      server.close()
      server.closeAllConnections()
      await close()
    },
  }
}

const startFastify: StartSeen = async (town, { prepare, ...options } = {}) => {
  const fastify = require('fastify') as typeof import('fastify').default
  const app = fastify({ forceCloseConnections: true, genReqId: () => 'req-1' })
  await prepare?.(app)
  await app.register(plugin, { ...common(town), ...options })
  await app.register(
    async (notes) => {
      notes.get('/:id', { config: { aauth: { scope: 'read' } } }, async (request) => ({
        call: request.aauthCallId ?? null,
      }))
    },
    { prefix: '/notes' },
  )
  app.get('/closed/:id', { config: { aauth: { identity: 'person', policy: closedToday } } }, async () => ({}))
  app.get('/held', { config: { aauth: { identity: 'agent', policy: held } } }, async () => ({}))
  app.get('/watched', { config: { aauth: { scope: 'read', observe: true } } }, async (request) => ({
    call: request.aauthCallId ?? null,
  }))
  app.get('/both', { config: { aauth: { scope: 'read', or: async () => undefined } } }, async () => ({}))
  app.get(
    '/both-watched',
    { config: { aauth: { scope: 'read', observe: true, or: async () => undefined } } },
    async () => ({}),
  )
  app.get('/open', async () => ({}))
  await app.listen({ port: 0, host: '127.0.0.1' })
  town.route('rs.example', (app.server.address() as AddressInfo).port)
  return { server: app.aauth, close: () => app.close() }
}

export const seenApps: readonly [name: string, start: StartSeen][] = [
  ['express', startExpress('express')],
  ['express4', startExpress('express4')],
  ['fastify', startFastify],
]
