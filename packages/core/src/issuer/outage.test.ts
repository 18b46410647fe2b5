import { describe, expect, it } from 'vitest'
import { FakeTown, publicJwk } from '../testing/fake-town.js'

const host = 'ps.example'
const down = (): Response => new Response(null, { status: 503 })

describe('an issuer that is down for an hour', () => {
  it('is asked ever less often while its keys go on serving (R-084, K-147, HC-67, HC-77)', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')], { 'cache-control': 'max-age=60' })
    const key = await town.verified(host)
    town.behave(host, down)
    for (let second = 0; second < 3600; second += 15) {
      town.pass(15)
      expect(town.keys.peek(town.query(host))).toBe(key)
      await town.sweep()
    }
    // 60 s, then pauses of 63, 126, 252 and 315 s from there on.
    const attempts = town.count(host, '/.well-known/') - 1
    expect(attempts).toBeGreaterThanOrEqual(12)
    expect(attempts).toBeLessThanOrEqual(14)
    expect(town.withdrawn).toEqual([])
    town.publish(host, [publicJwk('k1')])
    town.pass(330)
    await town.sweep()
    expect(town.withdrawn).toHaveLength(1)
    expect(town.keys.peek(town.query(host))).not.toBe(key)
  })

  it('answers 503 with the time of the next attempt where nothing is held', async () => {
    const town = new FakeTown()
    town.behave(host, down)
    const answers = []
    for (let second = 0; second < 3600; second++) {
      answers.push(await town.find(host))
      town.pass(1)
    }
    expect(answers[0]).toMatchObject({ code: 'issuer_unavailable', details: { retryAfter: 63 } })
    expect(answers[62]).toMatchObject({ code: 'issuer_unavailable', details: { retryAfter: 1 } })
    expect(answers[63]).toMatchObject({ code: 'issuer_unavailable', details: { retryAfter: 126 } })
    expect(town.count(host)).toBeLessThanOrEqual(14)
    expect(town.keys.inspect().counts.answers.issuer_unavailable).toBe(3600)
  })

  it('is found again after a pause', async () => {
    const town = new FakeTown()
    town.behave(host, down)
    await town.find(host)
    town.publish(host, [publicJwk('k1')])
    expect(await town.find(host)).toMatchObject({ code: 'issuer_unavailable' })
    town.pass(63)
    expect(await town.find(host)).toHaveProperty('jkt')
  })

  it('is left alone for as long as it asks, within bounds', async () => {
    const town = new FakeTown()
    town.behave(host, () => new Response(null, { status: 429, headers: { 'retry-after': '200' } }))
    expect(await town.find(host)).toMatchObject({ details: { retryAfter: 200 } })
    town.behave(
      'other.example',
      () => new Response(null, { status: 503, headers: { 'retry-after': '86400' } }),
    )
    expect(await town.find('other.example')).toMatchObject({ details: { retryAfter: 300 } })
  })

  it('does not take its other keys down with an unknown kid', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    town.behave(host, down)
    town.pass(60)
    expect(await town.find(host, 'k2')).toMatchObject({ code: 'issuer_unavailable' })
    expect(await town.find(host)).toHaveProperty('jkt')
  })

  it('is served from its keys where only the metadata is out of reach', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    town.behave(host, (url) => (url.endsWith('/jwks') ? Response.json({ keys: [publicJwk('k2')] }) : down()))
    town.pass(60)
    expect(await town.find(host, 'k2')).toHaveProperty('jkt')
  })
})

describe('an issuer that hangs', () => {
  it('keeps no request of a warm issuer waiting', async () => {
    const town = new FakeTown({ limits: { timeout: 20, patience: 5 } })
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.behave(host, () => new Promise(() => {}))
    for (let second = 0; second < 3600; second += 30) {
      expect(town.keys.peek(town.query(host))).toBe(key)
      town.pass(30)
    }
    await town.settle()
    expect(town.keys.inspect().issuers[0]).toMatchObject({ outcome: 'unavailable', stale: true })
  })

  it('keeps a request with an old key waiting only for a moment', async () => {
    const town = new FakeTown({ limits: { timeout: 5000, patience: 5 } })
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.behave(host, () => new Promise(() => {}))
    town.pass(2 * 3600)
    expect(town.keys.peek(town.query(host))).toBeUndefined()
    expect(await town.find(host)).toBe(key)
    town.pass(1)
    expect(town.keys.peek(town.query(host))).toBe(key)
    expect(town.keys.inspect().counts.answers.stale).toBe(2)
    town.keys.close()
    await town.settle()
  })

  it('is given up, and everyone who waited is told', async () => {
    const town = new FakeTown({ limits: { timeout: 20 } })
    town.behave(host, () => new Promise(() => {}))
    const answers = await Promise.all(Array.from({ length: 100 }, () => town.find(host)))
    expect(answers.every((answer) => 'code' in answer && answer.code === 'issuer_unavailable')).toBe(true)
    expect(town.count(host)).toBe(1)
    expect(await town.find(host)).toMatchObject({ code: 'issuer_unavailable' })
    expect(town.count(host)).toBe(1)
  })

  it('lets a request go while the discovery goes on', async () => {
    const town = new FakeTown({ limits: { wait: 5, timeout: 5000 } })
    let answer: (response: Response) => void = () => {}
    town.behave(host, (url) =>
      url.endsWith('/jwks')
        ? Response.json({ keys: [publicJwk('k1')] })
        : new Promise((resolve) => {
            answer = resolve
          }),
    )
    expect(await town.find(host)).toMatchObject({ code: 'issuer_unavailable', details: { retryAfter: 5 } })
    answer(Response.json({ issuer: `https://${host}`, jwks_uri: `https://${host}/jwks` }))
    await town.settle()
    expect(town.keys.peek(town.query(host))).toHaveProperty('jkt')
  })
})
