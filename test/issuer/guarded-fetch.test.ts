import { createGuardedFetch } from '@countersign/core'
import { describe, expect, it } from 'vitest'
import { GuardFixture, host, url } from './guard-fixture.js'
import { json, type Origin } from './loopback.js'

const town = GuardFixture.use()
const refusal = (kind: string) => expect.objectContaining({ name: 'GuardError', kind })

describe('the guarded fetch', () => {
  it('fetches from the origin whose name the certificate bears', async () => {
    let seen: unknown
    town.origin.behave = (request, response) => {
      seen = {
        host: request.headers.host,
        coding: request.headers['accept-encoding'],
        sni: sniOf(request.socket),
      }
      json(response, { a: 1 }, { 'cache-control': 'max-age=5' })
    }
    const response = await town.guard()(url, { headers: { accept: 'application/json' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('max-age=5')
    expect(await response.json()).toEqual({ a: 1 })
    expect(seen).toEqual({ host, coding: 'identity', sni: host })
    expect(town.names.asked).toEqual([host])
  })

  it('sends content as it is told, and holds no connection', async () => {
    town.origin.behave = (request, response) => {
      request.setEncoding('utf8').on('data', (text: string) => json(response, [request.method, text]))
    }
    const response = await town.guard()(url, { method: 'POST', body: 'hello' })
    expect(await response.json()).toEqual(['POST', 'hello'])
    await expect.poll(() => town.origin.open).toBe(0)
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
    await expect(town.guard()(target)).rejects.toEqual(refusal('forbidden'))
    expect(town.names.asked).toEqual([])
    expect(town.origin.connections).toBe(0)
  })

  it.each(['https://user:pass@ps.example/', 'https://', 'not a url', 'https://[fe80::1%25eth0]/'])(
    'takes %s for no URL',
    async (target) => {
      await expect(town.guard()(target)).rejects.toBeInstanceOf(TypeError)
      expect(town.names.asked).toEqual([])
    },
  )

  it('knows a host by its one spelling', async () => {
    expect((await town.guard()('HTTPS://PS.EXAMPLE/x')).status).toBe(200)
    const idn = await town.open('xn--e1afmkfd.example')
    town.names.lead('xn--e1afmkfd.example', idn)
    const response = await town.guard({ privateHosts: ['xn--e1afmkfd.example'] })('https://пример.example/')
    expect(response.status).toBe(200)
    expect(town.names.asked).toEqual([host, 'xn--e1afmkfd.example'])
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
  ])('that is not public is not visited (R-094, K-140d, KN-101): %s', async (address) => {
    town.names.lead('evil.example', town.origin, address)
    await expect(town.guard()('https://evil.example/')).rejects.toEqual(refusal('forbidden'))
    expect(town.names.asked).toEqual(['evil.example'])
    expect(town.origin.connections).toBe(0)
  })

  it('is resolved once for a connection, so that there is nothing to rebind (R-095, K-140e, KN-102, HC-73)', async () => {
    const victim = await town.open('victim.example')
    const answers = [town.origin, victim, victim]
    const resolve: typeof town.names.resolve = async (name) => {
      town.names.asked.push(name)
      return [{ address: '127.0.0.1', family: 4, port: (answers.shift() as Origin).port }]
    }
    expect(await (await town.guard({ resolve })(url)).json()).toEqual({ name: host })
    expect(town.names.asked).toEqual([host])
    expect(victim.connections).toBe(0)
  })

  it('is checked for each connection anew', async () => {
    town.names.lead('evil.example', town.origin, '127.0.0.1')
    const fetch = town.guard()
    for (let i = 0; i < 3; i++)
      await expect(fetch('https://evil.example/')).rejects.toEqual(refusal('forbidden'))
    expect(town.names.asked).toHaveLength(3)
    expect(town.origin.connections).toBe(0)
  })

  it('may be private only for the exact names the operator gave (R-094)', async () => {
    for (const name of [`sub.${host}`, 'xps.example', 'ps.example.evil.example', 'example']) {
      town.names.lead(name, town.origin)
      await expect(town.guard()(`https://${name}/`)).rejects.toEqual(refusal('forbidden'))
    }
    expect(town.origin.connections).toBe(0)
  })

  it('is asked of DNS alone for strangers, and of the operating system for names the operator gave', async () => {
    const local = await town.open('localhost')
    const target = `https://localhost:${local.port}/`
    await expect(createGuardedFetch({ ca: town.authority.certificate })(target)).rejects.toBeDefined()
    expect(local.connections).toBe(0)
    const admitted = createGuardedFetch({ ca: town.authority.certificate, privateHosts: ['localhost'] })
    expect((await admitted(target)).status).toBe(200)
  })

  it('that has none is the network’s failure, not the guard’s', async () => {
    await expect(town.guard()('https://nowhere.example/')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })
})

function sniOf(socket: object): unknown {
  return 'servername' in socket ? socket.servername : undefined
}
