import { once } from 'node:events'
import { createServer, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Agent, createTown, type Town } from '@countersign/devkit'
import { aauth } from '@countersign/express'
import { aauth as plugin } from '@countersign/fastify'
import express from 'express'
import express4 from 'express4'
import fastify from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const resource = 'https://rs.example'
const digest = { identity: 'agent', components: ['content-type', 'content-digest'] } as const
const limits = { body: 1000 }

let town: Town
let sam: Agent
let close: () => Promise<unknown>
beforeEach(async () => {
  town = await createTown()
  sam = town.agent('sam')
})
afterEach(async () => {
  await close()
  await town.close()
})

const withExpress =
  (framework: typeof express) =>
  async (observe: boolean): Promise<Server> => {
    const guard = aauth({ resource, limits, observe, fetch: town.fetchAs('rs.example') })
    const app = framework()
    const parse = framework.raw({ type: () => true, limit: '10mb' })
    app.post('/read', guard.require(digest), parse, (req, res) => {
      res.json({ bytes: (req.body as Buffer).length, observed: req.aauthObserved?.code ?? null })
    })
    app.post('/unread', guard.require(digest), (_req, res) => void res.json({ bytes: 0 }))
    const server = createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    close = async () => {
      server.close()
      server.closeAllConnections()
    }
    return server
  }

async function withFastify(observe: boolean): Promise<Server> {
  const app = fastify({ bodyLimit: 10_000_000, forceCloseConnections: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  await app.register(plugin, { resource, limits, observe, fetch: town.fetchAs('rs.example') })
  app.post('/read', { config: { aauth: digest } }, async (request) => ({
    bytes: (request.body as Buffer).length,
    observed: request.aauthObserved?.code ?? null,
  }))
  app.post(
    '/unread',
    { config: { aauth: digest }, preParsing: async (_request, reply) => reply.send({ bytes: 0 }) },
    () => ({}),
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  close = () => app.close()
  return app.server
}

describe.each([
  ['express', withExpress(express)],
  ['express4', withExpress(express4 as unknown as typeof express)],
  ['fastify', withFastify],
])('content longer than we read [adapter %s]', (_name, start) => {
  const body = Buffer.alloc(1_000_000, 'x')
  const upload = async (server: Server, path: string, chunked: boolean): Promise<unknown[]> => {
    const { port } = server.address() as AddressInfo
    const { rawHeaders } = await sam.sign({
      method: 'POST',
      url: `${resource}${path}`,
      headers: { 'Content-Type': 'application/octet-stream' },
      body: body.toString(),
    })
    const headers = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 && !(chunked && name.toLowerCase() === 'content-length')
        ? [name, rawHeaders[i + 1] as string]
        : [],
    )
    if (chunked) headers.push('Transfer-Encoding', 'chunked')
    const sent = send({ port, path, method: 'POST', headers: headers as never, agent: false })
    for (let i = 0; i < body.length; i += 100_000) sent.write(body.subarray(i, i + 100_000))
    sent.end()
    const [response] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & { statusCode: number }]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    return [response.statusCode, JSON.parse(Buffer.concat(chunks).toString())]
  }

  it.each([true, false])('is whole for the handler where we only observe; in chunks: %s', async (chunked) => {
    const server = await start(true)
    const seen = { bytes: body.length, observed: 'content_too_large' }
    expect(await upload(server, '/read', chunked)).toEqual([200, seen])
    expect(await upload(server, '/unread', chunked)).toEqual([200, { bytes: 0 }])
  })

  it.each([true, false])(
    'is refused where we do more, and the answer arrives; in chunks: %s',
    async (chunked) => {
      const server = await start(false)
      expect(await upload(server, '/read', chunked)).toMatchObject([413, { error: 'content_too_large' }])
    },
  )
})
