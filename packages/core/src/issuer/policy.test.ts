import { describe, expect, it } from 'vitest'
import { KeyFault } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import { FakeTown, person, publicJwk } from '../testing/fake-town.js'

const host = 'ps.example'
const issuer = `https://${host}`

describe('the operator’s policy', () => {
  it.each<[string, ConstructorParameters<typeof FakeTown>[0]]>([
    ['a deny-list', { deny: [issuer] }],
    ['an allow-list without it', { allow: ['https://other.example', `${issuer}.evil.example`] }],
    ['an empty allow-list', { allow: [] }],
    ['a function', { admit: () => false }],
    [
      'a function that throws',
      {
        admit: () => {
          throw new Error('oh')
        },
      },
    ],
    ['a function that promises', { admit: (() => Promise.resolve(true)) as unknown as () => boolean }],
    ['a deny-list beside an allow-list', { allow: [issuer], deny: [issuer] }],
    ['a function beside an allow-list', { allow: [issuer], admit: () => false }],
  ])('refuses by %s before any fetch', async (_what, options) => {
    const town = new FakeTown(options)
    town.publish(host, [publicJwk('k1')])
    expect(town.keys.refused(issuer, person)).toMatchObject({ code: 'access_denied' })
    expect(await town.find(host)).toMatchObject({ code: 'access_denied' })
    expect(await town.keys.metadata(issuer, person)).toMatchObject({ code: 'access_denied' })
    expect(town.fetches).toEqual([])
    expect(town.keys.inspect().counts.answers.denied).toBe(3)
  })

  it('is asked about the document as well as the issuer', async () => {
    const asked: unknown[] = []
    const town = new FakeTown({ admit: (one) => asked.push(one) > 0 && one.dwk === person })
    town.publish(host, [publicJwk('k1')])
    expect(town.keys.refused(issuer, person)).toBeUndefined()
    expect(town.keys.refused(issuer, 'aauth-access.json')).toBeInstanceOf(Refusal)
    expect(asked).toEqual([
      { id: issuer, dwk: person },
      { id: issuer, dwk: 'aauth-access.json' },
    ])
  })

  it('tells the log of a function that fails, and the caller nothing', () => {
    const town = new FakeTown({
      admit: () => {
        throw new Error('database down')
      },
    })
    const refusal = town.keys.refused(issuer, person)
    expect(refusal?.details.detail).not.toContain('database')
    expect(town.events).toEqual([
      { name: 'issuer-policy-failed', issuer, dwk: person, reason: 'database down' },
    ])
  })
})

describe('a pinned issuer', () => {
  const jwk = publicJwk('k1')
  const pinned = [{ issuer, dwk: person, jwks: { keys: [jwk, { ...jwk, kid: 'bad', alg: 'EdDSA' }] } }]

  it('is never fetched', async () => {
    const town = new FakeTown({ pinned })
    expect(town.keys.peek(town.query(host))).toHaveProperty('jkt')
    expect(await town.find(host)).toBe(town.keys.peek(town.query(host)))
    expect(await town.find(host, 'bad')).toBeInstanceOf(KeyFault)
    expect(await town.find(host, 'k2')).toMatchObject({ code: 'unknown_key' })
    expect(await town.keys.refind(town.query(host), await town.verified(host))).toBeUndefined()
    expect(await town.keys.metadata(issuer, person)).toEqual({ issuer })
    expect(town.fetches).toEqual([])
    expect(town.keys.inspect().pinned).toBe(1)
  })

  it('has the metadata it was given, under its own name', async () => {
    const metadata = { issuer: 'https://other.example', scopes_supported: ['openid'] }
    const town = new FakeTown({ pinned: [{ ...pinned[0], metadata } as never] })
    expect(await town.keys.metadata(issuer, person)).toEqual({ issuer, scopes_supported: ['openid'] })
  })

  it('is pinned for that document only', async () => {
    const town = new FakeTown({ pinned })
    town.publish(host, [publicJwk('k1')])
    expect(await town.find(host, 'k1', 'aauth-agent.json')).toHaveProperty('jkt')
    expect(town.count(host)).toBe(2)
  })

  it('is still subject to the policy', async () => {
    const town = new FakeTown({ pinned, deny: [issuer] })
    expect(await town.find(host)).toMatchObject({ code: 'access_denied' })
  })
})
