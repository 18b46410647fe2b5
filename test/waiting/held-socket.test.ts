import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ResourceServer } from '@countersign/core'
import { createTown, type Town } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { locationOf } from './stage.js'

// What libraries do to the socket of a request they must be able to do to that of a call that was held.

type Handle = (message: IncomingMessage, response: ServerResponse) => void

interface Running {
  readonly port: number
  readonly aauth: Pick<ResourceServer, 'pending'>
  close(): unknown
}

async function start(adapter: string, town: Town, ids: string[], handle: Handle): Promise<Running> {
  const policy = () => ({ verdict: 'approval', ask: ({ id }: { id: string }) => ids.push(id) }) as const
  const options = { resource, fetch: town.fetch, policy }
  if (adapter === 'fastify') {
    const app = fastify({ forceCloseConnections: true })
    await app.register(fastifyAauth, options)
    app.post('/call', { config: { aauth: 'agent' } }, (request, reply) => {
      reply.hijack()
      handle(request.raw, reply.raw)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return {
      port: (app.server.address() as AddressInfo).port,
      aauth: app.aauth as never,
      close: () => app.close(),
    }
  }
  const guard = expressAauth(options)
  const app = (adapter === 'express' ? express : (express4 as unknown as typeof express))()
  app.use(guard.endpoints())
  app.post('/call', guard.require('agent'), (req, res) => handle(req, res))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, aauth: guard.server as never, close }
}

describe.each(adapters)('the socket of a held call [adapter %s]', (adapter) => {
  let town: Town
  let running: Running
  const ids: string[] = []
  beforeEach(async () => {
    ids.length = 0
    town = await createTown()
  })
  afterEach(async () => {
    await running.close()
    await town.close()
  })

  const carryOut = async (handle: Handle): Promise<Response> => {
    running = await start(adapter, town, ids, handle)
    town.route('rs.example', running.port)
    const sam = town.agent('sam')
    const first = await sam.request({ method: 'POST', url: `${resource}/call` })
    await running.aauth.pending.approve(ids[0] ?? '')
    return sam.request({ url: locationOf(first) })
  }

  it('has the methods that libraries call', async () => {
    const done = await carryOut((message, response) => {
      const { socket } = message
      socket.setTimeout(60_000).setKeepAlive(true, 1000).setNoDelay(true).ref().unref()
      message.setTimeout(60_000, () => {})
      response.setTimeout(60_000, () => {})
      const { address, family } = socket.address() as Partial<AddressInfo>
      const facts = [socket.readyState, socket.connecting, socket.destroyed, typeof address, typeof family]
      response.end(JSON.stringify(facts.slice(0, 3)))
    })
    expect([done.status, await done.json()]).toEqual([200, ['open', false, false]])
  })

  it('may be asked for another protocol by its handler, and the poll is answered at once', async () => {
    const started = performance.now()
    const done = await carryOut((_message, response) => {
      response.writeHead(101, { Connection: 'Upgrade', Upgrade: 'other' }).end()
    })
    expect(done.status).toBe(500)
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  it.each(['destroy', 'destroySoon', 'resetAndDestroy'] as const)(
    'may be broken off by its handler: %s, and the poll is answered at once',
    async (method) => {
      const started = performance.now()
      const done = await carryOut(({ socket }) => void socket[method]())
      expect(done.status).toBe(500)
      expect(performance.now() - started).toBeLessThan(20_000)
    },
  )
})
