import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGunzip } from 'node:zlib'
import type { ResourceOptions } from '@countersign/core'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express, { type Express, type Request, type Response } from 'express'
import express4 from 'express4'
import fastify, { type FastifyPluginAsync } from 'fastify'
import { adapters } from '../target/start.js'

/** How an application is set up: our options, and what the framework is told of proxies. */
export interface FrameOptions {
  readonly options: ResourceOptions
  /** Express: the setting `trust proxy`. Fastify: the option `trustProxy`. */
  readonly trustProxy?: boolean | number | string
}

/** An application that listens. */
export interface RunningFrame {
  readonly port: number
  close(): Promise<void>
}

/** A framework under which the same application runs. */
export interface Frame {
  readonly name: string
  /** The adapter under test, for the titles of tests. */
  readonly adapter: 'express' | 'express4' | 'fastify'
  start(options: FrameOptions): Promise<RunningFrame>
}

/** What its handler saw, in every framework. */
export interface Seen {
  readonly target: string
  readonly routed: string
  readonly host: string
  readonly protocol: string
  readonly body?: unknown
}

// The application, whatever the framework: everything below the mounted prefix `/v1` needs an agent, `/v1/signed` also
// a digest; JSON is parsed after the guard, inflated if need be. `/old` is rewritten to `/v1/new` before any routing.

// Express 4 has only `hostname`, which goes by the same rule.
const withExpress = (name: string, framework: typeof express, host: 'host' | 'hostname'): Frame => ({
  name,
  adapter: name === 'Express 4' ? 'express4' : 'express',
  start: async ({ options, trustProxy }) => {
    const guard = expressAauth(options)
    const answer = answerWith(host)
    const app = framework()
    if (trustProxy !== undefined) app.set('trust proxy', trustProxy)
    app.use((req, _res, next) => {
      if (req.url === '/old') req.url = '/v1/new'
      next()
    })
    app.use(guard.endpoints())
    const router = framework.Router()
    router.post('/signed', guard.require({ identity: 'agent', components: digest }), framework.json(), answer)
    router.use(guard.require('agent'))
    router.use(framework.json(), answer)
    app.use('/v1', router)
    return listen(app)
  },
})

const digest = ['content-type', 'content-digest'] as const

const answerWith =
  (host: 'host' | 'hostname') =>
  (req: Request, res: Response): void => {
    const { originalUrl: target, url: routed, protocol, body } = req
    const seen: Seen = { target, routed, host: req[host], protocol, body: body as unknown }
    res.json(seen)
  }

function listen(app: Express): Promise<RunningFrame> {
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => {
      resolve({ port: (server.address() as AddressInfo).port, close: () => close(server) })
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

interface FastifyView {
  readonly originalUrl: string
  readonly raw: IncomingMessage
  readonly host: string
  readonly protocol: string
  readonly body?: unknown
}

const guarded: FastifyPluginAsync = async (scope) => {
  const handler = async ({ originalUrl, raw, host, protocol, body }: FastifyView): Promise<Seen> => {
    return { target: originalUrl, routed: raw.url as string, host, protocol, body }
  }
  scope.post('/signed', { config: { aauth: { identity: 'agent', components: digest } }, handler })
  scope.route({ method: ['GET', 'POST'], url: '/*', config: { aauth: 'agent' }, handler })
}

const withFastify: Frame = {
  name: 'Fastify 5',
  adapter: 'fastify',
  start: async ({ options, trustProxy }) => {
    const app = fastify({
      // A number works, and counts hops; the types have forgotten it.
      ...(trustProxy === undefined ? {} : { trustProxy: trustProxy as boolean | string }),
      rewriteUrl: (request) => (request.url === '/old' ? '/v1/new' : (request.url as string)),
      forceCloseConnections: true,
    })
    await app.register(fastifyAauth, options)
    app.addHook('preParsing', async (request, _reply, payload) => {
      if (request.headers['content-encoding'] !== 'gzip') return payload
      const inflated = createGunzip()
      Object.defineProperty(inflated, 'receivedEncodedLength', {
        get: () => Number(request.headers['content-length'] ?? 0),
      })
      return payload.pipe(inflated)
    })
    await app.register(guarded, { prefix: '/v1' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  },
}

const all: readonly Frame[] = [
  withExpress('Express 5', express, 'host'),
  withExpress('Express 4', express4 as unknown as typeof express, 'hostname'),
  withFastify,
]

/** Every framework an adapter is for, as far as this run is about it. */
export const frames: readonly Frame[] = all.filter(({ adapter }) => adapters.includes(adapter))
