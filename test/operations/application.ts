import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResourceOptions, ResourceServer } from '@countersign/core'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express, { type Request, type Response } from 'express'
import fastify, { type FastifyRequest } from 'fastify'

/** An application behind a proxy: below `/api/` an agent is needed, `/ready` is for the proxy. */
export interface Application {
  readonly port: number
  readonly aauth: Pick<ResourceServer, 'pending'>
  /** How many connections to it have ended. */
  ended(): number
  close(): Promise<void>
}

/** What its handlers saw of a request. */
export interface Seen {
  readonly target: string
  readonly ip: string
  readonly host: string
  readonly protocol: string
  /** The port that the proxy's connection came from. */
  readonly connection: number
  readonly body?: unknown
}

const signed = { identity: 'agent', components: ['content-type', 'content-digest'] } as const

/** Starts it; the proxy is on this machine, and is trusted for what it says of the client. */
export async function startApplication(adapter: string, options: ResourceOptions): Promise<Application> {
  return adapter === 'fastify' ? startFastify(options) : startExpress(options)
}

function endedOf(server: Server): () => number {
  let count = 0
  server.on('connection', (socket) => socket.once('close', () => count++))
  return () => count
}

async function startExpress(options: ResourceOptions): Promise<Application> {
  const guard = expressAauth(options)
  const app = express()
  app.set('trust proxy', 'loopback')
  app.get('/ready', async (_req, res) => {
    const { ok } = await guard.server.health()
    res.status(ok ? 200 : 503).json({ ok })
  })
  app.use(guard.endpoints())
  const answer = (req: Request, res: Response): void => {
    const { originalUrl: target, ip = '', host, protocol, socket, body } = req
    res.json({ target, ip, host, protocol, connection: socket.remotePort as number, body } satisfies Seen)
  }
  app.post('/api/signed', guard.require(signed), express.json(), answer)
  app.use(guard.require('agent'), answer)
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    aauth: guard.server,
    ended: endedOf(server),
    close: async () => {
      guard.server.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

async function startFastify(options: ResourceOptions): Promise<Application> {
  const app = fastify({ trustProxy: 'loopback', forceCloseConnections: true })
  await app.register(fastifyAauth, options)
  app.get('/ready', async (_request, reply) => {
    const { ok } = await app.aauth.health()
    return reply.code(ok ? 200 : 503).send({ ok })
  })
  const answer = async ({
    originalUrl,
    ip,
    host,
    protocol,
    socket,
    body,
  }: FastifyRequest): Promise<Seen> => ({
    target: originalUrl,
    ip,
    host,
    protocol,
    connection: socket.remotePort as number,
    body,
  })
  app.post('/api/signed', { config: { aauth: signed } }, answer)
  app.route({ method: ['GET', 'POST'], url: '/*', config: { aauth: 'agent' }, handler: answer })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    port: (app.server.address() as AddressInfo).port,
    aauth: app.aauth,
    ended: endedOf(app.server),
    close: () => app.close(),
  }
}
