import { describe, expect, it } from 'vitest'
import { fetchDocument } from './document.js'
import { GuardError } from './fault.js'
import type { IssuerFetch } from './options.js'

const json = { 'content-type': 'application/json' }
const never = new AbortController().signal
const get = (fetch: IssuerFetch, signal = never) =>
  fetchDocument(fetch, 'https://ps.example/x', { maxBytes: 100, maxMembers: 20 }, signal, () => 0)
const answer = (response: Response) => get(async () => response)

/** A body that gives out chunks for as long as it is asked, and counts them. */
function endless(chunk: Uint8Array): { response: Response; state: { chunks: number; cancelled: boolean } } {
  const state = { chunks: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        state.chunks++
        controller.enqueue(chunk)
      },
      cancel() {
        state.cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return { response: new Response(body, { headers: json }), state }
}

describe('a document', () => {
  it('is asked for plainly', async () => {
    let asked: unknown
    await get(async (url, { signal: _, ...init }) => {
      asked = { url, ...init }
      return Response.json({})
    })
    expect(asked).toEqual({
      url: 'https://ps.example/x',
      method: 'GET',
      headers: { accept: 'application/json' },
      redirect: 'manual',
    })
  })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JWK-Set+JSON',
    'text/plain',
    'Text/Plain; charset=utf-8',
    '',
  ])('is read as "%s"', async (type) => {
    const response = new Response('{"a":1}', {
      headers: { 'content-type': type, 'cache-control': 'max-age=9' },
    })
    expect(await answer(response)).toEqual({ document: { a: 1 }, lifetime: 9 })
  })

  it('is read without any type (G-74)', async () => {
    const response = new Response(new Uint8Array([123, 125]))
    expect(response.headers.has('content-type')).toBe(false)
    expect(await answer(response)).toMatchObject({ document: {} })
  })

  it.each<[string, Response]>([
    ['status 404', Response.json({}, { status: 404 })],
    ['status 401', Response.json({}, { status: 401 })],
    ['status 204', new Response(null, { status: 204, headers: json })],
    ['status 201', Response.json({}, { status: 201 })],
    ['status 302', new Response(null, { status: 302, headers: { location: 'https://ps.example/y' } })],
    ...[
      'text/html',
      'text/html; charset=utf-8',
      'text/json+application/json',
      'text/plainer',
      'application/octet-stream',
      'text/javascript',
      'application/xml',
    ].map((type): [string, Response] => [
      'the content type is not one of JSON',
      new Response('{}', { headers: { 'content-type': type } }),
    ]),
    ['no JSON object', new Response('<html>', { headers: { 'content-type': 'text/plain' } })],
    ['no JSON object', new Response('[]')],
    ['no JSON object', new Response('')],
    ['longer than 100 bytes', new Response(`{"a":"${'x'.repeat(100)}"}`)],
    ['longer than 100 bytes', Response.json({ a: 'x'.repeat(100) })],
    ['longer than 100 bytes', new Response('{}', { headers: { ...json, 'content-length': '101' } })],
    ['no JSON object', new Response('', { headers: json })],
    ['no JSON object', new Response('<html>', { headers: json })],
    ['no JSON object', new Response('[]', { headers: json })],
    ['no JSON object', new Response('null', { headers: json })],
    ['no JSON object', new Response('{"a":1,"a":2}', { headers: json })],
    ['no JSON object', new Response(`{"a":${'['.repeat(17)}${']'.repeat(17)}}`, { headers: json })],
    [
      'no JSON object',
      new Response(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), { headers: json }),
    ],
  ])('is unusable: %s', async (reason, response) => {
    const fault = await answer(response)
    expect(fault).toMatchObject({ kind: 'unusable' })
    expect(fault).toHaveProperty('reason', expect.stringContaining(reason))
  })

  it.each([500, 502, 503, 504, 408, 429])('is unavailable: status %i', async (status) => {
    const response = new Response(null, { status, headers: { 'retry-after': '30' } })
    expect(await answer(response)).toMatchObject({ kind: 'unavailable', retryAfter: 30_000 })
  })

  it('is not read beyond the limit, whatever the length said', async () => {
    const { response, state } = endless(new Uint8Array(30))
    expect(await answer(response)).toMatchObject({ kind: 'unusable' })
    expect(state).toEqual({ chunks: 4, cancelled: true })
  })

  it('is not read at all where the response is refused', async () => {
    const { response, state } = endless(new Uint8Array(30))
    expect(await answer(new Response(response.body, { status: 404 }))).toMatchObject({ kind: 'unusable' })
    expect(state).toEqual({ chunks: 0, cancelled: true })
  })

  it('is refused where the fetch followed a redirect all the same', async () => {
    const response = Response.json({})
    Object.defineProperty(response, 'redirected', { value: true })
    expect(await answer(response)).toMatchObject({
      kind: 'unusable',
      reason: 'the answer is a redirect, which is not followed',
    })
  })

  it('is given up when its time is over, even if the fetch does not listen', async () => {
    const abort = new AbortController()
    const deaf = get(() => new Promise(() => {}), abort.signal)
    const silent = get(
      async () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { headers: json }),
      abort.signal,
    )
    abort.abort(new Error('not done within 5 ms'))
    expect(await deaf).toMatchObject({ kind: 'unavailable', reason: 'not done within 5 ms' })
    expect(await silent).toMatchObject({ kind: 'unavailable', reason: 'not done within 5 ms' })
    expect(await get(async () => Response.json({}), abort.signal)).toMatchObject({ kind: 'unavailable' })
  })
})

describe('a fetch that fails', () => {
  it.each<[string, string, unknown]>([
    ['forbidden', 'no public address', new GuardError('forbidden', 'no public address')],
    [
      'forbidden',
      'no public address',
      new Error('wrapped', { cause: new GuardError('forbidden', 'no public address') }),
    ],
    ['unusable', 'too long', new GuardError('unusable', 'too long')],
    ['unavailable', 'ECONNREFUSED', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
    [
      'unavailable',
      'ENOTFOUND',
      new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ENOTFOUND' }) }),
    ],
    ['unavailable', 'something', new Error('something')],
    ['unavailable', 'the fetch failed', 'a string'],
    ['unavailable', 'the fetch failed', undefined],
  ])('is %s: %s', async (kind, reason, error) => {
    expect(await get(() => Promise.reject(error))).toMatchObject({ kind, reason })
  })

  it('may also throw, or resolve with anything', async () => {
    const broken: IssuerFetch = () => {
      throw new Error('broken')
    }
    expect(await get(broken)).toMatchObject({ kind: 'unavailable' })
    const strange = [undefined, null, {}, { status: 200 }, { status: 200, headers: new Headers(json) }]
    for (const response of strange) {
      expect(await get(async () => response as unknown as Response)).toHaveProperty('kind')
    }
  })
})
