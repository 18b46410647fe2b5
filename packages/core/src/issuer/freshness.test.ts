import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'

const host = 'ps.example'
const wellKnown = '/.well-known/aauth-person.json'

describe('the first request of an issuer', () => {
  it('costs one fetch of each document, however many ask at once (R-080, K-147, HC-69)', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1'), publicJwk('k2')])
    const asked = Array.from({ length: 1000 }, (_, i) => town.find(host, i % 2 === 0 ? 'k1' : 'k2'))
    expect(new Set(await Promise.all(asked)).size).toBe(2)
    expect(town.fetches).toEqual([`https://${host}${wellKnown}`, `https://${host}/jwks`])
  })

  it('leaves the key at hand', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    expect(town.keys.peek(town.query(host))).toBeUndefined()
    const key = await town.verified(host)
    expect(town.keys.peek(town.query(host))).toBe(key)
    expect(town.count(host)).toBe(2)
  })

  it('reads each well-known document of an origin for itself, and a JWKS they share once (R-088)', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const found = await Promise.all(
      [person, 'aauth-agent.json', 'aauth-access.json'].map((dwk) => town.find(host, 'k1', dwk)),
    )
    expect(new Set(found).size).toBe(1)
    expect(town.count(host, '/.well-known/')).toBe(3)
    expect(town.count(host, '/jwks')).toBe(1)
  })

  it('never takes the keys of one document for those of another', async () => {
    const town = new FakeTown()
    const [agentKey, personKey] = [publicJwk('k1'), publicJwk('k1')]
    town.behave(host, (url) => {
      if (url.endsWith(person))
        return Response.json({ issuer: `https://${host}`, jwks_uri: `https://${host}/p` })
      if (url.endsWith('.json'))
        return Response.json({ issuer: `https://${host}`, jwks_uri: `https://${host}/a` })
      return Response.json({ keys: [url.endsWith('/p') ? personKey : agentKey] })
    })
    const asPerson = await town.verified(host, 'k1', person)
    const asAgent = await town.verified(host, 'k1', 'aauth-agent.json')
    expect(asPerson.jkt).not.toBe(asAgent.jkt)
    expect(town.keys.peek(town.query(host, 'k1', 'aauth-agent.json'))).toBe(asAgent)
  })
})

describe('the lifetime of keys', () => {
  it.each<[string, Record<string, string>, number]>([
    ['ten minutes where nothing is stated', {}, 600],
    ['what is stated', { 'cache-control': 'max-age=1800' }, 1800],
    ['the floor at least', { 'cache-control': 'no-store' }, 60],
    ['the floor even for an empty lifetime', { expires: '0' }, 60],
  ])('is %s (R-081, K-142)', async (_what, headers, seconds) => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')], headers)
    await town.verified(host)
    // random is 0.5: three quarters of the lifetime.
    town.pass(seconds * 0.75 - 1)
    await town.find(host)
    expect(town.count(host)).toBe(2)
    town.pass(seconds * 0.25 + 1)
    expect(town.keys.peek(town.query(host))).toHaveProperty('jkt')
    await town.settle()
    expect(town.count(host)).toBe(4)
  })

  it('is the ceiling at most (R-085, K-142)', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')], { 'cache-control': 'max-age=31536000, immutable' })
    await town.verified(host)
    town.behave(host, () => new Response(null, { status: 503 }))
    town.pass(24 * 3600 - 1)
    expect(await town.find(host)).toHaveProperty('jkt')
    await town.settle()
    town.pass(1)
    expect(town.keys.peek(town.query(host))).toBeUndefined()
    expect(await town.find(host)).toMatchObject({ code: 'issuer_unavailable' })
  })

  it('is each document’s own', async () => {
    const town = new FakeTown()
    town.behave(host, (url) =>
      url.endsWith('/jwks')
        ? Response.json({ keys: [publicJwk('k1')] }, { headers: { 'cache-control': 'max-age=100' } })
        : Response.json(
            { issuer: `https://${host}`, jwks_uri: `https://${host}/jwks` },
            { headers: { 'cache-control': 'max-age=86400' } },
          ),
    )
    await town.verified(host)
    town.pass(100)
    await town.find(host)
    await town.settle()
    expect([town.count(host, '/.well-known/'), town.count(host, '/jwks')]).toEqual([1, 2])
  })

  it('is not prolonged by a clock that was set back', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    town.pass(-7200)
    expect(await town.find(host)).toHaveProperty('jkt')
    await town.settle()
    expect(town.count(host)).toBe(4)
  })
})

describe('an expired key', () => {
  it.each([
    [59, true],
    [60, false],
  ])('serves without waiting %i seconds after its time: %s', async (seconds, served) => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')], { 'cache-control': 'no-store' })
    const key = await town.verified(host)
    town.pass(60 + seconds)
    expect(town.keys.peek(town.query(host))).toBe(served ? key : undefined)
    expect(await town.find(host)).toBe(key)
    await town.settle()
    expect(town.count(host, '/jwks')).toBe(2)
    expect(town.keys.inspect(0).counts.answers.stale).toBe(served ? 2 : 0)
  })
})

describe('a background refresh', () => {
  it('comes before the keys expire, so that nobody waits', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.pass(500)
    expect(town.keys.peek(town.query(host))).toBe(key)
    await town.settle()
    expect(town.keys.peek(town.query(host))).toBe(key)
    expect(town.count(host)).toBe(4)
  })

  it('comes by the timer for issuers in use, and ends with the use', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    await town.find(host)
    expect(town.isSweeping).toBe(false)
    const key = await town.verified(host)
    expect(town.isSweeping).toBe(true)
    for (let minute = 0; minute < 120; minute += 5) {
      town.pass(300)
      await town.sweep()
    }
    // Due after 7.5 minutes, seen every 5, for less than an hour after the last use.
    expect(town.count(host, '/jwks')).toBe(1 + 5)
    expect(town.withdrawn).toEqual([])
    expect((await town.verified(host)).jkt).toBe(key.jkt)
    town.keys.close()
    expect(town.isSweeping).toBe(false)
  })

  it('goes through a great many issuers, a bounded number at a time', async () => {
    const town = new FakeTown({ limits: { concurrency: 4, newcomersPerMinute: 400, newcomers: 800 } })
    const hosts = Array.from({ length: 300 }, (_, i) => `ps${i}.example`)
    for (const one of hosts) town.publish(one, [publicJwk('k1')])
    for (const one of hosts) await town.verified(one)
    let most = 0
    let under = 0
    for (const one of hosts) {
      town.behave(one, async (url) => {
        most = Math.max(most, ++under)
        await new Promise((resolve) => setImmediate(resolve))
        under--
        return url.endsWith('/jwks')
          ? Response.json({ keys: [publicJwk('k1')] })
          : Response.json({ issuer: `https://${one}`, jwks_uri: `https://${one}/jwks` })
      })
    }
    town.pass(500)
    await town.sweep()
    expect(town.fetches.length).toBe(300 * 4)
    expect(most).toBe(4)
  })
})
