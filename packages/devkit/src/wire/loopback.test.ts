import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLoopbackFetch, portOf } from './loopback.js'
import { type Handler, LoopbackServer } from './server.js'

let server: LoopbackServer
let handler: Handler
beforeEach(async () => {
  handler = ({ method, target, rawHeaders, body }) => ({
    status: 200,
    headers: { 'X-Echo': 'yes' },
    body: JSON.stringify({ method, target, rawHeaders, body: Buffer.from(body).toString() }),
  })
  server = await LoopbackServer.open((request) => handler(request))
})
afterEach(() => server.close())

const fetchIt = () => createLoopbackFetch({ 'rs.example': server.port })

describe('createLoopbackFetch', () => {
  it('keeps URL and Host, and changes the transport only', async () => {
    const response = await fetchIt()('https://rs.example/a?b=c', {
      method: 'PUT',
      body: 'x',
      headers: { 'X-A': '1' },
    })
    const seen = (await response.json()) as { rawHeaders: string[] }
    expect(seen).toMatchObject({ method: 'PUT', target: '/a?b=c', body: 'x' })
    expect(seen.rawHeaders.slice(0, 2)).toEqual(['Host', 'rs.example'])
    expect([response.url, response.headers.get('x-echo')]).toEqual(['https://rs.example/a?b=c', 'yes'])
  })

  it('takes a Request', async () => {
    const response = await fetchIt()(new Request('https://rs.example/', { method: 'POST', body: 'hello' }))
    expect(await response.json()).toMatchObject({ method: 'POST', body: 'hello' })
  })

  it('refuses every other host, scheme and port', async () => {
    for (const url of ['https://other.example/', 'http://rs.example/', 'https://rs.example:444/']) {
      await expect(fetchIt()(url)).rejects.toThrow(TypeError)
    }
    await expect(createLoopbackFetch({})('https://constructor/')).rejects.toThrow(TypeError)
  })

  it('hands every other host to the fallback', async () => {
    const routed = createLoopbackFetch(
      new Map([['rs.example', server.port]]),
      async () => new Response('outside'),
    )
    expect(await (await routed('https://other.example/')).text()).toBe('outside')
    expect((await routed('https://rs.example/')).status).toBe(200)
  })

  it('follows no redirect', async () => {
    handler = () => ({ status: 302, headers: { Location: 'https://other.example/' }, body: '' })
    expect((await fetchIt()('https://rs.example/')).status).toBe(302)
    await expect(fetchIt()('https://rs.example/', { redirect: 'error' })).rejects.toThrow(TypeError)
  })

  it('gives up when it is told to', async () => {
    const hanging = new AbortController()
    handler = () => {
      hanging.abort(new Error('enough'))
      return new Promise(() => undefined)
    }
    await expect(fetchIt()('https://rs.example/', { signal: hanging.signal })).rejects.toThrow('enough')
  })

  it('passes on an answer without a body', async () => {
    handler = () => ({ status: 204, headers: {}, body: '' })
    expect((await fetchIt()('https://rs.example/')).status).toBe(204)
  })
})

describe('portOf', () => {
  it('knows own members only', () => {
    expect(portOf({ a: 1 }, 'a')).toBe(1)
    expect(portOf({}, 'toString')).toBeUndefined()
    expect(portOf(new Map([['a', 2]]), 'a')).toBe(2)
  })
})

describe('a server of the town', () => {
  it('answers what it does not know, what is too long, and its own mistakes', async () => {
    handler = () => undefined
    expect((await fetchIt()('https://rs.example/')).status).toBe(404)
    expect(
      (await fetchIt()('https://rs.example/', { method: 'POST', body: 'x'.repeat(1_100_000) })).status,
    ).toBe(413)
    handler = () => {
      throw new Error('oops')
    }
    expect((await fetchIt()('https://rs.example/')).status).toBe(500)
  })
})
