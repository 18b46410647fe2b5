import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResourceOptions } from '@countersign/core'
import { createTown, type Town } from '@countersign/devkit'
import { allow, deny, type ExpressGuard, aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'

// The same small API in each framework: what an application with a bearer token of its own makes of our options.

const options: ResourceOptions = {
  resource: 'https://rs.example',
  scopes: { 'data.read': 'Read the data' },
  accounts: ({ account }) => account.startsWith('blue'),
}

/** A challenge of the application's own. */
export const bearerChallenge = 'Bearer realm="rs"'

const bearerOf = (header: string | undefined): string | undefined => /^Bearer (\S+)$/.exec(header ?? '')?.[1]

function withExpress(framework: typeof express) {
  return async (shared: ResourceOptions): Promise<Server> => {
    const guard = expressAauth(shared)
    const app = framework()
    app.use(guard.endpoints())
    const bearer: RequestHandler = (req, res, next) => {
      if (bearerOf(req.headers.authorization) === 'good') next()
      else res.status(401).set('WWW-Authenticate', bearerChallenge).json({ error: 'invalid_token' })
    }
    const strict: RequestHandler = (_req, _res, next) => next(Object.assign(new Error('no'), { status: 401 }))
    const answer: RequestHandler = (req, res) => {
      if (req.query['own'] !== undefined) res.status(401).json({})
      else res.json({ kind: req.aauth?.kind ?? null, observed: req.aauthObserved?.code ?? null })
    }
    app.get('/both', guard.require({ scope: 'data.read', or: bearer }), answer)
    app.get('/thrown', guard.require({ scope: 'data.read', or: [bearer, strict] }), answer)
    app.get('/theirs', guard.require({ scope: 'data.read', or: bearer, orWins: bearsToken }), answer)
    app.get('/watched', guard.require({ scope: 'data.read', or: bearer, observe: true }), answer)
    app.use('/shop', shop(guard, framework))
    // The two spell wildcards differently.
    const wildcard = framework === express ? '/files/*path' : '/files/*'
    const name = framework === express ? 'path' : '0'
    app.get(wildcard, guard.require({ scope: 'data.read', account: ({ params }) => params[name] }), answer)
    quietly(app)
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
}

function shop(guard: ExpressGuard, framework: typeof express): express.Router {
  const closed = guard.with({ policy: () => deny('closed') })
  const router = framework.Router()
  router.get('/closed', closed.require('agent'), (_req, res) => res.json({}))
  router.get('/watched', closed.with({ observe: true }).require('agent'), (req, res) =>
    res.json({ observed: req.aauthObserved?.code ?? null }),
  )
  router.get('/open', guard.require('agent'), (_req, res) => res.json({}))
  return router
}

// Express would print what it answers with 401.
function quietly(app: Express): void {
  app.use(((error, _req, res, _next) => {
    res.status((error as { status?: number }).status ?? 500).json({})
  }) as express.ErrorRequestHandler)
}

type HasHeaders = { readonly raw: { readonly headers: { readonly authorization?: string | undefined } } }

const bearsToken = ({ raw }: HasHeaders): boolean => bearerOf(raw.headers.authorization) !== undefined

async function withFastify(shared: ResourceOptions): Promise<Server> {
  const app = fastify()
  await app.register(fastifyAauth, shared)
  const bearer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (bearerOf(request.headers.authorization) === 'good') return undefined
    return reply.code(401).header('WWW-Authenticate', bearerChallenge).send({ error: 'invalid_token' })
  }
  const strict = (_request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void =>
    done(Object.assign(new Error('no'), { statusCode: 401 }))
  const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if ((request.query as { own?: string }).own !== undefined) return reply.code(401).send({})
    const { aauth: caller, aauthObserved: observed } = request
    return reply.send({ kind: caller?.kind ?? null, observed: observed?.code ?? null })
  }
  app.get('/both', { config: { aauth: { scope: 'data.read', or: bearer } } }, answer as never)
  app.get('/thrown', { config: { aauth: { scope: 'data.read', or: [bearer, strict] } } }, answer as never)
  app.get(
    '/theirs',
    {
      config: {
        aauth: {
          scope: 'data.read',
          or: bearer,
          orWins: bearsToken,
        },
      },
    },
    answer as never,
  )
  app.get(
    '/watched',
    { config: { aauth: { scope: 'data.read', or: bearer, observe: true } } },
    answer as never,
  )
  await app.register(
    (closed, _options, done) => {
      closed.aauth = closed.aauth.with({ policy: () => deny('closed') })
      closed.get('/closed', { config: { aauth: 'agent' } }, () => ({}))
      closed.register((watched, _more, watchedDone) => {
        watched.aauth = watched.aauth.with({ observe: true })
        watched.get('/watched', { config: { aauth: 'agent' } }, (request) => ({
          observed: request.aauthObserved?.code ?? null,
        }))
        watchedDone()
      })
      done()
    },
    { prefix: '/shop' },
  )
  app.get('/shop/open', { config: { aauth: { identity: 'agent', policy: () => allow() } } }, () => ({}))
  app.get(
    '/files/*',
    { config: { aauth: { scope: 'data.read', account: ({ params }) => params['*'] } } },
    answer as never,
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

const starters = {
  express: withExpress(express),
  express4: withExpress(express4 as never),
  fastify: withFastify,
}

/** The frameworks. */
export const frames = Object.keys(starters) as (keyof typeof starters)[]

/** Starts the API in a town. */
export async function startFrame(
  frame: keyof typeof starters,
  signingKey: object,
): Promise<{ readonly town: Town; close(): Promise<void> }> {
  const town = await createTown()
  const server = await starters[frame]({
    ...options,
    signingKeys: [signingKey],
    fetch: town.fetchAs('rs.example'),
  })
  town.route('rs.example', (server.address() as AddressInfo).port)
  return {
    town,
    async close() {
      server.closeAllConnections()
      server.close()
      await town.close()
    },
  }
}
