import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createMemoryStore, OnwardError } from '@countersign/core'
import type { AAuthEvent } from '@countersign/core/events'
import { type Agent, createTown, type Person, type Town } from '@countersign/devkit'
import { aauth as expressGuard } from '@countersign/express'
import { aauth as fastifyPlugin } from '@countersign/fastify'
import express from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { access, type TargetRoute } from '../target/routes.js'
import { adapters, newSigningKey, type RunningTarget, resource, startTarget } from '../target/start.js'
import { Browser } from './browser.js'
import { errorOf, pageOf, pendingOf } from './deferred.js'
import { openStage, supplier } from './stage.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** A town in which Mom is asked about every supplier, a supplier, and a way to be an application in it. */
describe('applications of one framework that let an error go', () => {
  let town: Town
  let mom: Person
  let sam: Agent
  let mill: RunningTarget
  let ends: (() => unknown)[]
  beforeEach(async () => {
    ends = []
    town = await createTown()
    mom = town.person('mom', {
      consent: ({ resource: where }) => (where === supplier ? { decision: true, after: 'visit' } : true),
    })
    sam = town.agent('sam', { person: mom })
    const orders: TargetRoute = {
      method: 'POST',
      path: '/orders',
      requirement: { scope: 'data.write' },
      answer: () => ({ ordered: true }),
    }
    mill = await startTarget('express', 0, { resource: supplier, fetch: town.fetchAs('mill') }, [orders])
    town.route('supplier.example', mill.port)
  })
  afterEach(async () => {
    for (const end of ends) await end()
    await mill.close()
    await town.close()
  })
  const options = () => ({
    resource,
    signingKeys: [newSigningKey()],
    scopes: access.scopes,
    fetch: town.fetchAs('shop'),
    onward: { fetch: town.fetchAs('shop') },
  })
  const post = async (path = '/order') => {
    const token = await town.ps.mintAuthToken({
      person: mom,
      resource,
      cnf: sam.key.cnf,
      scope: 'data.write',
    })
    return sam.request({ method: 'POST', url: `${resource}${path}` }, { token })
  }

  describe('Express', () => {
    const serve = async (app: express.Express) => {
      const server = app.listen(0, '127.0.0.1')
      await once(server, 'listening')
      ends.push(() => server.close())
      town.route('rs.example', (server.address() as AddressInfo).port)
    }

    it('without errors(): refuses by the status of the error, and puts nothing aside', async () => {
      const guard = expressGuard(options())
      const app = express().use(guard.endpoints())
      app.set('env', 'test')
      app.post('/order', guard.require({ scope: 'data.write', onward: true }), async (req, res) => {
        const response = await guard.onward(req)(`${supplier}/orders`, { method: 'POST' })
        res.json({ status: response.status })
      })
      await serve(app)
      const refused = await post()
      expect(refused.status).toBe(403)
      expect(refused.headers.has('location')).toBe(false)
    })

    it('with errors() in a router: answers 202, and hands on what is none of ours', async () => {
      const guard = expressGuard(options())
      const app = express().use(guard.endpoints())
      const shop = express.Router()
      shop.post(
        '/order',
        guard.require({ scope: 'data.write', onward: true }),
        express.raw(),
        async (req, res) => {
          const response = await guard.onward(req)(`${supplier}/orders`, { method: 'POST' })
          res.json({ status: response.status })
        },
      )
      shop.post('/broken', guard.require({ scope: 'data.write', onward: true }), async () => {
        throw Object.assign(new Error('of the application'), { status: 418 })
      })
      app.use('/v1', shop, guard.errors())
      await serve(app)
      const deferred = await post('/v1/order')
      expect(deferred.status).toBe(202)
      expect(pendingOf(deferred)).toMatch(/pending/)
      expect((await post('/v1/broken')).status).toBe(418)
    })

    it('with errors(): puts nothing aside that has been answered', async () => {
      const seen: unknown[] = []
      const deferred: string[] = []
      const onEvent = ({ name }: AAuthEvent) => void (name === 'deferred' && deferred.push(name))
      const guard = expressGuard({ ...options(), onEvent })
      const app = express().use(guard.endpoints())
      app.post('/order', guard.require({ scope: 'data.write', onward: true }), async (req, res) => {
        res.json({ early: true })
        await guard.onward(req)(`${supplier}/orders`, { method: 'POST' })
      })
      const last: express.ErrorRequestHandler = (error, _req, _res, _next) => void seen.push(error)
      app.use(guard.errors(), last)
      await serve(app)
      expect(await (await post()).json()).toEqual({ early: true })
      await expect.poll(() => seen).toHaveLength(1)
      expect(deferred).toEqual([])
    })

    it('knows what a middleware between two guards has called already', async () => {
      let sold = 0
      const sea = await startTarget(
        'express',
        0,
        { resource: 'https://sea.example', fetch: town.fetchAs('sea') },
        [
          {
            method: 'POST',
            path: '/salt',
            requirement: { scope: 'data.write' },
            answer: () => ({ sold: ++sold }),
          },
        ],
      )
      ends.push(() => sea.close())
      town.route('sea.example', sea.port)
      const guard = expressGuard(options())
      const app = express().use(guard.endpoints())
      app.use(guard.require({ identity: 'person', onward: true }), async (req, _res, next) => {
        await guard.onward(req)('https://sea.example/salt', { method: 'POST' })
        next()
      })
      app.post('/order', guard.require({ scope: 'data.write', onward: true }), async (req, res) => {
        const response = await guard.onward(req)(`${supplier}/orders`, { method: 'POST' })
        res.json({ status: response.status })
      })
      app.use(guard.errors())
      await serve(app)
      const deferred = await post()
      expect([deferred.status, sold]).toEqual([202, 1])
      await new Browser(town).open(pageOf(deferred))
      const done = await sam.request({ url: pendingOf(deferred) })
      expect([done.status, await done.json()]).toEqual([200, { status: 200 }])
      expect(sold).toBe(1)
    })

    it('with the errors() of two resources: each answers for its own', async () => {
      const [guard, other] = [
        expressGuard(options()),
        expressGuard({ ...options(), resource: 'https://other.example' }),
      ]
      const app = express().use(other.endpoints(), guard.endpoints())
      app.post('/order', guard.require({ scope: 'data.write', onward: true }), async (req, res) => {
        const response = await guard.onward(req)(`${supplier}/orders`, { method: 'POST' })
        res.json({ status: response.status })
      })
      app.use(other.errors(), guard.errors())
      await serve(app)
      expect((await post()).status).toBe(202)
    })

    it("with onError: 'next' hands on the refusal, and answers the wait itself", async () => {
      const seen: unknown[] = []
      const guard = expressGuard({ ...options(), onError: 'next' })
      const app = express().use(guard.endpoints())
      app.post('/order', guard.require({ scope: 'data.write', onward: true }), async (req, res) => {
        const response = await guard.onward(req)(`${supplier}/orders`, { method: 'POST' })
        res.json({ status: response.status })
      })
      app.use(guard.errors())
      app.use(
        (error: Error & { status: number }, _req: express.Request, res: express.Response, _next: unknown) => {
          seen.push(error)
          res.status(error.status).json({ mine: true })
        },
      )
      await serve(app)
      expect((await post()).status).toBe(202)
      town.route('supplier.example', 1)
      const refused = await post()
      expect([refused.status, await refused.json()]).toEqual([503, { mine: true }])
      expect(seen).toEqual([expect.objectContaining({ code: 'supplier_unavailable', name: 'AAuthError' })])
    })

    it('tells who has forgotten the parentheses', () => {
      const guard = expressGuard(options())
      const asGiven = guard.errors as unknown as (...args: unknown[]) => unknown
      expect(() => asGiven(new Error('x'), {}, {}, () => undefined)).toThrow('write guard.errors()')
    })
  })

  describe('Fastify', () => {
    const serve = async (
      declare: (app: FastifyInstance) => void,
      more: object = {},
    ): Promise<FastifyInstance> => {
      const app = fastify()
      await app.register(fastifyPlugin, { ...options(), ...more })
      declare(app)
      await app.listen({ port: 0, host: '127.0.0.1' })
      ends.push(() => app.close())
      town.route('rs.example', (app.server.address() as AddressInfo).port)
      return app
    }
    const config = { aauth: { scope: 'data.write', onward: true } } as const

    it('answers 202 before the application’s own error handler sees anything', async () => {
      const seen: unknown[] = []
      await serve((app) => {
        app.setErrorHandler((error, _request, reply) => {
          seen.push(error)
          reply.code(500).send({ mine: true })
        })
        app.post('/order', { config }, async (request) => {
          const response = await app.aauth.onward(request)(`${supplier}/orders`, { method: 'POST' })
          return { status: response.status }
        })
        app.post('/broken', { config }, async () => {
          throw new Error('of the application')
        })
      })
      expect((await post()).status).toBe(202)
      expect(seen).toEqual([])
      expect((await post('/broken')).status).toBe(500)
      expect(seen).toHaveLength(1)
    })

    it('serves handlers that answer by themselves, and those that throw at once', async () => {
      await serve((app) => {
        app.post('/order', { config }, (_request, reply) => {
          setImmediate(() => reply.send({ late: true }))
        })
        app.post('/throws', { config }, (request) => {
          app.aauth.onward(request)
          throw new TypeError('at once')
        })
      })
      expect(await (await post()).json()).toEqual({ late: true })
      expect((await post('/throws')).status).toBe(500)
    })

    it('puts nothing aside that has been answered', async () => {
      const deferred: string[] = []
      const onEvent = ({ name }: AAuthEvent) => void (name === 'deferred' && deferred.push(name))
      let failure: unknown
      await serve(
        (app) => {
          app.post('/order', { config }, async (request, reply) => {
            reply.send({ early: true })
            await app.aauth
              .onward(request)(`${supplier}/orders`, { method: 'POST' })
              .catch((error: unknown) => {
                failure = error
                throw error
              })
          })
        },
        { onEvent },
      )
      expect(await (await post()).json()).toEqual({ early: true })
      await expect.poll(() => failure).toBeInstanceOf(OnwardError)
      // The pending request would be there by the time of the next answer.
      expect(await (await post()).json()).toEqual({ early: true })
      expect(deferred).toEqual([])
    })

    it("with onError: 'throw' has the error handler answer refusals, and answers the wait itself", async () => {
      const seen: unknown[] = []
      await serve(
        (app) => {
          app.setErrorHandler((error: Error & { statusCode: number }, _request, reply) => {
            seen.push(error)
            reply.code(error.statusCode).send({ mine: true })
          })
          app.post('/order', { config }, async (request) => {
            await app.aauth.onward(request)(`${supplier}/orders`, { method: 'POST' })
            return {}
          })
        },
        { onError: 'throw' },
      )
      expect((await post()).status).toBe(202)
      town.route('supplier.example', 1)
      expect((await post()).status).toBe(503)
      expect(seen).toEqual([expect.objectContaining({ code: 'supplier_unavailable' })])
    })
  })
})

describe.each(adapters)('calls onward [adapter %s]', (adapter) => {
  it('go on the authority of the token that a held call was polled for with', async () => {
    const stage = await openStage(adapter, {
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true, deliver: 'held' },
          async answer({ onward }) {
            const response = await onward()(`${supplier}/orders`, { method: 'POST', body: '{}' })
            return { status: response.status }
          },
        },
      ],
    })
    const person = await stage.town.ps.mintPersonToken({
      person: stage.mom,
      resource,
      cnf: stage.sam.key.cnf,
    })
    const held = await stage.order(person)
    expect(held.status).toBe(202)
    const done = await stage.sam.request({ url: pendingOf(held) }, { token: await stage.grant() })
    expect(await done.json()).toEqual({ status: 201 })
    await stage.close()
  })

  it('are answered 503 where the store fails in which the call would have to wait', async () => {
    const store = createMemoryStore({})
    let isDown = false
    const failing = {
      get: (key: string) => store.get(key),
      delete: (key: string) => store.delete(key),
      put: async (key: string, value: string, ttl: number) => {
        if (isDown) throw new Error('down')
        await store.put(key, value, ttl)
      },
      claim: async (key: string, value: string, ttl: number) => {
        if (isDown) throw new Error('down')
        return store.claim(key, value, ttl)
      },
    }
    const stage = await openStage(adapter, {
      mom: { consent: () => ({ decision: true, after: 'visit' }) },
      shop: { store: failing },
    })
    const token = await stage.grant()
    expect((await stage.order(token)).status).toBe(202)
    isDown = true
    const refused = await stage.order(token)
    expect([refused.status, await errorOf(refused)]).toEqual([503, 'store_unavailable'])
    expect(stage.orders).toEqual([])
    await stage.close()
  })

  it('can be caught by the handler, which then does without, and nothing waits', async () => {
    const stage = await openStage(adapter, {
      mom: { consent: () => ({ decision: true, after: 'visit' }) },
      table: [
        {
          method: 'POST',
          path: '/order',
          requirement: { scope: 'data.write', onward: true },
          answer: async ({ onward }) =>
            onward()(`${supplier}/orders`, { method: 'POST', body: '{}' })
              .then(() => ({ bought: true }))
              .catch((error: unknown) => ({ bought: false, because: (error as OnwardError).code })),
        },
      ],
    })
    const response = await stage.order(await stage.grant())
    expect([response.status, await response.json()]).toEqual([
      200,
      { bought: false, because: 'interaction_required' },
    ])
    await stage.close()
  })
})
