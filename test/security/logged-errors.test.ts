import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { createKey, createTown, type Town } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const signingKey = createKey().privateJwk
let town: Town
let logged: string[]
let close: () => Promise<unknown>
beforeEach(async () => {
  town = await createTown()
  logged = []
})
afterEach(async () => {
  await close()
  await town.close()
})

/** Everything that loggers make of an error. */
function log(error: unknown): void {
  const members: Record<string, unknown> = {}
  for (const name in error as object) members[name] = (error as Record<string, unknown>)[name]
  const own = Object.fromEntries(
    Object.getOwnPropertyNames(error).map((name) => [name, (error as Record<string, unknown>)[name]]),
  )
  const copies = [
    inspect(error, { depth: 10, showHidden: true }),
    JSON.stringify(error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    { ...(error as object) },
    Object.getOwnPropertyDescriptors(error),
    members,
    own,
  ]
  logged.push(
    ...copies.map((copy) => (typeof copy === 'string' ? copy : JSON.stringify(copy))),
    String(error),
  )
}

const options = (): never =>
  ({
    resource: 'https://rs.example',
    signingKeys: [signingKey],
    scopes: { 'data.read': 'Read the data' },
    fetch: town.fetchAs('rs.example'),
  }) as never

const withExpress = (framework: typeof express) => async (): Promise<Server> => {
  const guard = aauth({ ...(options() as { resource: string }), onError: 'next' })
  const app = framework()
  app.set('env', 'test')
  app.get('/data', guard.require({ scope: 'data.read' }), (_req, res) => void res.json({}))
  app.use(((error, _req, _res, next) => {
    log(error)
    next(error)
  }) as express.ErrorRequestHandler)
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  close = async () => server.close()
  return server
}

async function withFastify(): Promise<Server> {
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk))
      done()
    },
  })
  const app = fastify({
    logger: { level: 'trace', stream },
    forceCloseConnections: true,
  }) as unknown as FastifyInstance
  await app.register(plugin, { ...(options() as { resource: string }), onError: 'throw' })
  app.addHook('onError', async (_request, _reply, error) => log(error))
  app.get('/data', { config: { aauth: { scope: 'data.read' } } }, async () => ({}))
  await app.listen({ port: 0, host: '127.0.0.1' })
  close = () => app.close()
  return app.server
}

describe.each([
  ['express', withExpress(express)],
  ['express4', withExpress(express4 as unknown as typeof express)],
  ['fastify', withFastify],
])('a challenge that is handed to the application as an error [adapter %s]', (_name, start) => {
  it('is answered with its fields, and no log has its resource token', async () => {
    const server = await start()
    town.route('rs.example', (server.address() as AddressInfo).port)
    const mom = town.person('mom')
    const sam = town.agent('sam', { person: mom })
    const cnf = sam.key.cnf
    const token = await town.ps.mintPersonToken({ person: mom, resource: 'https://rs.example', cnf })
    const answer = await sam.request({ url: 'https://rs.example/data' }, { token })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('aauth-requirement')).toMatch(/^requirement=auth-token;resource-token="eyJ/)
    const text = logged.join('\n')
    expect(text).toContain('AAuthError')
    expect(text).not.toMatch(/eyJ|resource-token/)
  })
})
