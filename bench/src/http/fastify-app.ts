import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/fastify'
import jwt from '@fastify/jwt'
import fastify, { type FastifyInstance } from 'fastify'
import { createStack, toStackRequest } from '../stack.js'
import { issuerFetch, newSigningJwk, resource } from '../world.js'
import { bearerIssuer, type Cast } from './cast.js'
import type { Kind } from './kinds.js'
import { createLimit } from './limit.js'

const answer = { bread: 2 }

/** A route `/data` behind one way of knowing who calls. */
const builders: Readonly<Record<Kind, (app: FastifyInstance, cast: Cast) => Promise<void>>> = {
  bare: async (app) => {
    app.get('/data', async () => answer)
  },
  limit: async (app, cast) => {
    const verifies = createLimit(cast)
    app.addHook('onRequest', (request, reply, done) => {
      if (verifies(request.headers['signature'] as string)) done()
      else reply.code(401).send()
    })
    app.get('/data', async () => answer)
  },
  ours: async (app, cast) => {
    await app.register(aauth, {
      resource,
      signingKeys: [newSigningJwk()],
      scopes: { 'data.read': 'Read the data' },
      signatureWindow: 3600,
      fetch: issuerFetch([cast.issuer]),
      crypto: { mode: (process.env['BENCH_MODE'] ?? 'auto') as 'auto' },
    })
    app.get('/data', { config: { aauth: { scope: 'data.read' } } }, async () => answer)
  },
  jwt: async (app, cast) => {
    const pem = cast.issuer.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    await app.register(jwt, {
      secret: { public: pem },
      verify: { algorithms: ['EdDSA'], allowedIss: bearerIssuer, allowedAud: resource },
    })
    app.addHook('onRequest', async (request) => {
      await request.jwtVerify()
    })
    app.get('/data', async () => answer)
  },
  stack: async (app, cast) => {
    const verifies = createStack({ keys: [cast.issuer.publicJwk] } as Parameters<typeof createStack>[0])
    app.addHook('onRequest', async (request, reply) => {
      const { method, url, rawHeaders } = request.raw
      if (!(await verifies(toStackRequest(method as string, url as string, rawHeaders)))) {
        await reply.code(401).send()
      }
    })
    app.get('/data', async () => answer)
  },
}

export async function startFastify(kind: Kind, cast: Cast, port: number): Promise<number> {
  const app = fastify()
  await builders[kind](app, cast)
  await app.listen({ port, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}
