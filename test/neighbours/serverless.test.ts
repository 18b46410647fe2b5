import { createMemoryStore, type ResourceOptions, type ResourceServer } from '@countersign/core'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import awsLambda from '@fastify/aws-lambda'
import express from 'express'
import fastify from 'fastify'
import serverless from 'serverless-http'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type GatewayAnswer, type Invoke, onLambda } from './gateway.js'

// What docs/serverless.md says: an instance of a function is a process that comes and goes.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

/** One instance of the function. */
interface Instance {
  readonly aauth: Pick<ResourceServer, 'pending' | 'issuers' | 'close'>
  readonly send: ReturnType<typeof onLambda>
}

const starts: Record<string, (options: ResourceOptions) => Promise<Instance>> = {
  'Express, serverless-http': async (options) => {
    const guard = expressAauth(options)
    const app = express()
    app.use(guard.endpoints())
    app.use(guard.require('agent'), express.json(), (req, res) => void res.json({ did: req.originalUrl }))
    return { aauth: guard.server, send: onLambda(serverless(app as never) as Invoke, '2.0') }
  },
  'Fastify, @fastify/aws-lambda': async (options) => {
    const app = fastify()
    await app.register(fastifyAauth, options)
    app.all('/*', { config: { aauth: 'agent' } }, async ({ originalUrl }) => ({ did: originalUrl }))
    const proxy = awsLambda(app) as unknown as Invoke
    await app.ready()
    return { aauth: app.aauth, send: onLambda(proxy, '2.0') }
  },
}

describe.each(Object.keys(starts))('%s', (name) => {
  let town: Town
  let sam: Agent
  let asked: string[]
  const instances: Instance[] = []
  beforeEach(async () => {
    town = await createTown()
    sam = town.agent('sam')
    asked = []
  })
  afterEach(async () => {
    for (const { aauth } of instances.splice(0)) aauth.close()
    await town.close()
  })
  const start = async (options: Partial<ResourceOptions> = {}): Promise<Instance> => {
    const open = starts[name] as (typeof starts)[string]
    const instance = await open({ resource: 'https://rs.example', fetch: town.fetch, ...options })
    instances.push(instance)
    return instance
  }
  const policy: ResourceOptions['policy'] = () => ({
    verdict: 'approval',
    ask: ({ id }) => void asked.push(id),
  })
  const call = (at: Instance, url: string, headers = {}): Promise<GatewayAnswer> =>
    sam.sign({ url, headers }).then((request) => at.send(request))
  const fetched = (): number => town.ledger.filter(({ to }) => to === 'ap.example').length
  const order = 'https://rs.example/order'

  it('carries out a call that waited, in another instance than it came to, where they share a store', async () => {
    const store = createMemoryStore()
    const [first, second] = [await start({ store, policy }), await start({ store, policy })]
    const deferred = await call(first, order)
    expect(deferred.status).toBe(202)
    const location = deferred.headers['location'] as string
    expect(await second.aauth.pending.approve(asked[0] as string)).toBe(true)
    const answer = await call(second, location)
    expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { did: '/order' }])
  })

  it('without a store, another instance knows nothing of what waits', async () => {
    const [first, second] = [await start({ policy }), await start({ policy })]
    const location = (await call(first, order)).headers['location'] as string
    expect((await call(second, location)).status).toBe(404)
  })

  it('holds no poll open where pending.longestWait is 0', async () => {
    const instance = await start({ policy, pending: { longestWait: 0 } })
    const location = (await call(instance, order)).headers['location'] as string
    expect((await call(instance, location, { Prefer: 'wait=30' })).status).toBe(202)
  })

  it('fetches the keys of an issuer in each new instance, at the first request or before it', async () => {
    await call(await start(), order)
    const once = fetched()
    expect(once).toBe(2)
    await call(await start(), order)
    expect(fetched()).toBe(2 * once)
    const warmed = await start({
      issuers: { prewarm: [{ issuer: 'https://ap.example', dwk: 'aauth-agent.json' }] },
    })
    await warmed.aauth.issuers.warm()
    expect(fetched()).toBe(3 * once)
    expect((await call(warmed, order)).status).toBe(200)
    expect(fetched()).toBe(3 * once)
  })

  it('fetches nothing of an issuer whose keys are pinned', async () => {
    const keys = town.ap.keys.published.map(({ publicJwk }) => publicJwk)
    const pinned = [{ issuer: 'https://ap.example', dwk: 'aauth-agent.json', jwks: { keys } }] as const
    const instance = await start({ issuers: { pinned } as never })
    expect((await call(instance, order)).status).toBe(200)
    expect(fetched()).toBe(0)
  })
})
