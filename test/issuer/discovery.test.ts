import { generateKeyPairSync } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import {
  createGuardedFetch,
  createResourceServer,
  type IssuerOptions,
  type ResourceServer,
} from '@countersign/core'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Authority, createAuthority, json, Names, Origin } from './loopback.js'

const host = 'ps.example'
const issuer = `https://${host}`
const dwk = 'aauth-person.json'
const minute = 60_000
/** 50 MB of nothing in 50 KB. */
const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20))

let authority: Authority
let names: Names
let now: number
const servers: ResourceServer[] = []
const origins: Origin[] = []

beforeAll(async () => {
  authority = await createAuthority()
})
beforeEach(() => {
  names = new Names()
  now = Date.now()
})
afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await Promise.all(origins.splice(0).map((one) => one.close()))
})

/** A resource server whose issuers are on loopback, and reached through the guard all the same. */
function resourceServer(hosts: readonly string[] = [host], issuers: IssuerOptions = {}): ResourceServer {
  const limits = { timeout: 1000 }
  const server = createResourceServer({
    resource: 'https://rs.example',
    clock: () => now,
    issuers: { ...issuers, limits: { ...limits, ...issuers.limits } },
    fetch: createGuardedFetch({ ca: authority.certificate, resolve: names.resolve, privateHosts: hosts }),
  })
  servers.push(server)
  return server
}

/** An issuer with keys of its own. */
class Issuer {
  readonly host: string
  readonly origin: Origin
  keys: object[]
  headers: Record<string, string> = {}

  private constructor(name: string, origin: Origin) {
    this.host = name
    this.origin = origin
    this.keys = [publicJwk('k1')]
  }

  static async open(name = host): Promise<Issuer> {
    const certificate = await authority.issue(name)
    const origin = await Origin.open(certificate, () => {})
    const made = new Issuer(name, origin)
    origins.push(origin)
    made.up()
    names.lead(name, origin)
    return made
  }

  up(): void {
    const base = `https://${this.host}`
    this.origin.behave = (request, response) =>
      request.url === '/jwks'
        ? json(response, { keys: this.keys }, this.headers)
        : json(response, { issuer: base, jwks_uri: `${base}/jwks` }, this.headers)
  }

  down(): void {
    this.origin.behave = (_request, response) => response.writeHead(503).end()
  }

  fetched(path: string): number {
    return this.origin.requests.filter((one) => one.startsWith(path)).length
  }
}

function publicJwk(kid: string): object {
  return { ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), alg: 'Ed25519', kid }
}

const query = (kid = 'k1', of = issuer) => ({ issuer: of, dwk, kid })
const code = (value: string) => expect.objectContaining({ code: value })

describe('the first requests of an issuer', () => {
  it('cost one metadata and one JWKS fetch, though a thousand ask at once', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    const found = await Promise.all(Array.from({ length: 1000 }, () => issuers.find(query())))
    expect(new Set(found).size).toBe(1)
    expect(found[0]).toHaveProperty('jkt')
    expect(ps.origin.requests).toEqual([`/.well-known/${dwk}`, '/jwks'])
  })

  it('cost as little when the issuer fails', async () => {
    const ps = await Issuer.open()
    ps.down()
    const { issuers } = resourceServer()
    const found = await Promise.all(Array.from({ length: 1000 }, () => issuers.find(query())))
    expect(found).toEqual(Array(1000).fill(code('issuer_unavailable')))
    for (let i = 0; i < 5; i++) expect(await issuers.find(query())).toEqual(code('issuer_unavailable'))
    expect(ps.origin.requests).toHaveLength(1)
  })
})

describe('storms', () => {
  it('of ten thousand random kids cost at most one refresh a minute and evict nothing', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    const key = await issuers.find(query())
    issuers.admit(issuer, dwk)
    for (let round = 0; round < 10; round++) {
      now += minute / 2
      const storm = Array.from({ length: 1000 }, () => issuers.find(query(`made-up-${Math.random()}`)))
      expect(new Set((await Promise.all(storm)).map((one) => 'code' in one && one.code))).toEqual(
        new Set(['unknown_key']),
      )
      expect(issuers.peek(query())).toBe(key)
    }
    expect(ps.fetched('/jwks')).toBe(1 + 5)
    expect(ps.fetched('/.well-known/')).toBe(1 + 5)
  })

  it('of ten thousand new issuers are bounded, and an honest issuer does not notice', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    const key = await issuers.find(query())
    issuers.admit(issuer, dwk)
    const before = names.asked.length
    const storm = Array.from({ length: 10_000 }, (_, i) =>
      issuers.find(query('k1', `https://made-up-${i}.example`)),
    )
    const refused = await Promise.all(storm)
    expect(refused.every((one) => 'details' in one && (one.details.retryAfter ?? 0) > 0)).toBe(true)
    expect(names.asked.length - before).toBeLessThanOrEqual(300)
    expect(issuers.inspect()).toMatchObject({
      admitted: 1,
      counts: { answers: { busy: expect.any(Number) } },
    })
    expect(issuers.inspect().newcomers).toBeLessThanOrEqual(300)
    expect(issuers.peek(query())).toBe(key)
    ps.keys = [...ps.keys, publicJwk('k2')]
    now += minute
    expect(await issuers.find(query('k2'))).toHaveProperty('jkt')
  })
})

describe('an issuer that was well', () => {
  it('and is down for an hour goes on being served, and is found again', async () => {
    const ps = await Issuer.open()
    ps.headers = { 'cache-control': 'max-age=60' }
    const { issuers } = resourceServer()
    const key = await issuers.find(query())
    issuers.admit(issuer, dwk)
    ps.down()
    for (let passed = 0; passed < 60; passed++) {
      now += minute
      expect(issuers.peek(query())).toBe(key)
      await idle(issuers)
    }
    expect(ps.fetched('/.well-known/')).toBeGreaterThan(10)
    expect(ps.fetched('/.well-known/')).toBeLessThan(17)
    ps.up()
    ps.keys = [...ps.keys, publicJwk('k2')]
    now += 6 * minute
    expect(await issuers.find(query('k2'))).toHaveProperty('jkt')
    expect(issuers.peek(query())).toBe(key)
  })

  it('and is gone for a day is not served any more', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    await issuers.find(query())
    await ps.origin.close()
    now += 24 * 60 * minute
    expect(issuers.peek(query())).toBeUndefined()
    expect(await issuers.find(query())).toEqual(code('issuer_unavailable'))
  })

  it('and hangs keeps no warm request waiting', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    const key = await issuers.find(query())
    ps.origin.behave = () => {}
    now += 9 * minute
    for (let i = 0; i < 1000; i++) expect(issuers.peek(query())).toBe(key)
    await expect.poll(() => ps.fetched('/.well-known/')).toBe(2)
    now += 60 * minute
    expect(issuers.peek(query())).toBe(key)
    await idle(issuers)
    expect(issuers.peek(query())).toBe(key)
  })

  it('and rotates is followed: with overlap at once, without within a minute', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    const withdrawn: string[] = []
    issuers.onWithdrawn((of) => withdrawn.push(of))
    const [first, second, third] = [ps.keys[0] as object, publicJwk('k2'), publicJwk('k3')]
    await issuers.find(query('k1'))
    ps.keys = [first, second]
    now += minute
    expect(await issuers.find(query('k2'))).toHaveProperty('jkt')
    expect(withdrawn).toEqual([])
    ps.keys = [third]
    expect(await issuers.find(query('k3'))).toEqual(code('unknown_key'))
    now += minute
    expect(await issuers.find(query('k3'))).toHaveProperty('jkt')
    expect(await issuers.find(query('k1'))).toEqual(code('unknown_key'))
    expect(withdrawn).toEqual([issuer])
    expect(ps.fetched('/jwks')).toBe(3)
  })

  it('and puts another key under the same kid is followed as well', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer()
    const old = await issuers.find(query())
    if (!('jkt' in old)) throw new Error('no key')
    ps.keys = [publicJwk('k1')]
    expect(await issuers.refind(query(), old)).toBeUndefined()
    now += minute
    const fresh = await issuers.refind(query(), old)
    expect(fresh).toHaveProperty('jkt')
    expect(fresh).not.toHaveProperty('jkt', old.jkt)
    expect(await issuers.refind(query(), old)).toBe(fresh)
    expect(ps.fetched('/jwks')).toBe(2)
  })
})

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
    const ps = await Issuer.open()
    const keys = await Issuer.open('keys.example')
    ps.origin.behave = (_request, response) => json(response, metadata)
    const { issuers } = resourceServer([host, 'keys.example'])
    expect(await issuers.find(query())).toEqual(code(expected))
    expect(ps.origin.requests).toHaveLength(1)
    expect(keys.origin.connections).toBe(0)
  })

  it('may keep its keys on another host where the operator says so', async () => {
    const ps = await Issuer.open()
    const keys = await Issuer.open('keys.example')
    ps.origin.behave = (_request, response) =>
      json(response, { ...base, jwks_uri: 'https://keys.example/jwks' })
    const { issuers } = resourceServer([host, 'keys.example'], { keyHosts: { [issuer]: ['keys.example'] } })
    expect(await issuers.find(query())).toHaveProperty('jkt')
    expect(keys.origin.requests).toEqual(['/jwks'])
  })

  it.each<[string, string, Parameters<typeof Origin.open>[1]]>([
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
    const ps = await Issuer.open()
    const { behave: well } = ps.origin
    ps.origin.behave = (request, response) => (request.url === '/jwks' ? behave : well)(request, response)
    const { issuers } = resourceServer()
    expect(await issuers.find(query())).toEqual(code(expected))
    expect(await issuers.find(query())).toEqual(code(expected))
    expect(ps.origin.requests).toHaveLength(2)
    await expect.poll(() => ps.origin.open).toBe(0)
  })

  it('is answered with 503 where its certificate is another’s, or it has no address', async () => {
    const other = await Issuer.open('other.example')
    names.lead(host, other.origin)
    const { issuers } = resourceServer()
    expect(await issuers.find(query())).toEqual(code('issuer_unavailable'))
    expect(other.origin.requests).toEqual([])
    expect(await issuers.find(query('k1', 'https://nowhere.example'))).toEqual(code('issuer_unavailable'))
  })

  it('is never visited at an address that is not public (N-057)', async () => {
    const ps = await Issuer.open()
    const { issuers } = resourceServer([])
    expect(await issuers.find(query())).toEqual(code('unknown_key'))
    expect(ps.origin.connections).toBe(0)
    expect(issuers.inspect().counts.answers.forbidden_address).toBe(1)
  })

  it('does not get in by changing its address between its metadata and its keys', async () => {
    const ps = await Issuer.open('evil.example')
    const victim = await Issuer.open('victim.example')
    const { issuers } = resourceServer(['evil.example', 'victim.example'])
    ps.origin.behave = (_request, response) => {
      names.lead('evil.example', victim.origin)
      json(response, { issuer: 'https://evil.example', jwks_uri: 'https://evil.example/jwks' })
    }
    expect(await issuers.find(query('k1', 'https://evil.example'))).toEqual(code('issuer_unavailable'))
    expect(victim.origin.requests).toEqual([])
  })
})

/** Waits until no discovery is under way. */
async function idle(issuers: ResourceServer['issuers']): Promise<void> {
  await expect.poll(() => issuers.inspect(0).discoveries.running).toBe(0)
}
