import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'
import { GuardError } from './fault.js'

const host = 'ps.example'
const issuer = `https://${host}`
const metadata = { issuer, jwks_uri: `${issuer}/jwks` }

function answering(document: unknown, jwks: () => Response = () => Response.json({ keys: [] })): FakeTown {
  const town = new FakeTown()
  town.behave(host, (url) => (url.endsWith('/jwks') ? jwks() : Response.json(document)))
  return town
}

describe('the answer', () => {
  it.each<[string, FakeTown, number]>([
    ['issuer_missing', answering({ jwks_uri: `${issuer}/jwks` }), 1],
    ['issuer_missing', answering({ jwks: { keys: [publicJwk('k1')] } }), 1],
    ['issuer_mismatch', answering({ ...metadata, issuer: `${issuer}/` }), 1],
    ['unknown_key', answering({ issuer }), 1],
    ['unknown_key', answering({ issuer, jwks: { keys: [publicJwk('k1')] } }), 1],
    ['unknown_key', answering([metadata]), 1],
    ['unknown_key', answering({ ...metadata, jwks_uri: 'https://keys.example/jwks' }), 1],
    ['unknown_key', answering({ ...metadata, jwks_uri: 'http://ps.example/jwks' }), 1],
    ['unknown_key', answering(metadata), 2],
    ['unknown_key', answering(metadata, () => Response.json({ keys: {} })), 2],
    ['unknown_key', answering(metadata, () => new Response('keys', { status: 404 })), 2],
    ['unknown_key', answering(metadata, () => Response.redirect('https://evil.example/', 302)), 2],
    ['issuer_unavailable', answering(metadata, () => new Response(null, { status: 502 })), 2],
  ])('is %s', async (code, town, fetches) => {
    expect(await town.find(host)).toMatchObject({ code })
    expect(await town.find(host)).toMatchObject({ code })
    expect(town.fetches.length).toBe(fetches)
  })

  it('to an address the guard refuses is unknown_key, and the reason is only for the log', async () => {
    const town = new FakeTown()
    town.behave(host, () => Promise.reject(new GuardError('forbidden', 'ps.example has no public address')))
    const answer = await town.find(host)
    expect(answer).toEqual(expect.objectContaining({ code: 'unknown_key' }))
    expect(answer).toHaveProperty('details', { reason: 'ps.example has no public address' })
    expect(town.keys.inspect().counts.answers.forbidden_address).toBe(1)
    expect(town.events.map((event) => ('outcome' in event ? event.outcome : event.name))).toEqual([
      'forbidden',
      'forbidden',
    ])
  })

  it('may be unknown_key throughout, where the operator wants the letter of the draft', async () => {
    const town = new FakeTown({ unavailable: 'refuse' })
    expect(await town.find(host)).toMatchObject({ code: 'unknown_key' })
    expect(town.keys.inspect().counts.answers).toMatchObject({ issuer_unavailable: 1, unknown_key: 0 })
  })

  it('says why a key is unusable', async () => {
    const town = new FakeTown()
    town.publish(host, [{ ...publicJwk('k1'), alg: 'EdDSA' }])
    expect(await town.find(host)).toMatchObject({ fault: 'unsupported' })
    expect(town.keys.peek(town.query(host))).toMatchObject({ fault: 'unsupported' })
    expect(town.count(host)).toBe(2)
  })

  it('keeps good keys when a later document is bad, until the ceiling', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.behave(host, () => Response.json({ issuer: 'https://other.example' }))
    for (let hour = 0; hour < 23; hour++) {
      town.pass(3600)
      expect(await town.find(host)).toBe(key)
      await town.settle()
    }
    town.pass(3600)
    expect(await town.find(host)).toMatchObject({ code: 'issuer_mismatch' })
    await town.sweep()
    expect(town.withdrawn).toEqual([`${issuer} ${person}`])
    expect(town.keys.inspect().bytes).toBeLessThan(2000)
  })

  it.each([
    ['http://ps.example', person],
    ['https://ps.example:8443', person],
    ['https://ps.example/', person],
    ['https://127.0.0.1', person],
    ['https://[::1]', person],
    ['https://PS.example', person],
    ['https://ps.example.', person],
    ['https://user@ps.example', person],
    ['https://пс.example', person],
    ['', person],
    [issuer, '../admin'],
    [issuer, 'x?y'],
    [issuer, 'a/b'],
    [issuer, '%2e%2e'],
    [issuer, ''],
  ])('to %s %s costs no fetch', async (one, dwk) => {
    const town = new FakeTown()
    expect(await town.keys.find({ issuer: one, dwk, kid: 'k1' })).toMatchObject({ code: 'unknown_key' })
    expect(await town.keys.metadata(one, dwk)).toMatchObject({ code: 'unknown_key' })
    expect(town.keys.peek({ issuer: one, dwk, kid: 'k1' })).toBeUndefined()
    expect(town.fetches).toEqual([])
    expect(town.keys.inspect()).toMatchObject({ admitted: 0, newcomers: 0 })
  })

  it('while nothing may be fetched is given at once, without a promise', async () => {
    const town = new FakeTown()
    town.behave(host, () => new Response(null, { status: 500 }))
    const query = town.query(host)
    expect(town.keys.find(query)).toBeInstanceOf(Promise)
    // While it is under way everybody waits for the same.
    expect(town.keys.find(query)).toBeInstanceOf(Promise)
    await town.settle()
    expect(town.keys.find(query)).toMatchObject({ code: 'issuer_unavailable' })
    town.publish(host, [publicJwk('k1')])
    town.pass(3600)
    expect(await town.find(host)).toHaveProperty('jkt')
    expect(await town.find(host, 'gone')).toMatchObject({ code: 'unknown_key' })
    expect(town.keys.find(town.query(host, 'gone'))).toMatchObject({ code: 'unknown_key' })
    expect(town.keys.find(town.query(host))).toHaveProperty('jkt')
  })
})

describe('metadata', () => {
  it('is fetched once, with the keys, and kept like them', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const documents = await Promise.all([1, 2, 3].map(() => town.keys.metadata(issuer, person)))
    expect(documents[0]).toEqual(metadata)
    expect(new Set(documents).size).toBe(1)
    expect(await town.find(host)).toHaveProperty('jkt')
    expect(town.fetches.length).toBe(2)
    town.pass(500)
    await town.keys.metadata(issuer, person)
    await town.settle()
    expect(town.fetches.length).toBe(4)
  })

  it('is there although the keys are not', async () => {
    const town = answering({ issuer, scopes_supported: ['openid'] })
    expect(await town.keys.metadata(issuer, person)).toEqual({ issuer, scopes_supported: ['openid'] })
    expect(await town.find(host)).toMatchObject({ code: 'unknown_key' })
    expect(town.fetches.length).toBe(1)
  })

  it('is refused like a key, and old metadata serves while the issuer is down', async () => {
    const town = new FakeTown()
    expect(await town.keys.metadata(issuer, person)).toMatchObject({ code: 'issuer_unavailable' })
    town.pass(63)
    town.publish(host, [publicJwk('k1')])
    const document = await town.keys.metadata(issuer, person)
    town.behave(host, () => new Response(null, { status: 503 }))
    town.pass(23 * 3600)
    expect(await town.keys.metadata(issuer, person)).toBe(document)
    town.pass(3600)
    expect(await town.keys.metadata(issuer, person)).toMatchObject({ code: 'issuer_unavailable' })
  })
})
