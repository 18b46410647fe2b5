import { gzipSync } from 'node:zlib'
import { createGuardedFetch, type GuardOptions } from '@countersign/core'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Authority, createAuthority, json, Names, Origin } from './loopback.js'

const host = 'ps.example'
const url = `https://${host}/.well-known/aauth-person.json`
const kib = 1024

let authority: Authority
let origin: Origin
let names: Names
const opened: Origin[] = []

beforeAll(async () => {
  authority = await createAuthority()
})
beforeEach(async () => {
  names = new Names()
  origin = await open(host)
  names.lead(host, origin)
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
})

async function open(name: string, tls: object = {}): Promise<Origin> {
  const certificate = await authority.issue(name)
  const made = await Origin.open({ ...certificate, ...tls }, (_request, response) => json(response, { name }))
  opened.push(made)
  return made
}

async function openRaw(onSocket: Parameters<typeof Origin.openRaw>[0]): Promise<Origin> {
  const made = await Origin.openRaw(onSocket)
  opened.push(made)
  return made
}

function guard(options: GuardOptions = {}): typeof fetch {
  return createGuardedFetch({
    privateHosts: [host],
    resolve: names.resolve,
    ca: authority.certificate,
    ...options,
  })
}

const refusal = (kind: string) => expect.objectContaining({ name: 'GuardError', kind })

describe('the guarded fetch', () => {
  it('fetches from the origin whose name the certificate bears', async () => {
    let seen: unknown
    origin.behave = (request, response) => {
      seen = {
        host: request.headers.host,
        coding: request.headers['accept-encoding'],
        sni: sniOf(request.socket),
      }
      json(response, { a: 1 }, { 'cache-control': 'max-age=5' })
    }
    const response = await guard()(url, { headers: { accept: 'application/json' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('max-age=5')
    expect(await response.json()).toEqual({ a: 1 })
    expect(seen).toEqual({ host, coding: 'identity', sni: host })
    expect(names.asked).toEqual([host])
  })

  it('sends content as it is told, and holds no connection', async () => {
    origin.behave = (request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => json(response, [request.method, text]))
    }
    const response = await guard()(url, { method: 'POST', body: 'hello' })
    expect(await response.json()).toEqual(['POST', 'hello'])
    await expect.poll(() => origin.open).toBe(0)
  })

  it.each([
    'http://ps.example/',
    'ftp://ps.example/',
    'data:application/json,{}',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://ps.example./',
    'https://ps_example/',
    'https://-ps.example/',
  ])('does not resolve or visit %s', async (target) => {
    await expect(guard()(target)).rejects.toEqual(refusal('forbidden'))
    expect(names.asked).toEqual([])
    expect(origin.connections).toBe(0)
  })

  it.each(['https://user:pass@ps.example/', 'https://', 'not a url', 'https://[fe80::1%25eth0]/'])(
    'takes %s for no URL',
    async (target) => {
      await expect(guard()(target)).rejects.toBeInstanceOf(TypeError)
      expect(names.asked).toEqual([])
    },
  )

  it('knows a host by its one spelling', async () => {
    expect((await guard()('HTTPS://PS.EXAMPLE/x')).status).toBe(200)
    const idn = await open('xn--e1afmkfd.example')
    names.lead('xn--e1afmkfd.example', idn)
    const response = await guard({ privateHosts: ['xn--e1afmkfd.example'] })('https://пример.example/')
    expect(response.status).toBe(200)
    expect(names.asked).toEqual([host, 'xn--e1afmkfd.example'])
  })
})

describe('an address', () => {
  it.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
  ])('that is not public is not visited: %s', async (address) => {
    names.lead('evil.example', origin, address)
    await expect(guard()('https://evil.example/')).rejects.toEqual(refusal('forbidden'))
    expect(names.asked).toEqual(['evil.example'])
    expect(origin.connections).toBe(0)
  })

  it('is resolved once for a connection, so that there is nothing to rebind', async () => {
    const victim = await open('victim.example')
    const answers = [origin, victim, victim]
    const resolve: typeof names.resolve = async (name) => {
      names.asked.push(name)
      return [{ address: '127.0.0.1', family: 4, port: (answers.shift() as Origin).port }]
    }
    expect(await (await guard({ resolve })(url)).json()).toEqual({ name: host })
    expect(names.asked).toEqual([host])
    expect(victim.connections).toBe(0)
  })

  it('is checked for each connection anew', async () => {
    names.lead('evil.example', origin, '127.0.0.1')
    const fetch = guard()
    for (let i = 0; i < 3; i++)
      await expect(fetch('https://evil.example/')).rejects.toEqual(refusal('forbidden'))
    expect(names.asked).toHaveLength(3)
    expect(origin.connections).toBe(0)
  })

  it('may be private only for the exact names the operator gave', async () => {
    for (const name of [`sub.${host}`, 'xps.example', 'ps.example.evil.example', 'example']) {
      names.lead(name, origin)
      await expect(guard()(`https://${name}/`)).rejects.toEqual(refusal('forbidden'))
    }
    expect(origin.connections).toBe(0)
  })

  it('is asked of DNS alone for strangers, and of the operating system for names the operator gave', async () => {
    const local = await open('localhost')
    const target = `https://localhost:${local.port}/`
    await expect(createGuardedFetch({ ca: authority.certificate })(target)).rejects.toBeDefined()
    expect(local.connections).toBe(0)
    const admitted = createGuardedFetch({ ca: authority.certificate, privateHosts: ['localhost'] })
    expect((await admitted(target)).status).toBe(200)
  })

  it('that has none is the network’s failure, not the guard’s', async () => {
    await expect(guard()('https://nowhere.example/')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })
})

describe('a certificate', () => {
  it('for another name ends it', async () => {
    names.lead(host, await open('other.example'))
    await expect(guard()(url)).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  it('that has expired ends it', async () => {
    names.lead(host, await open(host, await authority.issue(host, { expired: true })))
    await expect(guard()(url)).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' })
  })

  it('of an authority we do not know ends it, whatever the environment says', async () => {
    names.lead(host, await open(host, await (await createAuthority()).issue(host)))
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      await expect(guard()(url)).rejects.toHaveProperty('code')
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
  })

  it('does not help a protocol before TLS 1.2', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }
    const server = await open(host, old)
    names.lead(host, server)
    await expect(guard()(url)).rejects.toHaveProperty('code')
    expect(server.requests).toEqual([])
  })
})

describe('a response', () => {
  it.each([301, 302, 303, 307, 308])(
    'that redirects with %i is handed back and not followed',
    async (status) => {
      const other = await open('other.example')
      names.lead('other.example', other)
      origin.behave = (_request, response) =>
        response.writeHead(status, { location: 'https://other.example/' }).end('moved')
      const response = await guard({ privateHosts: [host, 'other.example'] })(url)
      expect(response.status).toBe(status)
      expect(origin.requests).toHaveLength(1)
      expect(other.connections).toBe(0)
    },
  )

  it('that never ends is cut off at the limit', async () => {
    let sent = 0
    origin.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const chunk = Buffer.alloc(16 * kib, 0x20)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
      }
      response.on('drain', more)
      more()
    }
    const response = await guard()(url)
    await expect(response.text()).rejects.toEqual(refusal('unusable'))
    await expect.poll(() => origin.open).toBe(0)
    // What was sent beyond the limit only filled the kernel's buffers.
    expect(sent).toBeLessThan(16 * kib * kib)
  })

  it('that drips is given up when its time is over', async () => {
    let timer: NodeJS.Timeout | undefined
    origin.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      timer = setInterval(() => response.write(' '), 5)
    }
    const response = await guard({ limits: { timeout: 100 } })(url)
    await expect(response.text()).rejects.toThrow('no complete response within 100 ms')
    clearInterval(timer)
    await expect.poll(() => origin.open).toBe(0)
  })

  it('that nobody reads is given up too', async () => {
    origin.behave = (_request, response) => response.writeHead(200).write('{')
    await guard({ limits: { timeout: 50 } })(url)
    await expect.poll(() => origin.open).toBe(0)
  })

  it('that is refused unread lets go of its connection', async () => {
    origin.behave = (_request, response) => response.writeHead(404).write('{')
    await (await guard()(url)).body?.cancel()
    await expect.poll(() => origin.open).toBe(0)
  })

  it('that is compressed, although nobody asked, is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * kib * kib))
    for (const coding of ['gzip', 'br', 'identity, gzip', 'GZIP']) {
      origin.behave = (_request, response) =>
        response.writeHead(200, { 'content-encoding': coding }).end(bomb)
      await expect(guard()(url)).rejects.toEqual(refusal('unusable'))
    }
    origin.behave = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'identity' }).end('{}')
    expect(await (await guard()(url)).text()).toBe('{}')
  })

  it('has bounded headers', async () => {
    origin.behave = (_request, response) =>
      response.writeHead(200, { 'x-long': 'x'.repeat(20 * kib) }).end('{}')
    await expect(guard()(url)).rejects.toEqual(refusal('unusable'))
  })

  it('that announces itself for ever is given up', async () => {
    origin.behave = (request) => {
      const early = (): void => {
        if (request.socket.destroyed) return
        request.socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')
        setImmediate(early)
      }
      early()
    }
    await expect(guard({ limits: { timeout: 100 } })(url)).rejects.toThrow('no complete response')
  })

  it.each<[string, string]>([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a status beyond HTTP', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}}'],
  ])('that is %s is unusable', async (_what, text) => {
    origin.behave = (request) => request.socket.end(text)
    await expect(guard()(url)).rejects.toEqual(refusal('unusable'))
  })

  it.each([204, 205, 304])('with status %i has no body', async (status) => {
    origin.behave = (_request, response) => response.writeHead(status).end()
    const response = await guard()(url)
    expect([response.status, response.body]).toEqual([status, null])
    await expect.poll(() => origin.open).toBe(0)
  })

  it('that breaks off is the network’s failure', async () => {
    origin.behave = (request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{')
      setImmediate(() => request.socket.destroy())
    }
    await expect((await guard()(url)).text()).rejects.toThrow()
    names.set(host, { address: '127.0.0.1', family: 4, port: 1 })
    await expect(guard()(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('an origin that hangs', () => {
  it('in the TLS handshake is given up', async () => {
    const silent = await openRaw((socket) => socket.resume())
    names.lead(host, silent)
    await expect(guard({ limits: { connectTimeout: 50 } })(url)).rejects.toThrow('no connection within 50 ms')
    await expect.poll(() => silent.open).toBe(0)
  })

  it('before its answer is given up', async () => {
    origin.behave = () => {}
    await expect(guard({ limits: { timeout: 100 } })(url)).rejects.toThrow(
      'no complete response within 100 ms',
    )
    await expect.poll(() => origin.open).toBe(0)
  })

  it('in its name server is given up', async () => {
    const resolve = () => new Promise<never>(() => {})
    await expect(guard({ resolve, limits: { connectTimeout: 50 } })(url)).rejects.toThrow(
      'no connection within 50 ms',
    )
  })

  it('is left when the caller has gone', async () => {
    origin.behave = () => {}
    const abort = new AbortController()
    const asked = guard()(url, { signal: abort.signal })
    await expect.poll(() => origin.requests.length).toBe(1)
    abort.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    await expect.poll(() => origin.open).toBe(0)
    await expect(guard()(url, { signal: abort.signal })).rejects.toThrow('gone')
    expect(origin.connections).toBe(1)
  })
})

function sniOf(socket: object): unknown {
  return 'servername' in socket ? socket.servername : undefined
}
