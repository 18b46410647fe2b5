import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { host, IssuerFixture, issuer, query } from './issuer-fixture.js'
import { json, type Origin } from './loopback.js'

/** 50 MB of nothing in 50 KB. */
const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20))
const town = IssuerFixture.use()
const code = (value: string) => expect.objectContaining({ code: value })

describe('an issuer that lies, or is no issuer', () => {
  const base = { issuer, jwks_uri: `${issuer}/jwks` }
  it.each<[string, string, object]>([
    ['N-050', 'issuer_missing', { jwks_uri: base.jwks_uri }],
    ['N-051', 'issuer_mismatch', { ...base, issuer: 'https://other.example' }],
    ['N-051', 'issuer_mismatch', { ...base, issuer: `${issuer}/` }],
    ['N-052', 'unknown_key', { issuer }],
    ['N-058', 'unknown_key', { ...base, jwks_uri: 'https://keys.example/jwks' }],
    ['N-059', 'unknown_key', { ...base, jwks_uri: `http://${host}/jwks` }],
    ['N-058', 'unknown_key', { ...base, jwks_uri: 'https://169.254.169.254/latest' }],
  ])('is answered by the draft: %s %s', async (_case, expected, metadata) => {
    const ps = await town.issuer()
    const keys = await town.issuer('keys.example')
    ps.origin.behave = (_request, response) => json(response, metadata)
    const { issuers } = town.resourceServer([host, 'keys.example'])
    expect(await issuers.find(query())).toEqual(code(expected))
    expect(ps.origin.requests).toHaveLength(1)
    expect(keys.origin.connections).toBe(0)
  })

  it('may keep its keys on another host where the operator says so', async () => {
    const ps = await town.issuer()
    const keys = await town.issuer('keys.example')
    ps.origin.behave = (_request, response) =>
      json(response, { ...base, jwks_uri: 'https://keys.example/jwks' })
    const { issuers } = town.resourceServer([host, 'keys.example'], {
      keyHosts: { [issuer]: ['keys.example'] },
    })
    expect(await issuers.find(query())).toHaveProperty('jkt')
    expect(keys.origin.requests).toEqual(['/jwks'])
  })

  it.each(['text/plain', 'text/plain; charset=utf-8', undefined])(
    'may serve its documents as %s (G-74)',
    async (type) => {
      const ps = await town.issuer()
      const { behave } = ps.origin
      ps.origin.behave = (request, response) => {
        const { writeHead } = response
        response.writeHead = ((status: number) =>
          writeHead.call(response, status, type === undefined ? {} : { 'content-type': type })) as never
        return behave(request, response)
      }
      const { issuers } = town.resourceServer()
      expect(await issuers.find(query())).toHaveProperty('jkt')
    },
  )

  it.each<[string, string, Parameters<typeof Origin.open>[1]]>([
    [
      'HTML as plain text',
      'unknown_key',
      (_q, r) => r.writeHead(200, { 'content-type': 'text/plain' }).end('<html>'),
    ],
    ['HTML without a type', 'unknown_key', (_q, r) => r.writeHead(200).end('<html>')],
    ['a redirect (N-060)', 'unknown_key', (_q, r) => r.writeHead(302, { location: `${issuer}/x` }).end()],
    ['404 (N-052)', 'unknown_key', (_q, r) => r.writeHead(404).end('{}')],
    ['no JSON (N-052)', 'unknown_key', (_q, r) => json(r, 'keys')],
    ['HTML', 'unknown_key', (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    [
      'more than the limit (N-061)',
      'unknown_key',
      (_q, r) => json(r, { keys: [], junk: 'x'.repeat(300_000) }),
    ],
    [
      'a gzip bomb',
      'unknown_key',
      (_q, r) =>
        r.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb),
    ],
    ['500', 'issuer_unavailable', (_q, r) => r.writeHead(500).end()],
    ['nothing (N-061b)', 'issuer_unavailable', () => {}],
    [
      'half an answer',
      'issuer_unavailable',
      (q, r) => r.writeHead(200, { 'content-type': 'application/json' }).write('{', () => q.socket.destroy()),
    ],
  ])('is answered by what its JWKS is: %s', async (_what, expected, behave) => {
    const ps = await town.issuer()
    const { behave: well } = ps.origin
    ps.origin.behave = (request, response) => (request.url === '/jwks' ? behave : well)(request, response)
    const { issuers } = town.resourceServer()
    expect(await issuers.find(query())).toEqual(code(expected))
    expect(await issuers.find(query())).toEqual(code(expected))
    expect(ps.origin.requests).toHaveLength(2)
    await expect.poll(() => ps.origin.open).toBe(0)
  })

  it('is answered with 503 where its certificate is another’s, or it has no address', async () => {
    const other = await town.issuer('other.example')
    town.names.lead(host, other.origin)
    const { issuers } = town.resourceServer()
    expect(await issuers.find(query())).toEqual(code('issuer_unavailable'))
    expect(other.origin.requests).toEqual([])
    expect(await issuers.find(query('k1', 'https://nowhere.example'))).toEqual(code('issuer_unavailable'))
  })

  it('is never visited at an address that is not public (N-057)', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer([])
    expect(await issuers.find(query())).toEqual(code('unknown_key'))
    expect(ps.origin.connections).toBe(0)
    expect(issuers.inspect().counts.answers.forbidden_address).toBe(1)
  })

  it('does not get in by changing its address between its metadata and its keys', async () => {
    const ps = await town.issuer('evil.example')
    const victim = await town.issuer('victim.example')
    const { issuers } = town.resourceServer(['evil.example', 'victim.example'])
    ps.origin.behave = (_request, response) => {
      town.names.lead('evil.example', victim.origin)
      json(response, { issuer: 'https://evil.example', jwks_uri: 'https://evil.example/jwks' })
    }
    expect(await issuers.find(query('k1', 'https://evil.example'))).toEqual(code('issuer_unavailable'))
    expect(victim.origin.requests).toEqual([])
  })
})
