import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTown, type Town } from '@countersign/devkit'
import { aauth, allow, deny } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify, { type FastifyReply } from 'fastify'
import { afterEach, describe, expect, it, vi } from 'vitest'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function listen(app: ReturnType<typeof express>): Promise<number> {
  const server: Server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(async () => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

type Verdict = ReturnType<typeof allow> | ReturnType<typeof deny>
/** Serves `/` so that the answer is there before the policy has made up its mind; returns the port. */
type Serve = (town: Town, verdict: () => Verdict, ran: () => void) => Promise<number>

const withExpress =
  (framework: typeof express): Serve =>
  async (town, verdict, ran) => {
    let waiting: ServerResponse | undefined
    const guard = aauth({ resource: 'https://rs.example', fetch: town.fetchAs('rs.example') })
    const app = framework()
    app.use((_req, res, next) => {
      waiting = res
      next()
    })
    const policy = async (): Promise<Verdict> => {
      waiting?.writeHead(503).end()
      await new Promise(setImmediate)
      return verdict()
    }
    app.get('/', guard.require({ identity: 'agent', policy }), (_req, res) => {
      ran()
      res.end()
    })
    return listen(app)
  }

const withFastify: Serve = async (town, verdict, ran) => {
  let waiting: FastifyReply | undefined
  const app = fastify()
  app.addHook('onRequest', async (_request, reply) => {
    waiting = reply
  })
  await app.register(plugin, { resource: 'https://rs.example', fetch: town.fetchAs('rs.example') })
  const policy = async (): Promise<Verdict> => {
    waiting?.code(503).send()
    await new Promise(setImmediate)
    return verdict()
  }
  app.get('/', { config: { aauth: { identity: 'agent', policy } } }, async () => ran())
  await app.listen({ port: 0, host: '127.0.0.1' })
  open.push(() => app.close())
  return (app.server.address() as AddressInfo).port
}

const servers: readonly (readonly [string, Serve])[] = [
  ['Express 5', withExpress(express)],
  ['Express 4', withExpress(express4 as unknown as typeof express)],
  ['Fastify', withFastify],
]

describe.each(servers)(
  'a decision that comes after the application has answered, under %s',
  (_name, serve) => {
    it.each([
      ['refusal', deny],
      ['permission', allow],
    ] as const)('is dropped, be it a %s: it ends no process and runs no handler', async (_kind, verdict) => {
      const unhandled = vi.fn()
      process.on('unhandledRejection', unhandled)
      open.push(async () => process.off('unhandledRejection', unhandled))
      const town = await createTown()
      open.push(() => town.close())
      const handler = vi.fn()
      town.route('rs.example', await serve(town, verdict, handler))
      const sam = town.agent('sam', { person: town.person('mom') })
      expect((await sam.fetch('https://rs.example/')).status).toBe(503)
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
      expect(unhandled).not.toHaveBeenCalled()
      expect(handler).not.toHaveBeenCalled()
    })
  },
)

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('a response that was begun before the guard, under %s', (_name, framework) => {
  it('is broken off for whoever is refused', async () => {
    const guard = aauth({ resource: 'https://rs.example' })
    const handler = vi.fn()
    const app = framework()
    app.use((_req, res, next) => {
      res.write('begun')
      next()
    })
    app.get('/', guard.require('agent'), handler)
    const url = `http://127.0.0.1:${await listen(app)}/`
    const answer = fetch(url, { headers: { host: 'rs.example' } })
    await expect(answer.then((response) => response.text())).rejects.toThrow()
    expect(handler).not.toHaveBeenCalled()
  })
})
