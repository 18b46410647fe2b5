import type { ResourceServer } from '@countersign/core'
import { describe, expect, it } from 'vitest'
import { dwk, IssuerFixture, issuer, publicJwk, query } from './issuer-fixture.js'

const minute = 60_000
const town = IssuerFixture.use()
const code = (value: string) => expect.objectContaining({ code: value })

describe('the first requests of an issuer', () => {
  it('cost one metadata and one JWKS fetch, though a thousand ask at once', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    const found = await Promise.all(Array.from({ length: 1000 }, () => issuers.find(query())))
    expect(new Set(found).size).toBe(1)
    expect(found[0]).toHaveProperty('jkt')
    expect(ps.origin.requests).toEqual([`/.well-known/${dwk}`, '/jwks'])
  })

  it('cost as little when the issuer fails', async () => {
    const ps = await town.issuer()
    ps.down()
    const { issuers } = town.resourceServer()
    const found = await Promise.all(Array.from({ length: 1000 }, () => issuers.find(query())))
    expect(found).toEqual(Array(1000).fill(code('issuer_unavailable')))
    for (let i = 0; i < 5; i++) expect(await issuers.find(query())).toEqual(code('issuer_unavailable'))
    expect(ps.origin.requests).toHaveLength(1)
  })
})

describe('storms', () => {
  it('of ten thousand random kids cost at most one refresh a minute and evict nothing', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    const key = await issuers.find(query())
    issuers.admit(issuer, dwk)
    for (let round = 0; round < 10; round++) {
      town.now += minute / 2
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
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    const key = await issuers.find(query())
    issuers.admit(issuer, dwk)
    const before = town.names.asked.length
    const storm = Array.from({ length: 10_000 }, (_, i) =>
      issuers.find(query('k1', `https://made-up-${i}.example`)),
    )
    const refused = await Promise.all(storm)
    expect(refused.every((one) => 'details' in one && (one.details.retryAfter ?? 0) > 0)).toBe(true)
    expect(town.names.asked.length - before).toBeLessThanOrEqual(300)
    expect(issuers.inspect()).toMatchObject({
      admitted: 1,
      counts: { answers: { busy: expect.any(Number) } },
    })
    expect(issuers.inspect().newcomers).toBeLessThanOrEqual(300)
    expect(issuers.peek(query())).toBe(key)
    ps.keys = [...ps.keys, publicJwk('k2')]
    town.now += minute
    expect(await issuers.find(query('k2'))).toHaveProperty('jkt')
  })
})

describe('an issuer that was well', () => {
  it('and is down for an hour goes on being served, and is found again', async () => {
    const ps = await town.issuer()
    ps.headers = { 'cache-control': 'max-age=60' }
    const { issuers } = town.resourceServer()
    const key = await issuers.find(query())
    issuers.admit(issuer, dwk)
    ps.down()
    for (let passed = 0; passed < 60; passed++) {
      town.now += minute
      expect(issuers.peek(query())).toBe(key)
      await idle(issuers)
    }
    expect(ps.fetched('/.well-known/')).toBeGreaterThan(10)
    expect(ps.fetched('/.well-known/')).toBeLessThan(17)
    ps.up()
    ps.keys = [...ps.keys, publicJwk('k2')]
    town.now += 6 * minute
    expect(await issuers.find(query('k2'))).toHaveProperty('jkt')
    expect(issuers.peek(query())).toBe(key)
  })

  it('and is gone for a day is not served any more (R-085)', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    await issuers.find(query())
    await ps.origin.close()
    town.now += 24 * 60 * minute
    expect(issuers.peek(query())).toBeUndefined()
    expect(await issuers.find(query())).toEqual(code('issuer_unavailable'))
  })

  it('and hangs keeps no warm request waiting', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    const key = await issuers.find(query())
    ps.origin.behave = () => {}
    town.now += 9 * minute
    for (let i = 0; i < 1000; i++) expect(issuers.peek(query())).toBe(key)
    await expect.poll(() => ps.fetched('/.well-known/')).toBe(2)
    town.now += 60 * minute
    expect(issuers.peek(query())).toBe(key)
    await idle(issuers)
    expect(issuers.peek(query())).toBe(key)
  })

  it('and rotates is followed: with overlap at once, without within a minute', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    const withdrawn: string[] = []
    issuers.onWithdrawn((of) => withdrawn.push(of))
    const [first, second, third] = [ps.keys[0] as object, publicJwk('k2'), publicJwk('k3')]
    await issuers.find(query('k1'))
    ps.keys = [first, second]
    town.now += minute
    expect(await issuers.find(query('k2'))).toHaveProperty('jkt')
    expect(withdrawn).toEqual([])
    ps.keys = [third]
    expect(await issuers.find(query('k3'))).toEqual(code('unknown_key'))
    town.now += minute
    expect(await issuers.find(query('k3'))).toHaveProperty('jkt')
    expect(await issuers.find(query('k1'))).toEqual(code('unknown_key'))
    expect(withdrawn).toEqual([issuer])
    expect(ps.fetched('/jwks')).toBe(3)
  })

  it('and puts another key under the same kid is followed as well', async () => {
    const ps = await town.issuer()
    const { issuers } = town.resourceServer()
    const old = await issuers.find(query())
    if (!('jkt' in old)) throw new Error('no key')
    ps.keys = [publicJwk('k1')]
    expect(await issuers.refind(query(), old)).toBeUndefined()
    town.now += minute
    const fresh = await issuers.refind(query(), old)
    expect(fresh).toHaveProperty('jkt')
    expect(fresh).not.toHaveProperty('jkt', old.jkt)
    expect(await issuers.refind(query(), old)).toBe(fresh)
    expect(ps.fetched('/jwks')).toBe(2)
  })
})

/** Waits until no discovery is under way. */
async function idle(issuers: ResourceServer['issuers']): Promise<void> {
  await expect.poll(() => issuers.inspect(0).discoveries.running).toBe(0)
}
