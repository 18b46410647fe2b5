import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { AAuthEvent } from '@countersign/core'
import { createTown, type Town } from '@countersign/devkit'
import { aauth as expressAauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adapters, resource } from '../target/start.js'
import { sendRaw } from '../wire/socket.js'

// An `or` that fails lets nobody in, however it fails.

type Way = (request: unknown, response: unknown, next: (error?: unknown) => void) => unknown

const nothing: unknown = undefined
const fails: Readonly<Record<string, Way | readonly Way[]>> = {
  'throws nothing': () => {
    throw nothing
  },
  'rejects with nothing': () => Promise.reject(nothing),
  'rejects with null': () => Promise.reject(null),
  'rejects with a name that Express gives a meaning': () => Promise.reject('router'),
  'gives a thenable that rejects with nothing': () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
    then: (_resolved: unknown, rejected: () => void) => rejected(),
  }),
  'throws late': async () => {
    await new Promise((resolve) => setImmediate(resolve))
    throw nothing
  },
  'goes on with null, and a second that refuses': [
    (_request, _response, next) => next(null),
    (_request, _response, next) => next(new Error('no')),
  ],
}

const lets: Readonly<Record<string, Way>> = {
  express: (_request, _response, next) => next(),
  express4: (_request, _response, next) => next(),
  fastify: async () => {},
}

async function start(
  adapter: string,
  town: Town,
  onEvent: (event: AAuthEvent) => void = () => {},
): Promise<{ port: number; close(): unknown }> {
  const options = { resource, fetch: town.fetch, onEvent }
  const other = { identity: 'agent', observe: true, or: lets[adapter] } as never
  const routes = [
    ...Object.values(fails).map((or, i) => [`/${i}`, { identity: 'agent', or } as never] as const),
    ['/observed', other] as const,
  ]
  if (adapter === 'fastify') {
    const app = fastify({ forceCloseConnections: true })
    await app.register(fastifyAauth, options)
    for (const [path, requirement] of routes)
      app.get(path, { config: { aauth: requirement } }, async () => 'served')
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: (app.server.address() as AddressInfo).port, close: () => app.close() }
  }
  const guard = expressAauth(options)
  const app = (adapter === 'express' ? express : (express4 as unknown as typeof express))()
  for (const [path, requirement] of routes)
    app.get(path, guard.require(requirement), (_req, res) => void res.send('served'))
  app.use((_error: unknown, _req: unknown, res: express.Response, _next: unknown) => {
    res.status(500).send('failed')
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, close }
}

describe.each(adapters)('another way in [adapter %s]', (adapter) => {
  let town: Town
  let running: Awaited<ReturnType<typeof start>>
  const events: string[] = []
  beforeAll(async () => {
    town = await createTown()
    running = await start(adapter, town, ({ name }) => events.push(name))
  })
  afterAll(async () => {
    await running.close()
    await town.close()
  })

  it.each(Object.keys(fails).map((name, i) => [name, i] as const))(
    'that %s serves nobody',
    async (_name, i) => {
      const bare = { method: 'GET', host: 'rs.example', target: `/${i}`, rawHeaders: ['Host', 'rs.example'] }
      const answer = await sendRaw(running.port, bare)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.body).not.toContain('served')
    },
  )

  it('is where unsigned requests of a report-only route go, and no refusal is told of', async () => {
    events.length = 0
    const bare = {
      method: 'GET',
      host: 'rs.example',
      target: '/observed',
      rawHeaders: ['Host', 'rs.example'],
    }
    const answer = await sendRaw(running.port, bare)
    expect([answer.status, answer.body]).toEqual([200, 'served'])
    expect(events).toEqual(['elsewhere', 'decision'])
  })
})
