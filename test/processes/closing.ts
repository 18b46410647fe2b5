// An application that is told to shut down in the way docs/production.md shows, and then ends by itself or does not.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMemoryStore, type ResourceOptions, type ResourceServer, type Store } from '@countersign/core'
import { createLoopbackFetch } from '@countersign/devkit'
import { aauth as expressGuard } from '@countersign/express'
import { aauth as fastifyGuard } from '@countersign/fastify'
import express from 'express'
import fastify from 'fastify'
import { login } from '../target/login.js'
import { access } from '../target/routes.js'
import type { ClosingOptions } from './messages.js'

const options = JSON.parse(process.argv[2] as string) as ClosingOptions
const resourceOptions: ResourceOptions = {
  resource: 'https://rs.example',
  signingKeys: [options.signingKey],
  fetch: createLoopbackFetch(options.loopback),
  store: hangingStore(),
  interaction: login.interaction as never,
  ...access,
}
const session = { session: { description: 'Call /session in your name' } }
const slow = (): Promise<object> => new Promise((resolve) => setTimeout(resolve, 300, { slow: true }))

const { port, shutDown } = await (options.adapter === 'express' ? startExpress() : startFastify())
process.send?.({ event: 'listening', port })
process.on('message', () => {
  process.disconnect()
  shutDown()
})

async function startExpress(): Promise<{ port: number; shutDown(): void }> {
  const guard = expressGuard(resourceOptions)
  const app = express()
  app.use(guard.endpoints())
  app.get('/session', guard.require(session), (_req, res) => void res.json({}))
  app.get('/slow', guard.require('agent'), async (_req, res) => void res.json(await slow()))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: portOf(server), shutDown: () => inOrder(guard.server, () => closeServer(server)) }
}

async function startFastify(): Promise<{ port: number; shutDown(): void }> {
  const app = fastify()
  await app.register(fastifyGuard, resourceOptions as never)
  app.get('/session', { config: { aauth: session } }, async () => ({}))
  app.get('/slow', { config: { aauth: 'agent' } }, () => slow())
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: portOf(app.server), shutDown: () => inOrder(app.aauth, () => void app.close()) }
}

function inOrder(guard: ResourceServer, closeApplication: () => void): void {
  if (options.first === 'guard') guard.close()
  closeApplication()
  if (options.first === 'server' && options.adapter === 'express') guard.close()
}

/** Connections that agents keep are ended once they have nothing to answer. */
function closeServer(server: Server): void {
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  server.close(() => clearInterval(idle))
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** It never says whether the token `hang` is revoked. */
function hangingStore(): Store {
  const store = createMemoryStore()
  return {
    get: (key) => (key.endsWith('hang') ? new Promise(() => {}) : store.get(key)),
    put: (key, value, ttl) => store.put(key, value, ttl),
    claim: (key, value, ttl) => store.claim(key, value, ttl),
    delete: (key) => store.delete(key),
  }
}
