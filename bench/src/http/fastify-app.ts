import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/fastify'
import jwt from '@fastify/jwt'
import fastify, { type FastifyInstance } from 'fastify'
import { createStack, toStackRequest } from '../stack.js'
import { resource } from '../world.js'
import { bearerIssuer, type Cast } from './cast.js'
import { createLimit } from './limit.js'
import { ourOptions } from './ours.js'
import type { Guard, ServerPlan } from './series.js'

const answer = { bread: 2 }

/** A route `/data` behind each way of authenticating callers. */
const builders: Readonly<
  Record<Guard, (app: FastifyInstance, cast: Cast, plan: ServerPlan) => Promise<void>>
> = {
  bare: async (app) => {
    app.get('/data', async () => answer)
  },
  limit: async (app, cast, { unseen }) => {
    const verifies = createLimit(cast, unseen)
    app.addHook('onRequest', (request, reply, done) => {
      if (verifies(request.headers['signature'] as string)) done()
      else reply.code(401).send()
    })
    app.get('/data', async () => answer)
  },
  ours: async (app, cast, plan) => {
    await app.register(aauth, await ourOptions(cast, plan))
    app.get('/data', { config: { aauth: { scope: 'data.read' } } }, async () => answer)
    // An unguarded route that waits with the others.
    app.get('/health', async () => answer)
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

export async function start(plan: ServerPlan, cast: Cast): Promise<number> {
  const app = fastify()
  await builders[plan.guard](app, cast, plan)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}
