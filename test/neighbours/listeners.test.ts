import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { AAuthEvent, ResourceOptions } from '@countersign/core'
import { type Agent, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { aauth as fastifyAauth } from '@countersign/fastify'
import connect from 'connect'
import express, { type NextFunction, type Request, type Response } from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import methodOverride from 'method-override'
import { Server as SocketServer } from 'socket.io'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { sendRaw, toBytes, writeRaw } from '../wire/socket.js'

// Our middlewares where no application of Express has seen the request, and behind what others do to it first.

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let town: Town
let sam: Agent
let events: AAuthEvent[]
const open: (() => unknown)[] = []
beforeAll(async () => {
  town = await createTown()
  sam = town.agent('sam')
})
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})
afterAll(() => town.close())

const options = (): ResourceOptions => {
  events = []
  return { resource: 'https://rs.example', fetch: town.fetch, onEvent: (event) => events.push(event) }
}
const diagnosed = (): string[] => events.flatMap((event) => (event.name === 'diagnostic' ? [event.code] : []))

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const get = (path = '/x'): Promise<WireRequest> => sam.sign({ url: `https://rs.example${path}` })
const post = (path: string, body: string): Promise<WireRequest> =>
  sam.sign({
    method: 'POST',
    url: `https://rs.example${path}`,
    headers: { 'Content-Type': 'application/json' },
    body,
  })
const bare: WireRequest = { method: 'GET', host: 'x', target: '/x', rawHeaders: ['Host', 'rs.example'] }
const covered = { identity: 'agent', components: ['content-type', 'content-digest'] } as const

/** As connect and listeners call middlewares: with requests and responses of Node's. */
type Handler = (req: Request, res: Response, next: NextFunction) => void

describe('connect', () => {
  it('guards, and has our endpoints', async () => {
    const guard = aauth(options())
    const app = connect()
    app.use(guard.endpoints() as unknown as connect.NextHandleFunction)
    app.use('/v1', guard.require(covered) as unknown as connect.NextHandleFunction)
    app.use((_req: IncomingMessage, res: ServerResponse) => void res.end('handled'))
    const port = await listen(createServer(app))
    const metadata = { ...bare, target: '/.well-known/aauth-resource.json' }
    expect(await sendRaw(port, metadata)).toMatchObject({
      status: 200,
      body: expect.stringContaining('issuer') as unknown,
    })
    expect(await sendRaw(port, { ...bare, target: '/v1/x' })).toMatchObject({ status: 401 })
    expect(await sendRaw(port, await get('/v1/x'))).toMatchObject({ status: 200, body: 'handled' })
    expect(await sendRaw(port, await post('/v1/x', '{"bread":2}'))).toMatchObject({ status: 200 })
    expect(await sendRaw(port, await get('/v2/x'))).toMatchObject({ status: 200 })
    expect(diagnosed()).toEqual([])
  })

  it('carries out calls that waited, through the server', async () => {
    const asked: string[] = []
    const guard = aauth({
      ...options(),
      policy: () => ({ verdict: 'approval', ask: ({ id }) => asked.push(id) }),
    })
    const app = connect()
    app.use(guard.endpoints() as unknown as connect.NextHandleFunction)
    app.use(guard.require('agent') as unknown as connect.NextHandleFunction)
    app.use((req: IncomingMessage, res: ServerResponse) => void res.end(`done ${req.url}`))
    const port = await listen(createServer(app))
    const deferred = await sendRaw(port, await get('/order'))
    expect(deferred.status).toBe(202)
    expect(await guard.server.pending.approve(asked[0] ?? '')).toBe(true)
    const poll = await sam.sign({ url: deferred.headers['location'] as string })
    expect(await sendRaw(port, poll)).toMatchObject({ status: 200, body: 'done /order' })
  })
})

describe('listeners', () => {
  it('of `request` need no framework', async () => {
    const guard = aauth(options())
    const middleware = guard.require('agent') as unknown as Handler
    const server = createServer((req, res) => {
      middleware(req as Request, res as Response, (error) => res.end(error === undefined ? 'in' : 'error'))
    })
    const port = await listen(server)
    expect(await sendRaw(port, bare)).toMatchObject({ status: 401 })
    expect(await sendRaw(port, await get())).toMatchObject({ status: 200, body: 'in' })
  })

  it.each([
    ['a response of their own', (req: IncomingMessage) => new ServerResponse(req) as Response],
    ['no response but `{}`', () => ({}) as Response],
  ])('of `upgrade` with %s refuse and go on', async (_name, responseFor) => {
    const guard = aauth({
      ...options(),
      policy: ({ request }) =>
        request.params['x'] === undefined
          ? { verdict: 'allow' }
          : { verdict: 'deny', code: 'no', detail: undefined },
    })
    const middleware = guard.require('agent') as unknown as Handler
    const server = createServer()
    const seen: unknown[] = []
    server.on('upgrade', (req, socket) => {
      const response = responseFor(req)
      if (response instanceof ServerResponse) response.assignSocket(socket as never)
      middleware(req as Request, response, (error: unknown) => {
        seen.push(error === undefined ? 'in' : (error as { readonly status?: number }).status)
        socket.end(`HTTP/1.1 ${error === undefined ? '101 Switching' : '401 Unauthorized'}\r\n\r\n`)
      })
    })
    const port = await listen(server)
    const upgrade = ['Connection', 'Upgrade', 'Upgrade', 'websocket']
    const asUpgrade = (request: WireRequest): WireRequest => ({
      ...request,
      rawHeaders: [...request.rawHeaders, ...upgrade],
    })
    expect(await sendRaw(port, asUpgrade(bare))).toMatchObject({ status: 401 })
    expect((await sendRaw(port, asUpgrade(await get()))).status).toBe(101)
    expect(seen.at(-1)).toBe('in')
  })

  it('of Socket.IO (engine.use) guard polling and WebSocket alike', async () => {
    const guard = aauth(options())
    const server = createServer()
    const io = new SocketServer(server, { serveClient: false })
    open.push(() => io.close())
    io.engine.use(guard.require('agent'))
    const port = await listen(server)
    const polling = '/socket.io/?EIO=4&transport=polling'
    expect(await sendRaw(port, { ...bare, target: polling })).toMatchObject({ status: 401 })
    expect(await sendRaw(port, await get(polling))).toMatchObject({
      status: 200,
      body: expect.stringContaining('"sid"') as unknown,
    })
    const socket = [
      ...['Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],
      ...['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ]
    const target = '/socket.io/?EIO=4&transport=websocket'
    const signed = await get(target)
    const joined = await sendRaw(port, { ...signed, rawHeaders: [...signed.rawHeaders, ...socket] })
    expect(joined.status).toBe(101)
    const refused = sendRaw(port, { ...bare, target, rawHeaders: [...bare.rawHeaders, ...socket] })
    await expect(refused).rejects.toThrow('closed without a response')
    // The process is still there.
    expect(await sendRaw(port, await get(polling))).toMatchObject({ status: 200 })
  })
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('before the guard, on %s', (_name, framework) => {
  const app = (before: (app: express.Express) => void, requirement: 'agent' | typeof covered = covered) => {
    const guard = aauth(options())
    const application = framework()
    before(application)
    application.use(guard.require(requirement), (req: IncomingMessage, res: ServerResponse) => {
      let text = ''
      req.on('data', (chunk: Buffer | string) => (text += String(chunk)))
      req.on('end', () => res.end(`${req.method} ${text}`))
    })
    return listen(createServer(application))
  }
  const text = JSON.stringify({ bread: 'Brötchen €' })

  it.each(['utf8', 'latin1', 'base64', 'hex', 'utf16le'] as const)(
    'somebody has called setEncoding(%s): the digest is checked, and the text is still there',
    async (encoding) => {
      const port = await app((application) => {
        application.use((req, _res, next) => {
          req.setEncoding(encoding)
          next()
        })
      })
      // Even, so that it is whole in UTF-16 too.
      const even = Buffer.byteLength(text) % 2 === 0 ? text : `${text} `
      const signed = await post('/x', even)
      const answer = await sendRaw(port, signed)
      expect(answer.status).toBe(200)
      expect(Buffer.from(answer.body, 'latin1').toString('utf8')).toBe(
        `POST ${Buffer.from(even).toString(encoding)}`,
      )
      const bytes = toBytes(signed)
      const split = bytes.length - 9
      expect((await writeRaw(port, bytes.subarray(0, split), bytes.subarray(split))).status).toBe(200)
      expect(
        (await sendRaw(port, { ...signed, body: Buffer.from(even.replace('bread', 'cakes')) })).status,
      ).toBe(401)
    },
  )

  it('bytes that are none of the encoding that was set are refused, and nothing ends', async () => {
    const port = await app((application) => {
      application.use((req, _res, next) => {
        req.setEncoding('utf8')
        next()
      })
    })
    const signed = await sam.sign({
      method: 'POST',
      url: 'https://rs.example/x',
      headers: { 'Content-Type': 'application/octet-stream' },
      body: Buffer.from([0xff, 0xfe, 0x80]),
    })
    expect((await sendRaw(port, signed)).status).toBe(401)
    expect((await sendRaw(port, await get())).status).toBe(200)
  })

  it('the method was overridden by a field: refused, with the cause', async () => {
    const port = await app((application) => void application.use(methodOverride()), 'agent')
    const signed = await sam.sign({
      method: 'POST',
      url: 'https://rs.example/x',
      headers: { 'X-HTTP-Method-Override': 'DELETE' },
    })
    expect((await sendRaw(port, signed)).status).toBe(401)
    expect(diagnosed()).toEqual(['AAUTH_METHOD'])
  })
})

describe('before the guard, on Fastify', () => {
  it('somebody has called setEncoding: the digest is checked, and nothing ends', async () => {
    const app = fastify()
    app.addHook('onRequest', async (request) => void request.raw.setEncoding('utf8'))
    await app.register(fastifyAauth, options())
    app.post('/x', { config: { aauth: covered } }, async ({ body }) => ({ body }))
    await app.listen({ port: 0, host: '127.0.0.1' })
    open.push(() => app.close())
    const { port } = app.server.address() as AddressInfo
    const signed = await post('/x', '{"bread":2}')
    // Fastify's own parser wants bytes; whatever it says, it says.
    expect([200, 400]).toContain((await sendRaw(port, signed)).status)
    expect((await sendRaw(port, { ...signed, body: Buffer.from('{"bread":3}') })).status).toBe(401)
  })
})
