import { type AddressInfo, createServer, type Socket } from 'node:net'
import { GuardError } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentBounds, createLoopbackFetch, guardBounds, portOf, sendToLoopback } from './loopback.js'
import { toWire } from './request.js'
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

describe('answers of strangers', () => {
  /** An origin that writes what it is told, byte by byte, and counts what it has got rid of. */
  const openRaw = async (write: (socket: Socket) => void) => {
    const sockets = new Set<Socket>()
    const origin = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
      socket.once('data', () => write(socket))
    })
    await new Promise<void>((done) => void origin.listen(0, '127.0.0.1', done))
    const close = async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => origin.close(done))
    }
    return { port: (origin.address() as AddressInfo).port, sockets, close }
  }
  const ok = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

  it('without an end are read to the bound of the guard, and no further', async () => {
    let written = 0
    const endless = await openRaw((socket) => {
      const chunk = Buffer.alloc(64 * 1024, 0x20)
      socket.write(`${ok}\r\n`)
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) written += chunk.length
        if (!socket.destroyed) socket.once('drain', more)
      }
      more()
    })
    const fetch = createLoopbackFetch({ 'ps.example': endless.port })
    const failure = await fetch('https://ps.example/').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(GuardError)
    expect(failure).toMatchObject({ kind: 'unusable', message: expect.stringContaining('262144 bytes') })
    await expect.poll(() => endless.sockets.size).toBe(0)
    // What the buffers of two sockets hold comes on top.
    expect(written).toBeLessThan(16 * 1024 * 1024)
    await endless.close()
  })

  it.each([
    ['a status that is none', `HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n`],
    ['headers without an end', `${ok}X: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['no HTTP at all', 'hello\r\n\r\n'],
  ])('that are %s are unusable, as to the guard', async (_, text) => {
    const origin = await openRaw((socket) => void socket.write(text))
    const fetch = createLoopbackFetch({ 'ps.example': origin.port })
    await expect(fetch('https://ps.example/')).rejects.toBeInstanceOf(GuardError)
    await origin.close()
  })

  it.each([
    ['half of one', `${ok}Content-Length: 10\r\n\r\n{`],
    ['none', ''],
    ['another protocol', 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('that are %s reject as fetch does', async (_, text) => {
    const origin = await openRaw((socket) => void socket.end(text))
    const fetch = createLoopbackFetch({ 'ps.example': origin.port })
    await expect(fetch('https://ps.example/')).rejects.toThrow(TypeError)
    await origin.close()
  })

  it('that take too long are given up', async () => {
    const slow = await openRaw((socket) => void socket.write(`${ok}\r\n{`))
    const request = toWire({ url: 'https://ps.example/' })
    const late = sendToLoopback(slow.port, request, undefined, { ...guardBounds, ms: 20 })
    await expect(late).rejects.toMatchObject({ cause: { message: expect.stringContaining('within 20 ms') } })
    await expect.poll(() => slow.sockets.size).toBe(0)
    await slow.close()
  })

  it('are bounded for agents too, further out', async () => {
    const large = await openRaw((socket) => void socket.end(`${ok}\r\n${' '.repeat(300_000)}`))
    const request = toWire({ url: 'https://ps.example/' })
    expect((await (await sendToLoopback(large.port, request)).text()).length).toBe(300_000)
    const bounds = { ...agentBounds, bytes: 299_999 }
    await expect(sendToLoopback(large.port, request, undefined, bounds)).rejects.toBeInstanceOf(GuardError)
    await large.close()
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
