import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { sendBytes } from '../hostile/wire.js'

const resource = 'https://rs.example'

// Every way to spell a target that some router may take for a guarded one.
const targets = [
  ...[
    '/guarded',
    '/GUARDED',
    '/guarded/',
    '/guarded//',
    '//guarded',
    '/%67uarded',
    '/guarded?x',
    '/guarded#x',
  ],
  ...['/guarded;x', '/./guarded', '/x/../guarded', '/guarded%2f', '/guarded%00', '\\guarded', '/guarded/.'],
  ...[
    'http://rs.example/guarded',
    'http://evil.example/guarded',
    'https://rs.example:443/guarded',
    '*',
    '?/guarded',
  ],
  ...['/wild/card', '/wild/../wild/card', '/wild//card', '/wild/%63ard', '/wild%2fcard', '/WILD/card'],
  ...['/router/inner', '/Router/Inner/', '/router//inner', '/router/%69nner', '/router;/inner', '/rewritten'],
]
const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'QUERY', 'TRACE']
const extras = ['', 'Upgrade: websocket\r\nConnection: Upgrade, close\r\n', 'X-HTTP-Method-Override: GET\r\n']

let stop: () => Promise<unknown> = async () => undefined
afterEach(() => stop())

type Start = (handler: () => void) => Promise<Server>

const startExpress =
  (framework: typeof express): Start =>
  async (ran) => {
    const guard = aauth({ resource })
    const app = framework()
    app.use((req, _res, next) => {
      if (req.url === '/rewritten') req.url = '/guarded'
      next()
    })
    app.use(guard.endpoints())
    const handler: express.RequestHandler = (_req, res) => {
      ran()
      res.end()
    }
    app.all('/guarded', guard.require('agent'), handler)
    app.use('/wild', guard.require('agent'), handler)
    const router = framework.Router().use(guard.require('agent'))
    router.all('/inner', handler)
    app.use('/router', router)
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stop = async () => {
      server.close()
      server.closeAllConnections()
    }
    return server
  }

const startFastify: Start = async (ran) => {
  const app: FastifyInstance = fastify({
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      caseSensitive: false,
    },
    rewriteUrl: ({ url = '' }) => (url === '/rewritten' ? '/guarded' : url),
  })
  await app.register(plugin, { resource })
  const config = { aauth: 'agent' } as const
  const handler = async (): Promise<string> => {
    ran()
    return ''
  }
  app.all('/guarded', { config }, handler)
  app.all('/wild/*', { config }, handler)
  const inner: FastifyPluginCallback = (scope, _options, done) => {
    scope.all('/inner', { config }, handler)
    done()
  }
  await app.register(inner, { prefix: '/router' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  stop = () => app.close()
  return app.server
}

describe.each<[string, Start]>([
  ['Express 5', startExpress(express)],
  ['Express 4', startExpress(express4 as unknown as typeof express)],
  ['Fastify', startFastify],
])('a guarded handler under %s', (_name, start) => {
  it('is reached by no spelling of its path that the guard does not see', async () => {
    let calls = 0
    const { port } = (await start(() => calls++)).address() as AddressInfo
    const send = async (method: string, target: string, extra: string): Promise<number> => {
      const close = extra.includes('Connection') ? '' : 'Connection: close\r\n'
      const head = `${method} ${target} HTTP/1.1\r\nHost: rs.example\r\n${extra}${close}\r\n`
      return sendBytes(port, Buffer.from(head)).then(
        (answer) => answer.status,
        () => 0,
      )
    }
    const statuses = new Set<number>()
    for (const target of targets) {
      const requests = methods.flatMap((method) => extras.map((extra) => send(method, target, extra)))
      for (const status of await Promise.all(requests)) statuses.add(status)
    }
    expect(calls).toBe(0)
    expect(statuses).toContain(401)
  })
})
