import {
  type Agent,
  type AgentSignOptions,
  createTown,
  type Town,
  type WireRequest,
} from '@countersign/devkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { frames, type RunningFrame, type Seen } from './frames.js'
import { type RawResponse, sendRaw } from './socket.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const refused = { status: 401, headers: { 'signature-error': 'error=invalid_signature' } }
const malformed = { status: 400, body: expect.stringContaining('invalid_request') as unknown }

describe.each(frames)('the wire exactly, on $name [adapter $adapter]', (frame) => {
  let town: Town
  let sam: Agent
  let app: RunningFrame
  beforeAll(async () => {
    town = await createTown()
    sam = town.agent('sam')
    app = await frame.start({ options: { resource: 'https://rs.example', fetch: town.fetch } })
  })
  afterAll(async () => {
    await app.close()
    await town.close()
  })

  const sign = (
    target: string,
    options?: AgentSignOptions,
    headers: [string, string][] = [],
  ): Promise<WireRequest> => sam.sign({ url: `https://rs.example${target}`, headers }, options)
  const send = (request: WireRequest): Promise<RawResponse> => sendRaw(app.port, request)
  /** The request with the first line of this field changed, or with another at its end. */
  const withField = (request: WireRequest, name: string, value: string): WireRequest => {
    const rawHeaders = [...request.rawHeaders]
    const at = rawHeaders.findIndex((header, i) => i % 2 === 0 && header.toLowerCase() === name.toLowerCase())
    if (at === -1) rawHeaders.push(name, value)
    else rawHeaders[at + 1] = value
    return { ...request, rawHeaders }
  }
  const addField = (request: WireRequest, name: string, value: string): WireRequest => ({
    ...request,
    rawHeaders: [...request.rawHeaders, name, value],
  })

  it.each([
    '/v1/public',
    '/v1/%7Ejoe//x/../y?b=%20&a',
    '/v1/a;x=1,2/{b|c}?q="x"',
    '/v1/a\\b',
    '/v1/%2e%2e/x',
    '/v1/?',
    '/v1/caf%C3%A9?%',
    '/v1/a?b?c#'.slice(0, -1),
  ])('serves %s, which reaches the handler as it was signed [H-13] [R-044]', async (target) => {
    const components = [
      '@method',
      '@authority',
      '@path',
      '@query',
      '@target-uri',
      '@request-target',
      'signature-key',
    ]
    const response = await send(await sign(target, { components }))
    expect(response.status).toBe(200)
    expect((JSON.parse(response.body) as Seen).target).toBe(target)
  })

  it.each([
    ['/v1/public', '/v1/admin/../public'],
    ['/v1/public', '/v1/admin/%2e%2e/public'],
    ['/v1/public', '/v1/admin/%2E./public'],
    ['/v1/public', '/v1/./public'],
    ['/v1/public', '/v1//public'],
    ['/v1/public', '/v1/public/'],
    ['/v1/public', '/v1/%70ublic'],
    ['/v1/public', '/v1/Public'],
    ['/v1/public', '/v1/public;x'],
    ['/v1/public', '/public'],
    ['/public', '/v1/public'],
    ['/v1/a/b', '/v1/a\\b'],
    ['/v1/a/b', '/v1/a%2Fb'],
    ['/v1/a%2fb', '/v1/a%2Fb'],
    ['/v1/a b'.replace(' ', '%20'), '/v1/a+b'],
  ])('signed %s, sent %s: refused [H-13] [N-032]', async (signed, sent) => {
    expect(await send({ ...(await sign(signed)), target: sent })).toMatchObject(
      // Below no guarded prefix there is nobody to refuse it.
      sent === '/public' ? { status: 404 } : refused,
    )
  })

  it.each([
    'http://rs.example/v1/public',
    'https://rs.example/v1/public',
    '/v1/public#fragment',
    '/v1/public?x#',
  ])('sent %s: malformed, whatever was signed [H-21]', async (sent) => {
    const response = await send({ ...(await sign('/v1/public')), target: sent })
    expect([400, 404]).toContain(response.status)
    expect(response.headers['signature-error']).toBeUndefined()
  })

  it('never serves a target with two slashes in front, an asterisk or an authority [H-21]', async () => {
    for (const sent of ['//v1/public', '//rs.example/v1/public', '*', 'rs.example:443']) {
      const response = await send({ ...(await sign('/v1/public')), target: sent })
      expect([400, 404], sent).toContain(response.status)
    }
  })

  it('keeps the case of the method [H-10]', async () => {
    expect(await send({ ...(await sign('/v1/public')), method: 'POST' })).toMatchObject(refused)
    expect((await send({ ...(await sign('/v1/public')), method: 'get' })).status).toBe(400)
  })

  it('protects the query where it is covered, and only there [H-14] [R-047]', async () => {
    const components = ['@method', '@authority', '@path', 'signature-key', '@query']
    const covered = await sign('/v1/public?a=1', { components })
    expect(await send(covered)).toMatchObject({ status: 200 })
    expect(await send({ ...covered, target: '/v1/public?a=2' })).toMatchObject(refused)
    expect(await send({ ...covered, target: '/v1/public' })).toMatchObject(refused)
    expect(await send({ ...(await sign('/v1/public?a=1')), target: '/v1/public?a=2' })).toMatchObject({
      status: 200,
    })
    const empty = await sign('/v1/public?', { components })
    expect(await send({ ...empty, target: '/v1/public' })).toMatchObject({ status: 200 })
  })

  it('verifies what was sent, not what the application rewrote [H-13] [H-05] [HC-34]', async () => {
    const response = await send(await sign('/old'))
    expect(response.status).toBe(200)
    expect(JSON.parse(response.body)).toMatchObject({ target: '/old' })
    expect(await send({ ...(await sign('/v1/new')), target: '/old' })).toMatchObject(refused)
  })

  it('takes the authority from configuration, and asks nobody before [H-11] [N-032]', async () => {
    const stranger = town.agent('stranger')
    const other = await stranger.sign({ url: 'https://other.example/v1/public' })
    const before = town.ledger.length
    expect(await send(other)).toMatchObject(refused)
    expect(await send(withField(other, 'Host', 'rs.example'))).toMatchObject(refused)
    expect(await send(addField(other, 'X-Forwarded-Host', 'other.example'))).toMatchObject(refused)
    expect(town.ledger.length).toBe(before)
    // Behind a proxy that rewrites Host, the signature still covers our name.
    const request = await sign('/v1/public')
    for (const host of ['inner:3000', 'RS.EXAMPLE', 'rs.example:443', '[::1]:80', '10.0.0.1']) {
      expect(await send(withField(request, 'Host', host)), host).toMatchObject({ status: 200 })
    }
  })

  it('refuses two hosts, and one that is none [H-11]', async () => {
    const request = await sign('/v1/public')
    expect(await send(addField(request, 'Host', 'rs.example'))).toMatchObject(malformed)
    expect(await send(addField(request, 'Host', 'evil.example'))).toMatchObject(malformed)
    for (const host of ['user@rs.example', 'rs.example/x', 'rs.example?x', 'a b', '', 'rs.example:port']) {
      expect(await send(withField(request, 'Host', host)), host).toMatchObject(malformed)
    }
  })

  describe('fields', () => {
    const components = ['@method', '@authority', '@path', 'signature-key']

    it.each([
      ['Authorization', 'Bearer one', 'Bearer two'],
      ['Content-Type', 'text/plain', 'application/json'],
      ['User-Agent', 'sam', 'eve'],
      ['X-Custom', 'one', 'two'],
    ])('a second %s line is seen, wherever it stands [H-31]', async (name, first, second) => {
      const request = await sign('/v1/public', { components: [...components, name.toLowerCase()] }, [
        [name, first],
      ])
      expect(await send(request)).toMatchObject({ status: 200 })
      expect(await send(addField(request, name, second))).toMatchObject(refused)
      expect(await send(addField(request, name.toUpperCase(), second))).toMatchObject(refused)
      const [host, authority, ...rest] = request.rawHeaders as [string, string]
      expect(await send({ ...request, rawHeaders: [host, authority, name, second, ...rest] })).toMatchObject(
        refused,
      )
    })

    it('several lines are one value, in order, each trimmed [H-31] [H-33]', async () => {
      const lines: [string, string][] = [
        ['X-List', '  one,  two '],
        ['X-Other', ''],
        ['x-list', '\tthree\t'],
      ]
      const covered = [...components, 'x-list', 'x-other']
      const request = await sign('/v1/public', { components: covered }, lines)
      expect(await send(request)).toMatchObject({ status: 200 })
      const joined = await sign('/v1/public', { components: covered }, [
        ['X-List', 'one,  two, three'],
        ['X-Other', ''],
      ])
      // The same values, so the same base: the lines of one with the signature of the other.
      const mixed = [...request.rawHeaders.slice(0, 8), ...joined.rawHeaders.slice(6)]
      expect(await send({ ...request, rawHeaders: mixed })).toMatchObject({ status: 200 })
      const swapped = await sign('/v1/public', { components: covered }, [...lines].reverse())
      const reordered = [...request.rawHeaders.slice(0, 8), ...swapped.rawHeaders.slice(8)]
      expect(await send({ ...request, rawHeaders: reordered })).toMatchObject(refused)
      expect(
        await send({ ...request, rawHeaders: request.rawHeaders.filter((_, i) => i !== 4 && i !== 5) }),
      ).toMatchObject(refused)
    })

    it('a second line of a signature field is part of it [H-51]', async () => {
      const request = await sign('/v1/public')
      for (const name of ['Signature', 'Signature-Input', 'Signature-Key']) {
        const at = request.rawHeaders.indexOf(name)
        const value = request.rawHeaders[at + 1] as string
        expect(await send(addField(request, name, value)), name).toMatchObject(refused)
        expect((await send(addField(request, name, ''))).status, name).toBe(401)
      }
    })
  })
})
