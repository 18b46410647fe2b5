import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'
import { issuerLimits } from './limits.js'

const host = 'ps.example'

describe('a storm of made-up issuers', () => {
  it('is bounded in work and memory, and honest issuers do not notice (R-087, K-145, KN-108, HC-68)', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    const [before] = [town.fetches.length]
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => town.find(`made-up-${i}.example`)),
    )
    const begun = town.fetches.length - before
    expect(begun).toBeLessThanOrEqual(issuerLimits.newcomersPerMinute)
    expect(answers.every((one) => 'code' in one && one.code === 'issuer_unavailable')).toBe(true)
    expect(answers.every((one) => 'details' in one && (one.details.retryAfter ?? 0) > 0)).toBe(true)
    const report = town.keys.inspect()
    expect(report.newcomers).toBeLessThanOrEqual(issuerLimits.newcomers)
    expect(report.admitted).toBe(1)
    expect(report.counts.answers.busy).toBe(10_000 - begun)
    expect(town.keys.peek(town.query(host))).toBe(key)
    town.pass(500)
    await town.sweep()
    expect(town.count(host, '/jwks')).toBe(2)
  })

  it('goes on at no more than its budget, and what it held is given up', async () => {
    const town = new FakeTown()
    const perMinute = issuerLimits.newcomersPerMinute
    for (let second = 0; second < 600; second++) {
      for (let i = 0; i < 20; i++) await town.find(`s${second}-${i}.example`)
      town.pass(1)
    }
    expect(town.fetches.length).toBeLessThanOrEqual(11 * perMinute)
    expect(town.fetches.length).toBeGreaterThan(10 * perMinute)
    expect(town.keys.inspect().newcomers).toBe(issuerLimits.newcomers)
  })

  it('leaves the way free for the refreshes of admitted issuers, also when every newcomer hangs', async () => {
    const town = new FakeTown({ limits: { timeout: 50, wait: 1 } })
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    const storm = Array.from({ length: 500 }, (_, i) => {
      town.behave(`h${i}.example`, () => new Promise(() => {}))
      return town.find(`h${i}.example`)
    })
    town.publish(host, [publicJwk('k1'), publicJwk('k2')])
    town.pass(60)
    expect(await town.find(host, 'k2')).toHaveProperty('jkt')
    await Promise.all(storm)
    await town.settle()
  })

  it('answers at once when the places and the queue are full', async () => {
    const town = new FakeTown({ limits: { concurrency: 2, queue: 3, timeout: 20 } })
    const hosts = Array.from({ length: 9 }, (_, i) => `h${i}.example`)
    for (const one of hosts) town.behave(one, () => new Promise(() => {}))
    const answers = hosts.map((one) => town.find(one))
    expect(await Promise.all(answers.slice(5))).toEqual(
      Array(4).fill(expect.objectContaining({ code: 'issuer_unavailable' })),
    )
    expect(town.fetches.length).toBe(2)
    expect(town.keys.inspect().discoveries).toEqual({ running: 2, waiting: 3 })
    expect(town.events.filter(({ name }) => name === 'issuer-busy')).toHaveLength(4)
    await Promise.all(answers)
    expect(town.fetches.length).toBe(5)
  })
})

describe('an issuer that was pushed out', () => {
  it('is not fetched again before its time', async () => {
    const town = new FakeTown({ limits: { newcomers: 4, newcomersPerMinute: 1000 } })
    await town.find(host)
    for (let i = 0; i < 8; i++) await town.find(`h${i}.example`)
    expect(town.keys.inspect().newcomers).toBe(4)
    expect(await town.find(host)).toMatchObject({ code: 'issuer_unavailable' })
    expect(town.count(host)).toBe(1)
    town.pass(63)
    await town.find(host)
    expect(town.count(host)).toBe(2)
  })

  it('takes the tokens that rest on its keys with it', async () => {
    const town = new FakeTown({ limits: { issuers: 2 } })
    for (const one of ['a.evil.example', 'b.evil.example', 'c.example']) {
      town.publish(one, [publicJwk('k1')])
      await town.verified(one)
    }
    expect(town.withdrawn).toEqual([`https://b.evil.example ${person}`])
    expect(town.events.at(-1)).toMatchObject({ name: 'issuer-withdrawn', cause: 'evicted' })
    expect(town.keys.inspect()).toMatchObject({ admitted: 2, newcomers: 0 })
  })

  it('was pushed out by bytes as well as by number', async () => {
    const town = new FakeTown({ limits: { newcomerBytes: 100_000 } })
    for (let i = 0; i < 20; i++) {
      const one = `h${i}.example`
      town.behave(one, () =>
        Response.json({
          issuer: `https://${one}`,
          jwks_uri: `https://${one}/jwks`,
          keys: [],
          scopes_supported: new Array(300).fill('openid'),
        }),
      )
      await town.find(one)
    }
    expect(town.keys.inspect().bytes).toBeLessThanOrEqual(100_000)
    expect(town.keys.inspect().newcomers).toBeLessThan(10)
  })

  it('costs nothing for what its documents hold beside what is used', async () => {
    const junk = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, { a: [{}] }]))
    const town = new FakeTown()
    for (let i = 0; i < 300; i++) {
      const one = `h${i}.example`
      const keys = Array.from({ length: 20 }, (_, j) => ({ kid: '', [`n${i}-${j}`]: [{}, {}] }))
      town.behave(one, () =>
        Response.json({ issuer: `https://${one}`, jwks_uri: `https://${one}/jwks`, keys, junk }),
      )
      await town.find(one)
    }
    expect(town.keys.inspect().newcomers).toBe(300)
    expect(town.keys.inspect().bytes).toBeLessThan(300 * 4096)
  })

  it.each([
    ['metadata', { junk: new Array(1024).fill(0) }],
    ['metadata', { junk: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`m${i}`, 0])) }],
    ['jwks', { keys: new Array(4096).fill(0) }],
    ['jwks', { keys: [{ x5c: new Array(4096).fill({}) }] }],
  ])('whose %s has too many members is not used', async (which, more) => {
    const town = new FakeTown()
    const document = { issuer: `https://${host}`, jwks_uri: `https://${host}/jwks`, keys: [] }
    town.behave(host, (url) =>
      Response.json(url.endsWith('/jwks') === (which === 'jwks') ? { ...document, ...more } : document),
    )
    await town.find(host)
    expect(town.events.at(-1)).toMatchObject({ name: 'issuer-discovered', outcome: 'unusable' })
  })
})

describe('an admitted issuer', () => {
  it('is no newcomer any more, whatever the budget', async () => {
    const town = new FakeTown({ limits: { newcomersPerMinute: 2 } })
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    await town.find('x.example')
    expect(await town.find('y.example')).toMatchObject({
      details: { reason: expect.stringContaining('newcomers') },
    })
    town.pass(3)
    town.keys.forget('https://nobody.example')
    town.publish(host, [publicJwk('k1'), publicJwk('k2')])
    town.pass(57)
    await town.find('z.example')
    await town.find('zz.example')
    expect(await town.find(host, 'k2')).toHaveProperty('jkt')
    expect(town.keys.inspect(0).newcomerBudget).toBe(0)
  })

  it('was listed by the operator, or prewarmed: then it never was one', async () => {
    const options = {
      limits: { newcomersPerMinute: 1 },
      prewarm: [{ issuer: 'https://warm.example', dwk: person }],
    }
    const town = new FakeTown({ ...options, allow: [`https://${host}`, 'https://warm.example'] })
    town.publish(host, [publicJwk('k1')])
    town.publish('warm.example', [publicJwk('k1')])
    await town.keys.warm()
    await town.find(host)
    expect(town.keys.inspect()).toMatchObject({ admitted: 2, newcomers: 0, newcomerBudget: 1 })
  })

  it('is one only by name: admitting what is not held does nothing', () => {
    const town = new FakeTown()
    town.keys.admit(`https://${host}`, person)
    expect(town.keys.inspect()).toMatchObject({ admitted: 0, newcomers: 0 })
    expect(town.isSweeping).toBe(false)
  })
})

it('holds a bounded number of documents of one issuer', async () => {
  const town = new FakeTown()
  town.publish(host, [publicJwk('k1')])
  for (let i = 0; i < 20; i++) await town.find(host, 'k1', `doc-${i}.json`)
  expect(town.keys.inspect().issuers).toHaveLength(issuerLimits.documentsPerIssuer)
})
