import { once } from 'node:events'
import {
  createServer as createPlain,
  get,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const resource = 'https://rs.example'
const optional = { identity: 'any', optional: true } as const

/** Fields as a handler would write them. */
type Fields = readonly (readonly [string, string | string[]])[]

// What a handler does to its response; every way in which Node lets it.
const ways = new Map<string, (response: ServerResponse, fields: Fields) => void>([
  ['setHeader', (response, fields) => void setAll(response, fields).end('x')],
  ['setHeader, without content', (response, fields) => void setAll(response, fields).end()],
  [
    'setHeader and flushHeaders',
    (response, fields) => {
      setAll(response, fields).flushHeaders()
      response.end('x')
    },
  ],
  ['writeHead', (response, fields) => void response.writeHead(200, Object.fromEntries(fields)).end('x')],
  [
    'writeHead with a reason',
    (response, fields) => void response.writeHead(200, 'Fine', Object.fromEntries(fields)).end('x'),
  ],
  [
    'writeHead with a list',
    (response, fields) =>
      void response
        .writeHead(
          200,
          fields.flatMap(([name, value]) => [name, [value].flat().join(', ')]),
        )
        .end('x'),
  ],
  [
    'writeHead after setHeader',
    (response, fields) =>
      void setAll(response, fields).writeHead(200, { 'Content-Type': 'text/plain' }).end('x'),
  ],
])

function setAll(response: ServerResponse, fields: Fields): ServerResponse {
  for (const [name, value] of fields) response.setHeader(name, value)
  return response
}

const vary = 'Signature-Key, Signature'
const cases: readonly (readonly [Fields, string, string])[] = [
  [[], 'private', vary],
  [[['Cache-Control', 'max-age=60']], 'max-age=60, private', vary],
  [[['cache-control', 's-maxage=60, no-cache']], 's-maxage=60, no-cache, private', vary],
  [
    [['Cache-Control', 'private="set-cookie", max-age=60']],
    'private="set-cookie", max-age=60, private',
    vary,
  ],
  [[['Cache-Control', 'ext="public, no-store"']], 'ext="public, no-store", private', vary],
  [[['Cache-Control', 'Public, max-age=60']], 'Public, max-age=60', vary],
  [[['Cache-Control', 'no-store']], 'no-store', vary],
  [[['CACHE-CONTROL', 'Private, max-age=60']], 'Private, max-age=60', vary],
  [[['Vary', 'Origin']], 'private', `Origin, ${vary}`],
  [[['vary', 'origin, SIGNATURE']], 'private', 'origin, SIGNATURE, Signature-Key'],
  [[['Vary', '*']], 'private', '*'],
  [
    [
      ['Cache-Control', 'max-age=1'],
      ['Vary', 'Accept'],
    ],
    'max-age=1, private',
    `Accept, ${vary}`,
  ],
]

let close: () => Promise<unknown> = async () => undefined
afterEach(() => close())

type Start = (handle: (response: ServerResponse) => void) => Promise<number>

const withExpress =
  (framework: typeof express): Start =>
  async (handle) => {
    const guard = aauth({ resource })
    const app = framework()
    app.disable('x-powered-by')
    app.get('/optional', guard.require(optional), (_req, res) => handle(res))
    app.get(
      '/strict',
      (_req, res, next) => {
        res.setHeader('Vary', 'Origin')
        next()
      },
      guard.require('agent'),
    )
    app.get('/or', guard.require({ identity: 'agent', or: (_req, res) => handle(res) }))
    app.get('/observed', guard.require({ identity: 'agent', observe: true }), (_req, res) => handle(res))
    app.get('/open', (_req, res) => handle(res))
    const server: Server = createPlain(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    close = async () => server.close()
    return (server.address() as AddressInfo).port
  }

const withFastify =
  (options: { readonly http2?: true } = {}): Start =>
  async (handle) => {
    const app = fastify({ ...options, forceCloseConnections: true } as object)
    await app.register(plugin, { resource })
    const raw = (_request: unknown, reply: { hijack(): unknown; raw: unknown }): void => {
      reply.hijack()
      handle(reply.raw as ServerResponse)
    }
    app.get('/optional', { config: { aauth: optional } }, raw as never)
    app.get(
      '/strict',
      {
        config: { aauth: 'agent' },
        onRequest: () => undefined,
      },
      raw as never,
    )
    app.addHook('onRequest', async (request, reply) => {
      if (request.url === '/strict') reply.header('Vary', 'Origin')
    })
    app.get('/or', { config: { aauth: { identity: 'agent', or: raw as never } } }, () => 'never')
    app.get('/observed', { config: { aauth: { identity: 'agent', observe: true } } }, raw as never)
    app.get('/open', raw as never)
    app.get('/sent', { config: { aauth: optional } }, async (_request, reply) =>
      reply.header('Cache-Control', 'max-age=60').send({ a: 1 }),
    )
    app.get('/thrown', { config: { aauth: optional } }, async () => Promise.reject(new Error('no')))
    await app.listen({ port: 0, host: '127.0.0.1' })
    close = () => app.close()
    return (app.server.address() as AddressInfo).port
  }

const headersOf = (port: number, path: string): Promise<IncomingHttpHeaders> =>
  new Promise((resolve, reject) => {
    get({ port, path, agent: false }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.headers))
    }).on('error', reject)
  })

const starts = [
  ['express', withExpress(express)],
  ['express4', withExpress(express4 as unknown as typeof express)],
  ['fastify', withFastify()],
] as const

describe.each(starts)(
  'no shared cache serves an answer to somebody else (G-75) [adapter %s]',
  (_name, start) => {
    let port: number
    let fields: Fields
    let way: string
    beforeEach(async () => {
      port = await start((response) => ways.get(way)?.(response, fields))
    })

    it.each([...ways.keys()])('whatever the handler said, by %s', async (name) => {
      way = name
      for (const [given, cacheControl, varied] of cases) {
        fields = given
        const headers = await headersOf(port, '/optional')
        expect([given, headers['cache-control'], headers.vary]).toEqual([given, cacheControl, varied])
      }
    })

    it('refused, observed, or let in by another way', async () => {
      way = 'setHeader'
      fields = [['Cache-Control', 'max-age=60']]
      expect(await headersOf(port, '/strict')).toMatchObject({
        'cache-control': 'no-store',
        vary: `Origin, ${vary}`,
        'aauth-requirement': 'requirement=agent-token',
      })
      for (const path of ['/or', '/observed'])
        expect(await headersOf(port, path)).toMatchObject({ 'cache-control': 'max-age=60, private', vary })
    })

    it('and what we do not guard is as it was', async () => {
      way = 'setHeader'
      fields = [['Cache-Control', 'max-age=60']]
      const headers = await headersOf(port, '/open')
      expect([headers['cache-control'], headers.vary]).toEqual(['max-age=60', undefined])
      const keys = await headersOf(port, '/.well-known/jwks.json')
      expect(keys.vary).toBeUndefined()
    })
  },
)

describe('no shared cache serves an answer of Fastify’s own writing (G-75) [adapter fastify]', () => {
  it('sent, or for an error', async () => {
    const port = await withFastify()(() => undefined)
    expect(await headersOf(port, '/sent')).toMatchObject({ 'cache-control': 'max-age=60, private', vary })
    expect(await headersOf(port, '/thrown')).toMatchObject({ 'cache-control': 'private', vary })
  })

  it('nor over HTTP/2, with content or without', async () => {
    let fields: Fields = []
    let way = ''
    const port = await withFastify({ http2: true })((response) => ways.get(way)?.(response, fields))
    const session = connect(`http://127.0.0.1:${port}`)
    const ask = async (path: string): Promise<unknown> => {
      const stream = session.request({ ':path': path })
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
      stream.resume()
      await once(stream, 'end')
      return [headers['cache-control'], headers['vary']]
    }
    for (way of ['setHeader', 'setHeader, without content', 'writeHead'])
      for (const [given, cacheControl, varied] of cases) {
        fields = given
        expect([way, given, await ask('/optional')]).toEqual([way, given, [cacheControl, varied]])
      }
    expect(await ask('/strict')).toEqual(['no-store', `Origin, ${vary}`])
    session.destroy()
  })
})
