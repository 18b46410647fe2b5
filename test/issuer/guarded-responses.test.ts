import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { GuardFixture, host, url } from './guard-fixture.js'
import { createAuthority } from './loopback.js'

const kib = 1024
const town = GuardFixture.use()
const refusal = (kind: string) => expect.objectContaining({ name: 'GuardError', kind })

describe('a certificate', () => {
  it('for another name ends it (K-141)', async () => {
    town.names.lead(host, await town.open('other.example'))
    await expect(town.guard()(url)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('that has expired ends it', async () => {
    town.names.lead(host, await town.open(host, await town.authority.issue(host, { expired: true })))
    await expect(town.guard()(url)).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' })
  })

  it('of an authority we do not know ends it, whatever the environment says (K-141)', async () => {
    town.names.lead(host, await town.open(host, await (await createAuthority()).issue(host)))
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      await expect(town.guard()(url)).rejects.toHaveProperty('code')
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
  })

  it('does not help a protocol before TLS 1.2 (R-099)', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }
    const server = await town.open(host, old)
    town.names.lead(host, server)
    await expect(town.guard()(url)).rejects.toHaveProperty('code')
    expect(server.requests).toEqual([])
  })
})

describe('a response', () => {
  it.each(['__proto__', 'constructor', 'toString'])(
    'with a header named %s is read, and leaves no socket',
    async (name) => {
      town.origin.behave = (_request, response) =>
        response.writeHead(200, [name, 'x', name, 'y', 'Content-Type', 'application/json']).end('{}')
      const response = await town.guard()(url)
      expect([response.status, response.headers.get(name), await response.json()]).toEqual([200, 'x, y', {}])
      await vi.waitFor(() => expect(town.origin.open).toBe(0), 10_000)
    },
  )

  it.each([
    ['a content coding', ['Content-Encoding', 'gzip']],
    ['content codings in several fields', ['Content-Encoding', 'identity', 'Content-Encoding', 'gzip']],
  ])('with %s is refused, and leaves no socket', async (_name, fields) => {
    town.origin.behave = (_request, response) => void response.writeHead(200, fields).write('begun')
    await expect(town.guard()(url)).rejects.toEqual(refusal('unusable'))
    await vi.waitFor(() => expect(town.origin.open).toBe(0), 10_000)
  })

  it.each([301, 302, 303, 307, 308])(
    'that redirects with %i is handed back and not followed',
    async (status) => {
      const other = await town.open('other.example')
      town.names.lead('other.example', other)
      town.origin.behave = (_request, response) =>
        response.writeHead(status, { location: 'https://other.example/' }).end('moved')
      const response = await town.guard({ privateHosts: [host, 'other.example'] })(url)
      expect(response.status).toBe(status)
      expect(town.origin.requests).toHaveLength(1)
      expect(other.connections).toBe(0)
    },
  )

  it('that never ends is cut off at the limit', async () => {
    let sent = 0
    town.origin.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const chunk = Buffer.alloc(16 * kib, 0x20)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
      }
      response.on('drain', more)
      more()
    }
    const response = await town.guard()(url)
    await expect(response.text()).rejects.toEqual(refusal('unusable'))
    await expect.poll(() => town.origin.open).toBe(0)
    // What was sent beyond the limit only filled the kernel's buffers.
    expect(sent).toBeLessThan(16 * kib * kib)
  })

  it('that drips is given up when its time is over', async () => {
    let timer: NodeJS.Timeout | undefined
    town.origin.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      timer = setInterval(() => response.write(' '), 5)
    }
    const response = await town.guard({ limits: { timeout: 100 } })(url)
    await expect(response.text()).rejects.toThrow('no complete response within 100 ms')
    clearInterval(timer)
    await expect.poll(() => town.origin.open).toBe(0)
  })

  it('that nobody reads is given up too', async () => {
    town.origin.behave = (_request, response) => response.writeHead(200).write('{')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await town.guard({ limits: { timeout: 50 } })(url)
      expect(town.origin.open).toBe(1)
      vi.advanceTimersByTime(50)
    } finally {
      vi.useRealTimers()
    }
    await vi.waitFor(() => expect(town.origin.open).toBe(0), 10_000)
  })

  it('that is refused unread lets go of its connection', async () => {
    town.origin.behave = (_request, response) => response.writeHead(404).write('{')
    await (await town.guard()(url)).body?.cancel()
    await expect.poll(() => town.origin.open).toBe(0)
  })

  it('that is compressed, although nobody asked, is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * kib * kib))
    for (const coding of ['gzip', 'br', 'identity, gzip', 'GZIP']) {
      town.origin.behave = (_request, response) =>
        response.writeHead(200, { 'content-encoding': coding }).end(bomb)
      await expect(town.guard()(url)).rejects.toEqual(refusal('unusable'))
    }
    town.origin.behave = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'identity' }).end('{}')
    expect(await (await town.guard()(url)).text()).toBe('{}')
  })

  it('has bounded headers', async () => {
    town.origin.behave = (_request, response) =>
      response.writeHead(200, { 'x-long': 'x'.repeat(20 * kib) }).end('{}')
    await expect(town.guard()(url)).rejects.toEqual(refusal('unusable'))
  })

  it('that announces itself for ever is given up', async () => {
    town.origin.behave = (request) => {
      const early = (): void => {
        if (request.socket.destroyed) return
        request.socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')
        setImmediate(early)
      }
      early()
    }
    await expect(town.guard({ limits: { timeout: 100 } })(url)).rejects.toThrow('no complete response')
  })

  it.each<[string, string]>([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a status beyond HTTP', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Go on\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}}'],
  ])('that is %s is unusable', async (_what, text) => {
    town.origin.behave = (request) => request.socket.end(text)
    await expect(town.guard()(url)).rejects.toEqual(refusal('unusable'))
    await vi.waitFor(() => expect(town.origin.open).toBe(0), 10_000)
  })

  it.each([204, 205, 304])('with status %i has no body', async (status) => {
    town.origin.behave = (_request, response) => response.writeHead(status).end()
    const response = await town.guard()(url)
    expect([response.status, response.body]).toEqual([status, null])
    await expect.poll(() => town.origin.open).toBe(0)
  })

  it('that goes on where there can be no content is left at once', async () => {
    town.origin.behave = (_request, response) => {
      response.writeHead(205, { 'Transfer-Encoding': 'chunked' })
      response.write('more to come')
    }
    expect((await town.guard()(url)).status).toBe(205)
    await expect.poll(() => town.origin.open, { timeout: 5000 }).toBe(0)
  })

  it('that breaks off is the network’s failure', async () => {
    town.origin.behave = (request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{')
      setImmediate(() => request.socket.destroy())
    }
    await expect((await town.guard()(url)).text()).rejects.toThrow()
    town.names.set(host, { address: '127.0.0.1', family: 4, port: 1 })
    await expect(town.guard()(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('an origin that hangs', () => {
  it('in the TLS handshake is given up', async () => {
    const silent = await town.openRaw((socket) => socket.resume())
    town.names.lead(host, silent)
    await expect(town.guard({ limits: { connectTimeout: 50 } })(url)).rejects.toThrow(
      'no connection within 50 ms',
    )
    await expect.poll(() => silent.open).toBe(0)
  })

  it('before its answer is given up', async () => {
    town.origin.behave = () => {}
    await expect(town.guard({ limits: { timeout: 100 } })(url)).rejects.toThrow(
      'no complete response within 100 ms',
    )
    await expect.poll(() => town.origin.open).toBe(0)
  })

  it('in its name server is given up', async () => {
    const resolve = () => new Promise<never>(() => {})
    await expect(town.guard({ resolve, limits: { connectTimeout: 50 } })(url)).rejects.toThrow(
      'no connection within 50 ms',
    )
  })

  it('is left when the caller has gone', async () => {
    town.origin.behave = () => {}
    const abort = new AbortController()
    const asked = town.guard()(url, { signal: abort.signal })
    await expect.poll(() => town.origin.requests.length).toBe(1)
    abort.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    await expect.poll(() => town.origin.open).toBe(0)
    await expect(town.guard()(url, { signal: abort.signal })).rejects.toThrow('gone')
    expect(town.origin.connections).toBe(1)
  })
})
