import { describe, expect, it } from 'vitest'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'

const host = 'ps.example'
const issuer = `https://${host}`

describe('forgetting an issuer', () => {
  it('drops all its documents at once and fetches anew at the next token', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const [old] = [await town.verified(host), await town.verified(host, 'k1', 'aauth-agent.json')]
    town.publish(host, [publicJwk('k1')])
    town.keys.forget(issuer)
    expect(town.withdrawn).toEqual([`${issuer} ${person}`, `${issuer} aauth-agent.json`])
    expect(town.keys.peek(town.query(host))).toBeUndefined()
    expect(town.keys.inspect()).toMatchObject({ admitted: 0, newcomers: 0 })
    expect((await town.verified(host)).jkt).not.toBe(old.jkt)
  })

  it('ends a discovery under way, so that it brings nothing back', async () => {
    const town = new FakeTown()
    let answer: (response: Response) => void = () => {}
    town.behave(host, () => new Promise((resolve) => (answer = resolve)))
    const asked = town.find(host)
    const document = town.keys.metadata(issuer, person)
    await new Promise((resolve) => setImmediate(resolve))
    town.keys.forget(issuer)
    answer(Response.json({ issuer, jwks_uri: `${issuer}/jwks` }))
    expect(await asked).toMatchObject({ code: 'issuer_unavailable' })
    expect(await document).toMatchObject({ code: 'issuer_unavailable' })
    expect(town.keys.inspect().newcomers).toBe(0)
    expect(town.fetches.length).toBe(1)
  })

  it('holds for those who were just about to be served', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    town.events.push = (event) => {
      if (event?.name === 'issuer-discovered') town.keys.forget(issuer)
      return 0
    }
    expect(await town.find(host)).toMatchObject({ code: 'issuer_unavailable' })
    expect(await town.keys.metadata(issuer, person)).toMatchObject({ code: 'issuer_unavailable' })
    expect(town.keys.inspect()).toMatchObject({ admitted: 0, newcomers: 0 })
  })

  it('is not undone by a refresh that was already due', async () => {
    const hosts = ['a.example', 'b.example', 'c.example']
    const town = new FakeTown({ limits: { concurrency: 1 } })
    for (const one of hosts) town.publish(one, [publicJwk('k1')])
    for (const one of hosts) await town.verified(one)
    town.pass(500)
    const swept = town.sweep()
    for (const one of hosts) town.keys.forget(`https://${one}`)
    await swept
    expect(town.keys.inspect()).toMatchObject({ admitted: 0, newcomers: 0 })
    expect(town.withdrawn).toHaveLength(3)
    const again = await Promise.all(hosts.map((one) => town.find(one)))
    expect(again.every((key) => 'jkt' in key)).toBe(true)
  })

  it('leaves pinned keys, but not what rests on them', () => {
    const town = new FakeTown({ pinned: [{ issuer, dwk: person, jwks: { keys: [publicJwk('k1')] } }] })
    town.keys.forget(issuer)
    expect(town.withdrawn).toEqual([`${issuer} ${person}`])
    expect(town.keys.peek(town.query(host))).toHaveProperty('jkt')
  })

  it('does nothing for an issuer that is not held', () => {
    const town = new FakeTown()
    town.keys.forget('https://nobody.example')
    expect(town.withdrawn).toEqual([])
  })
})

describe('prewarming', () => {
  const prewarm = Array.from({ length: 100 }, (_, i) => ({ issuer: `https://ps${i}.example`, dwk: person }))

  it('fetches what is listed, tells when it has tried, and keeps it fresh unused', async () => {
    const town = new FakeTown({ prewarm })
    for (const { issuer: one } of prewarm) town.publish(one.slice(8), [publicJwk('k1')])
    await town.keys.warm()
    expect(town.fetches.length).toBe(200)
    expect(town.keys.peek(town.query('ps99.example'))).toHaveProperty('jkt')
    for (let hour = 0; hour < 3; hour++) {
      town.pass(500)
      await town.sweep()
    }
    expect(town.count('ps99.example', '/jwks')).toBe(4)
    town.keys.close()
  })

  it('comes back to an issuer that was down at start', async () => {
    const town = new FakeTown({ prewarm: [{ issuer, dwk: person }] })
    await town.keys.warm()
    expect(town.keys.inspect().issuers).toMatchObject([
      { issuer, outcome: 'unavailable', reason: 'ENOTFOUND', keys: 0 },
    ])
    town.publish(host, [publicJwk('k1')])
    town.pass(63)
    await town.sweep()
    expect(town.keys.peek(town.query(host))).toHaveProperty('jkt')
  })

  it('does not override the policy', async () => {
    const town = new FakeTown({ prewarm: [{ issuer, dwk: person }], deny: [issuer] })
    await town.keys.warm()
    town.pass(63)
    await town.sweep()
    expect(town.fetches).toEqual([])
  })
})

describe('closing', () => {
  it('ends discoveries and begins no new ones, and serves what it has', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1')])
    const key = await town.verified(host)
    town.behave('slow.example', () => new Promise(() => {}))
    const slow = town.find('slow.example')
    await new Promise((resolve) => setImmediate(resolve))
    town.keys.close()
    expect(await slow).toMatchObject({ code: 'issuer_unavailable' })
    expect(town.keys.peek(town.query(host))).toBe(key)
    expect(await town.find('other.example')).toMatchObject({ code: 'issuer_unavailable' })
    expect(town.count('other.example')).toBe(0)
    await town.keys.warm()
    expect(town.isSweeping).toBe(false)
  })
})

describe('what the operator sees', () => {
  it('is each issuer’s state', async () => {
    const town = new FakeTown()
    town.publish(host, [publicJwk('k1'), publicJwk('k2')])
    await town.verified(host)
    town.pass(30)
    await town.find('down.example')
    expect(town.keys.inspect()).toMatchObject({
      admitted: 1,
      newcomers: 1,
      counts: {
        fetches: { metadata: 2, jwks: 1 },
        discoveries: { ok: 1, unavailable: 1 },
        answers: { issuer_unavailable: 1 },
      },
      issuers: [
        {
          issuer,
          dwk: person,
          admitted: true,
          keys: 2,
          outcome: 'ok',
          age: 30,
          stale: false,
          failures: 0,
          nextAttempt: 30,
        },
        {
          issuer: 'https://down.example',
          admitted: false,
          keys: 0,
          outcome: 'unavailable',
          failures: 1,
          sinceAttempt: 0,
        },
      ],
    })
    expect(town.keys.inspect(1).issuers).toHaveLength(1)
  })

  it('survives listeners that throw', async () => {
    const town = new FakeTown()
    town.events.push = () => {
      throw new Error('log full')
    }
    town.keys.onWithdrawn(() => {
      throw new Error('cache broken')
    })
    town.publish(host, [publicJwk('k1')])
    await town.verified(host)
    town.publish(host, [publicJwk('k1')])
    town.pass(500)
    await town.sweep()
    expect(town.withdrawn).toEqual([`${issuer} ${person}`])
    expect(await town.find(host)).toHaveProperty('jkt')
  })
})
