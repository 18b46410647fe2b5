import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import {
  type Agent,
  type AgentSignOptions,
  createTown,
  type Town,
  type TownRequest,
  type WireRequest,
} from '@countersign/devkit'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { frames, type RunningFrame } from './frames.js'
import { sendRaw, toBytes, writeRaw } from './socket.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const digestOf = (algorithm: 'sha256' | 'sha512', content: Uint8Array | string): string =>
  `${algorithm === 'sha256' ? 'sha-256' : 'sha-512'}=:${createHash(algorithm).update(content).digest('base64')}:`

describe.each(frames)('Content-Digest, on $name [adapter $adapter]', (frame) => {
  let town: Town
  let sam: Agent
  let app: RunningFrame
  beforeAll(async () => {
    town = await createTown()
    sam = town.agent('sam')
    app = await frame.start({
      options: { resource: 'https://rs.example', fetch: town.fetch, limits: { body: 100_000 } },
    })
  })
  afterAll(async () => {
    await app.close()
    await town.close()
  })

  const json = { 'Content-Type': 'application/json' }
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}): TownRequest => ({
    method: 'POST',
    url: 'https://rs.example/v1/signed',
    headers: { ...json, ...headers },
    body,
  })
  const sign = (request: TownRequest, options?: AgentSignOptions): Promise<WireRequest> =>
    sam.sign(request, options)
  const bread = JSON.stringify({ bread: 2 })

  it('matches the content, and the body parser still reads it [H-58]', async () => {
    const response = await sendRaw(app.port, await sign(post(bread)))
    expect([response.status, response.body]).toEqual([200, expect.stringContaining(bread)])
  })

  it.each([
    ['sha-512', digestOf('sha512', bread)],
    ['two algorithms', `${digestOf('sha256', bread)}, ${digestOf('sha512', bread)}`],
    ['one known and one unknown', `md5=:AAAA:, ${digestOf('sha256', bread)}`],
    ['a parameter', `${digestOf('sha256', bread)};x=1`],
  ])('accepts %s [H-58] [HC-82]', async (_, digest) => {
    expect(await sendRaw(app.port, await sign(post(bread, { 'Content-Digest': digest })))).toMatchObject({
      status: 200,
    })
  })

  it.each([
    ['of other content', digestOf('sha256', 'other')],
    ['whose second member is wrong', `${digestOf('sha256', bread)}, ${digestOf('sha512', 'other')}`],
    ['of unknown algorithms only', 'md5=:AAAA:, sha=:AAAA:'],
    ['that is malformed', 'sha-256=:::'],
    ['that is a String', `sha-256="${createHash('sha256').update(bread).digest('base64')}"`],
    ['that is an Inner List', 'sha-256=(a b)'],
    ['that is empty', ''],
  ])('refuses one %s [H-58] [N-034]', async (_, digest) => {
    const response = await sendRaw(app.port, await sign(post(bread, { 'Content-Digest': digest })))
    expect(response).toMatchObject({ status: 401, headers: { 'signature-error': 'error=invalid_signature' } })
  })

  it('refuses content altered on the way, longer or shorter too [H-58] [N-033] [HC-83]', async () => {
    const signed = await sign(post(bread))
    const text = toBytes(signed).toString('latin1')
    const altered = await writeRaw(app.port, text.replace('{"bread":2}', '{"bread":3}'))
    expect(altered).toMatchObject({ status: 401, headers: { 'signature-error': 'error=invalid_signature' } })
    const longer = text
      .replace('{"bread":2}', '{"bread":22}')
      .replace('Content-Length: 11', 'Content-Length: 12')
    expect(await writeRaw(app.port, longer)).toMatchObject({ status: 401 })
  })

  it('asks for what the route wants covered, and only where there is content [R-047] [R-049]', async () => {
    const components = ['@method', '@authority', '@path', 'signature-key']
    const refused = await sendRaw(app.port, await sign(post(bread), { components }))
    expect(refused).toMatchObject({
      status: 401,
      headers: {
        'signature-error':
          'error=invalid_input, required_input=("@method" "@authority" "@path" "signature-key" "content-type" "content-digest")',
      },
    })
    const empty = await sign({ method: 'POST', url: 'https://rs.example/v1/signed' }, { components })
    expect(await sendRaw(app.port, empty)).toMatchObject({ status: 200 })
    const elsewhere = await sign({ ...post(bread), url: 'https://rs.example/v1/open' }, { components })
    expect(await sendRaw(app.port, elsewhere)).toMatchObject({ status: 200 })
  })

  it('is not satisfied by one member of the digest [H-41]', async () => {
    const components = [
      '@method',
      '@authority',
      '@path',
      'signature-key',
      'content-type',
      '"content-digest";key="sha-256"',
    ]
    const refused = await sendRaw(app.port, await sign(post(bread), { components }))
    expect(refused.headers['signature-error']).toContain('error=invalid_input')
  })

  it('is checked wherever it is covered, also where nobody asked [H-58]', async () => {
    const request = {
      ...post(bread, { 'Content-Digest': digestOf('sha256', 'other') }),
      url: 'https://rs.example/v1/open',
    }
    expect(await sendRaw(app.port, await sign(request))).toMatchObject({ status: 401 })
  })

  it('is over the bytes on the wire, and the parser inflates them afterwards [H-58] [HC-85]', async () => {
    const zipped = gzipSync(bread)
    const accepted = await sendRaw(app.port, await sign(post(zipped, { 'Content-Encoding': 'gzip' })))
    expect([accepted.status, accepted.body]).toEqual([200, expect.stringContaining(bread)])
    const inflated = await sign(
      post(zipped, { 'Content-Encoding': 'gzip', 'Content-Digest': digestOf('sha256', bread) }),
    )
    expect(await sendRaw(app.port, inflated)).toMatchObject({ status: 401 })
  })

  it('works on chunks, an empty one and Expect: 100-continue [H-58]', async () => {
    for (const content of [bread, '']) {
      const signed = await sign(post(content))
      const text = toBytes(signed)
        .toString('latin1')
        .replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
      const headEnd = text.indexOf('\r\n\r\n') + 4
      const chunks = [...content].map((char) => `1\r\n${char}\r\n`)
      const response = await writeRaw(app.port, text.slice(0, headEnd), ...chunks, '0\r\n\r\n')
      // An empty body is no JSON: the parser may say so, but it has to say something.
      expect([200, 400]).toContain(response.status)
      if (content !== '') expect(response.body).toContain(bread)
    }
    const patient = await sign(post(bread, { Expect: '100-continue' }))
    expect(await sendRaw(app.port, patient)).toMatchObject({ status: 200 })
  })

  it('reads no more than its limit, and says 413 [R-301]', async () => {
    const large = await sign(post(JSON.stringify('x'.repeat(100_000))))
    const refused = await sendRaw(app.port, large)
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      413,
      expect.objectContaining({
        error: 'content_too_large',
        status: 413,
        detail: expect.stringMatching(
          /^The content of 100002 bytes is over limits\.body \(\d+\)$/,
        ) as unknown,
      }),
    ])
    const chunked = toBytes(large)
      .toString('latin1')
      .replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
    const headEnd = chunked.indexOf('\r\n\r\n') + 4
    const piece = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`
    expect(await writeRaw(app.port, chunked.slice(0, headEnd), piece, piece, piece)).toMatchObject({
      status: 413,
    })
    const fits = await sign(post(JSON.stringify(['x'.repeat(99_000)]), json))
    expect(await sendRaw(app.port, fits)).toMatchObject({ status: 200 })
  })
})
