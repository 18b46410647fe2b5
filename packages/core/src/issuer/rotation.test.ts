import { describe, expect, it } from 'vitest'
import { KeyFault } from '../crypto/keys.js'
import { asKey, FakeTown, person, publicJwk } from '../testing/fake-town.js'

const host = 'ps.example'

describe('an unknown kid', () => {
  it('refreshes once the floor has passed (KN-085, KN-086)', async () => {
    const town = new FakeTown()
    const old = publicJwk('k1')
    town.publish(host, [old])
    await town.verified(host)
    town.publish(host, [old, publicJwk('k2')])
    town.pass(59)
    expect(await town.find(host, 'k2')).toMatchObject({ code: 'unknown_key' })
    expect(town.count(host, '/jwks')).toBe(1)
    town.pass(1)
    expect(asKey(await town.find(host, 'k2')).jkt).toBeTypeOf('string')
    expect(town.count(host, '/jwks')).toBe(2)
  })

  it('costs one refresh a minute however many are made up, and evicts nothing', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    for (let second = 0; second < 600; second++) {
      await Promise.all(Array.from({ length: 17 }, () => town.find(host, `made-up-${Math.random()}`)))
      expect(town.keys.peek(town.query(host))).toBe(key)
      town.pass(1)
    }
    expect(town.count(host, '/jwks')).toBe(10)
    expect(town.count(host, '/.well-known/')).toBe(10)
    expect(town.keys.inspect().counts.answers.unknown_key).toBe(600 * 17)
    expect(town.withdrawn).toEqual([])
  })

  it('cannot be used to get around the floor by an issuer without keys', async () => {
    const town = new FakeTown()
    town.publish(host, [])
    for (let i = 0; i < 100; i++)
      expect(await town.find(host, `k${i}`)).toMatchObject({ code: 'unknown_key' })
    expect(town.count(host)).toBe(2)
  })

  it('waits for the floor of both documents, however slow the first is', async () => {
    const town = new FakeTown()
    town.behave(host, (url) => {
      if (url.endsWith('/jwks')) return Response.json({ keys: [publicJwk(`k${town.count(host, '/jwks')}`)] })
      town.pass(3)
      return Response.json({ issuer: `https://${host}`, jwks_uri: `https://${host}/jwks` })
    })
    await town.verified(host, 'k1')
    town.pass(58)
    expect(await town.find(host, 'k2')).toMatchObject({ code: 'unknown_key' })
    expect(town.count(host)).toBe(2)
    town.pass(2)
    expect(await town.find(host, 'k2')).toHaveProperty('jkt')
    expect(town.count(host)).toBe(4)
  })

  it('finds keys that have moved', async () => {
    const town = new FakeTown()
    const headers = { 'cache-control': 'max-age=86400' }
    town.publish(host, [publicJwk('k1')], headers)
    await town.verified(host)
    town.behave(host, (url) =>
      url.endsWith('/moved')
        ? Response.json({ keys: [publicJwk('k2')] })
        : Response.json({ issuer: `https://${host}`, jwks_uri: `https://${host}/moved` }),
    )
    town.pass(60)
    expect(await town.find(host, 'k2')).toHaveProperty('jkt')
    expect(town.withdrawn).toEqual([`https://${host} ${person}`])
  })
})

describe('a rotation', () => {
  it('with overlap is seen before the new key is used, and nobody waits', async () => {
    const town = new FakeTown()
    const [old, next] = [publicJwk('k1'), publicJwk('k2')]
    town.publish(host, [old])
    const first = await town.verified(host)
    town.publish(host, [old, next])
    town.pass(500)
    await town.sweep()
    expect(town.keys.peek(town.query(host, 'k2'))).toHaveProperty('jkt')
    expect(town.keys.peek(town.query(host))).toBe(first)
    town.publish(host, [next])
    town.pass(500)
    await town.sweep()
    expect(town.keys.peek(town.query(host))).toBeUndefined()
    expect(town.withdrawn).toEqual([`https://${host} ${person}`])
    expect(town.events.at(-1)).toMatchObject({ name: 'issuer-discovered', outcome: 'ok' })
  })

  it('without overlap costs at most a minute', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    town.pass(30)
    town.publish(host, [publicJwk('k2')])
    expect(await town.find(host, 'k2')).toMatchObject({ code: 'unknown_key' })
    town.pass(30)
    expect(await town.find(host, 'k2')).toHaveProperty('jkt')
    expect(await town.find(host, 'k1')).toMatchObject({ code: 'unknown_key' })
    expect(town.count(host, '/jwks')).toBe(2)
  })
})

describe('a key that does not verify', () => {
  it('is fetched anew, and another key under its kid is found (KN-090)', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const old = await town.verified(host)
    town.publish(host, [publicJwk('k1')])
    expect(await town.keys.refind(town.query(host), old)).toBeUndefined()
    town.pass(60)
    const both = await Promise.all([1, 2].map(() => town.keys.refind(town.query(host), old)))
    expect(asKey(both[0]).jkt).not.toBe(old.jkt)
    expect(both[1]).toBe(both[0])
    expect(town.count(host, '/jwks')).toBe(2)
    expect(town.withdrawn).toEqual([`https://${host} ${person}`])
  })

  it('is not fetched anew for somebody who has not seen the last refresh', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const old = await town.verified(host)
    town.publish(host, [publicJwk('k1')])
    town.pass(60)
    const fresh = await town.keys.refind(town.query(host), old)
    town.pass(60)
    expect(await town.keys.refind(town.query(host), old)).toBe(fresh)
    expect(town.count(host, '/jwks')).toBe(2)
  })

  it('stays what it is where nothing has changed', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.pass(60)
    expect(await town.keys.refind(town.query(host), key)).toBeUndefined()
    expect(town.count(host, '/jwks')).toBe(2)
    expect(town.keys.peek(town.query(host))).toBe(key)
    expect(town.withdrawn).toEqual([])
  })

  it('is unknown where its kid has gone, and unusable where it has become so', async () => {
    const town = new FakeTown()
    const [gone, broken] = [publicJwk('gone'), publicJwk('broken')]
    town.publish(host, [gone, broken])
    const [first, second] = [await town.verified(host, 'gone'), await town.verified(host, 'broken')]
    town.publish(host, [{ ...broken, alg: 'EdDSA' }])
    town.pass(60)
    expect(await town.keys.refind(town.query(host, 'gone'), first)).toMatchObject({ code: 'unknown_key' })
    expect(await town.keys.refind(town.query(host, 'broken'), second)).toBeInstanceOf(KeyFault)
  })

  it('stays what it is where the issuer is down', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.behave(host, () => new Response(null, { status: 500 }))
    town.pass(60)
    expect(await town.keys.refind(town.query(host), key)).toBeUndefined()
    expect(town.keys.peek(town.query(host))).toBe(key)
  })

  it('costs one refresh a minute however many forge it', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    for (let second = 0; second < 300; second++) {
      await Promise.all(Array.from({ length: 5 }, () => town.keys.refind(town.query(host), key)))
      town.pass(1)
    }
    expect(town.count(host, '/jwks')).toBe(5)
  })
})
