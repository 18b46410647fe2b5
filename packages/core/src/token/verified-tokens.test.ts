import { describe, expect, it } from 'vitest'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { defaultLimits, fixedLimits } from '../limits.js'
import { fakeIssuers, issuerKey, now, token } from '../testing/party.js'
import { type ReadToken, readToken } from './read.js'
import { VerifiedTokens } from './verified-tokens.js'

const key = importPublicJwk(issuerKey.publicJwk) as VerificationKey
const policy = {
  resource: 'https://rs.example',
  accessServer: undefined,
  window: 60,
  maxAgentTokenLifetime: 86_400,
  maxTokenLength: defaultLimits.token,
  maxTokenMembers: defaultLimits.tokenMembers,
}

const grant = async (claims: object): Promise<ReadToken> =>
  readToken(await token('aa-auth+jwt', claims), policy, now) as ReadToken

describe('the remembered tokens', () => {
  it('are those that weigh little, whatever the length of their text', async () => {
    const tokens = new VerifiedTokens(100, fakeIssuers())
    const remembers = async (claims: object): Promise<boolean> => {
      const read = await grant(claims)
      expect(read).toHaveProperty('claims')
      const digest = `${Math.random()}`
      tokens.add(digest, tokens.verified(read, key, now))
      return tokens.get(digest, now) !== undefined
    }
    expect(await remembers({ email: 'a@example.org', groups: ['a', 'b'] })).toBe(true)
    expect(await remembers({ groups: Array.from({ length: 200 }, (_, i) => `group-${i}`) })).toBe(true)
    // 690 characters of text, a third of the one before.
    expect(await remembers({ small: new Array(230).fill({}) })).toBe(false)
    expect(await remembers({ small: Object.fromEntries(manyNames(120)) })).toBe(false)
    expect(await remembers({ small: new Array(150).fill([[]]) })).toBe(false)
    // The names of a scope take more than its text.
    expect(await remembers({ scope: 'ab '.repeat(2000) })).toBe(false)
    expect(await remembers({ sub: 'x'.repeat(8000) })).toBe(true)
    expect(await remembers({ sub: `€${'x'.repeat(8000)}` })).toBe(false)
  })

  it('take a bounded number of bytes together, those of one issuer and those of many', async () => {
    const tokens = new VerifiedTokens(50, fakeIssuers())
    for (let i = 0; i < 200; i++) {
      const ps = `https://ps${i % 20}.example`
      const read = await grant({ iss: ps, ps, jti: `t${i}`, small: new Array(100).fill({}) })
      tokens.add(`${i}`, tokens.verified(read, key, now))
      expect(tokens.weight).toBeLessThanOrEqual(50 * 4096)
    }
    expect(tokens.size).toBeGreaterThan(10)
    expect(tokens.size).toBeLessThan(50)
  })

  it('are as many as were asked for, where they are usual', async () => {
    const tokens = new VerifiedTokens(100, fakeIssuers())
    const person = {
      name: 'Sam Doe',
      email: 'sam@example.org',
      email_verified: true,
      tenant: '0f8fad5b-d9cb-469f-a165-70867728950e',
      groups: ['family', 'kitchen', 'finance'],
      locale: 'en',
      mission_s256: 'x'.repeat(43),
      scope: 'openid profile email data.read data.write',
      sub: '0f8fad5b-d9cb-469f-a165-70867728950e',
    }
    for (let i = 0; i < 150; i++) {
      const read = await grant({ ...person, jti: `0f8fad5b-d9cb-469f-a165-7086772${i}` })
      tokens.add(`${i}`, tokens.verified(read, key, now))
    }
    expect(tokens.size).toBe(100)
    expect(tokens.weight / 100).toBeGreaterThan(2000)
  })

  it('are shared by what issuers cost: those of one domain, however many, push out none of another', async () => {
    let withdraw: (issuer: string, dwk: string) => void = () => {}
    const tokens = new VerifiedTokens(
      40,
      fakeIssuers({
        onWithdrawn: (listener) => {
          withdraw = listener
        },
      }),
    )
    const add = async (ps: string, jti: string): Promise<void> =>
      tokens.add(jti, tokens.verified(await grant({ iss: ps, ps, jti }), key, now))
    for (let i = 0; i < 10; i++) await add('https://ps.example', `honest ${i}`)
    for (let i = 0; i < 100; i++) await add(`https://i${i}.evil.example`, `made up ${i}`)
    const held = Array.from({ length: 10 }, (_, i) => tokens.get(`honest ${i}`, now))
    expect(held).not.toContain(undefined)
    withdraw('https://i99.evil.example', 'aauth-person.json')
    expect(tokens.get('made up 99', now)).toBe(undefined)
    expect(tokens.get('made up 98', now)).not.toBe(undefined)
  })

  it('keep nothing of a token but what its caller is', async () => {
    const tokens = new VerifiedTokens(1, fakeIssuers())
    const agent = readToken(await token('aa-agent+jwt', { mission: { a: [{}] } }), policy, now) as ReadToken
    expect(JSON.stringify(tokens.verified(agent, key, now))).not.toContain('mission')
    const { caller } = tokens.verified(await grant({ email: 'a@example.org' }), key, now)
    expect(caller).toMatchObject({ claims: { email: 'a@example.org' } })
    expect(caller).not.toHaveProperty('claims.cnf')
  })

  it('are not of tokens with more members than a token may have, which are refused', async () => {
    const many = { small: new Array(defaultLimits.tokenMembers).fill(0) }
    expect(await grant(many)).toMatchObject({ code: 'invalid_jwt' })
    expect(await grant({ small: Object.fromEntries(manyNames(fixedLimits.jsonMembers + 1)) })).toMatchObject({
      code: 'invalid_jwt',
    })
  })
})

const manyNames = (count: number): [string, number][] =>
  Array.from({ length: count }, (_, i) => [`name${i}`, i])
