import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { type Agent, createTown, type Town, type WireRequest } from '@countersign/devkit'
import { aauth } from '@countersign/fastify'
import fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

// Express has no HTTP/2.
describe('HTTP/2, on Fastify', () => {
  let town: Town
  let sam: Agent
  let app: FastifyInstance
  let session: ClientHttp2Session
  beforeAll(async () => {
    town = await createTown()
    sam = town.agent('sam')
    app = fastify({ http2: true, forceCloseConnections: true }) as unknown as FastifyInstance
    await app.register(aauth, { resource: 'https://rs.example', fetch: town.fetch })
    const required = { identity: 'agent', components: ['content-type', 'content-digest'] } as const
    app.post('/signed', { config: { aauth: required } }, async ({ body }) => ({ body }))
    app.get('/*', { config: { aauth: 'agent' } }, async ({ originalUrl }) => ({ target: originalUrl }))
    await app.listen({ port: 0, host: '127.0.0.1' })
    session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  })
  afterAll(async () => {
    session.destroy()
    await app.close()
    await town.close()
  })

  /** Sends it as HTTP/2: no Host, no Content-Length, pseudo-headers instead. */
  const send = async (
    request: WireRequest,
    more: OutgoingHttpHeaders = {},
  ): Promise<{ status: number; headers: Record<string, unknown>; body: string }> => {
    const headers: OutgoingHttpHeaders = {
      ':method': request.method,
      ':path': request.target,
      ':authority': request.host,
    }
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = (request.rawHeaders[i] as string).toLowerCase()
      if (name !== 'host' && name !== 'content-length') headers[name] = request.rawHeaders[i + 1]
    }
    const stream = session.request({ ...headers, ...more }, { endStream: request.body === undefined })
    if (request.body !== undefined) stream.end(request.body)
    const received: Record<string, unknown> = await new Promise((resolve) => stream.once('response', resolve))
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk as string
    return { status: Number(received[':status']), headers: received, body }
  }
  const json = { 'Content-Type': 'application/json' }

  it('is verified over pseudo-headers, path and authority as they were sent [H-11] [H-13]', async () => {
    const request = await sam.sign({ url: 'https://rs.example/a/../%7Eb?x' })
    expect(await send(request)).toMatchObject({
      status: 200,
      body: JSON.stringify({ target: '/a/../%7Eb?x' }),
    })
    expect(await send({ ...request, target: '/%7Eb?x' })).toMatchObject({ status: 401 })
    const other = await sam.sign({ url: 'https://other.example/a' })
    expect(await send(other)).toMatchObject({ status: 401 })
    expect(
      await send(await sam.sign({ url: 'https://rs.example/a' }), { host: 'other.example' }),
    ).toMatchObject({ status: 400 })
  })

  it('keeps the case of the method [H-10]', async () => {
    const request = await sam.sign({ url: 'https://rs.example/a' })
    expect((await send({ ...request, method: 'get' })).status).toBeGreaterThanOrEqual(400)
  })

  it('has content without a field that announces it, and its digest is asked for and checked [H-58] [R-047]', async () => {
    const request = { method: 'POST', url: 'https://rs.example/signed', headers: json, body: '{"bread":2}' }
    const signed = await sam.sign(request)
    expect(await send(signed)).toMatchObject({ status: 200, body: '{"body":{"bread":2}}' })
    expect(await send({ ...signed, body: Buffer.from('{"bread":3}') })).toMatchObject({
      status: 401,
      headers: { 'signature-error': 'error=invalid_signature' },
    })
    const components = ['@method', '@authority', '@path', 'signature-key']
    const uncovered = await send(await sam.sign(request, { components }))
    expect(uncovered.headers['signature-error']).toContain('error=invalid_input')
    const { body: _, ...empty } = request
    expect((await send(await sam.sign(empty, { components }))).headers['signature-error']).toBeUndefined()
  })
})
