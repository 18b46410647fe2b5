import { sign as cryptoSign, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Caller, Grant } from '../caller.js'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import { contentDigest } from '../http/content-digest.js'
import { testContext } from '../testing/context.js'
import { agentKey, fakeIssuers, issuerKey, newKey, now, signed, token } from '../testing/party.js'
import { type AuthenticationContext, authenticate } from './authenticate.js'

const clock = (): number => now * 1000
const context = (overrides: Partial<AuthenticationContext> = {}): AuthenticationContext => {
  const issuers = overrides.issuers ?? fakeIssuers()
  return { ...testContext(issuers, clock), ...overrides }
}
const outcome = async (jwt: string, overrides: Partial<AuthenticationContext> = {}): Promise<string> => {
  const result = await authenticate(await signed(jwt), context(overrides))
  return result instanceof Refusal ? result.code : (result as Caller).kind
}

describe('who is calling', () => {
  it('knows an agent, a person and a grant by the token', async () => {
    expect(await authenticate(await signed(await token('aa-agent+jwt')), context())).toEqual({
      kind: 'agent',
      agent: 'aauth:sam@ap.example',
      provider: 'https://ap.example',
      ps: 'https://ps.example',
      jkt: agentKey.jkt,
      token: { iss: 'https://ap.example', jti: 'token-1', iat: now - 10, exp: now + 600 },
    })
    const person = (await authenticate(await signed(await token('aa-person+jwt')), context())) as Caller
    expect(person).toMatchObject({ kind: 'person', person: { ps: 'https://ps.example', sub: 'mom-at-rs' } })
    const grant = (await authenticate(
      await signed(await token('aa-auth+jwt', { tenant: 'school' })),
      context(),
    )) as Caller
    expect(grant).toMatchObject({ kind: 'grant', scope: ['data.read'], tenant: 'school' })
    expect(Object.isFrozen(grant) && Object.isFrozen((grant as { claims: object }).claims)).toBe(true)
  })

  it('keeps one list of scopes for all tokens with the same', async () => {
    const [one, two] = await Promise.all(
      ['token-1', 'token-2'].map(async (jti) =>
        authenticate(
          await signed(await token('aa-auth+jwt', { jti, scope: ' data.read  data.write ' })),
          context(),
        ),
      ),
    )
    const { scope } = one as Grant
    expect(scope).toEqual(['data.read', 'data.write'])
    expect(Object.isFrozen(scope)).toBe(true)
    expect((two as Grant).scope).toBe(scope)
    expect((two as Grant).token.jti).toBe('token-2')
  })

  it('takes an agent that signs with ES256', async () => {
    const key = newKey('ES256')
    const { kid: _, ...jwk } = key.publicJwk
    const request = await signed(await token('aa-agent+jwt', { cnf: { jwk } }), { key })
    expect(await authenticate(request, context())).toMatchObject({ kind: 'agent', jkt: key.jkt })
  })

  it('accepts only its access server’s grants where it has one (G-01)', async () => {
    const accessServer = 'https://as.example'
    const four = { token: { ...context().token, accessServer } }
    const fromAccessServer = { iss: accessServer, dwk: 'aauth-access.json' }
    expect(await outcome(await token('aa-auth+jwt', fromAccessServer), four)).toBe('grant')
    expect(await outcome(await token('aa-auth+jwt', fromAccessServer))).toBe('invalid_jwt')
    expect(await outcome(await token('aa-auth+jwt'), four)).toBe('invalid_jwt')
    const other = { ...fromAccessServer, iss: 'https://other.example' }
    expect(await outcome(await token('aa-auth+jwt', other), four)).toBe('invalid_jwt')
  })
})

describe('the error map of 11.3.4', () => {
  const withKey = (jwk: object): object => ({ cnf: { jwk } })
  const { kid: _, ...jwk } = agentKey.publicJwk

  it.each([
    ['expired_jwt', { exp: now }],
    ['clock_skew', { iat: now + 61 }],
    ['invalid_key', withKey({ ...jwk, x: 'AAAA' })],
    ['invalid_key', withKey({ ...jwk, d: 'AAAA' })],
    ['unsupported_algorithm', withKey({ ...jwk, alg: undefined })],
    ['unsupported_algorithm', withKey({ ...jwk, alg: 'EdDSA' })],
    ['invalid_jwt', withKey({ ...jwk, x: undefined })],
    ['invalid_jwt', { cnf: undefined }],
    ['invalid_jwt', { aud: 'https://other.example' }],
    ['invalid_jwt', { aud: ['https://other.example'] }],
    ['invalid_jwt', { aud: ['https://rs.example', 'https://other.example'] }],
    ['invalid_jwt', { dwk: 'aauth-agent.json' }],
    ['invalid_jwt', { iss: 'https://ps.example/' }],
    ['invalid_jwt', { ps: 'https://other.example' }],
    ['invalid_jwt', { ps: undefined }],
    ['invalid_jwt', { sub: undefined }],
    ['invalid_jwt', { jti: undefined }],
    ['invalid_jwt', { iat: undefined }],
    ['invalid_jwt', { exp: undefined }],
    ['invalid_jwt', { exp: now + 3591 }],
    ['invalid_jwt', { iat: now + 30, exp: now + 20 }],
    ['invalid_jwt', { nbf: now + 61 }],
  ])('%s: an auth token with %o', async (code, changes) => {
    const issuers = fakeIssuers()
    expect(await outcome(await token('aa-auth+jwt', changes), { issuers })).toBe(code)
    expect(issuers.fetches).toEqual([])
  })

  it.each([
    [{ sub: 'aauth:sam@other.example' }],
    [{ sub: 'aauth:@ap.example' }],
    [{ ps: 'http://ps.example' }],
    [{ parent_agent: 'sam' }],
    [{ exp: now + 86_400 }],
  ])('invalid_jwt: an agent token with %o', async (changes) => {
    expect(await outcome(await token('aa-agent+jwt', changes))).toBe('invalid_jwt')
  })

  it.each([[{ scope: 'data.read' }], [{ account: 'a' }], [{ dwk: 'aauth-access.json' }]])(
    'invalid_jwt: a person token with %o',
    async (changes) => {
      expect(await outcome(await token('aa-person+jwt', changes))).toBe('invalid_jwt')
    },
  )

  it('unknown_key, invalid_jwt and the issuer’s own failures come from its keys', async () => {
    expect(await outcome(await token('aa-person+jwt', {}, newKey('Ed25519', 'other')))).toBe('unknown_key')
    expect(await outcome(await token('aa-person+jwt', {}, newKey('Ed25519', 'issuer-1')))).toBe('invalid_jwt')
    for (const code of [
      'issuer_missing',
      'issuer_mismatch',
      'issuer_unavailable',
      'access_denied',
    ] as const) {
      const issuers = fakeIssuers({ find: async () => new Refusal(code) })
      expect(await outcome(await token('aa-person+jwt'), { issuers })).toBe(code)
    }
  })

  it('revoked_jwt sends the bearer of a grant back for a person token', async () => {
    const revocations = context().revocations
    await revocations.record({ iss: 'https://ps.example', jti: 'token-1', exp: now + 600 })
    const person = await authenticate(await signed(await token('aa-person+jwt')), context({ revocations }))
    expect(person).toMatchObject({ code: 'revoked_jwt', details: {} })
    const grant = await authenticate(await signed(await token('aa-auth+jwt')), context({ revocations }))
    expect(grant).toMatchObject({ code: 'revoked_jwt', details: { requirement: 'person-token' } })
    expect(await outcome(await token('aa-agent+jwt'), { revocations })).toBe('agent')
  })
})

describe('the order of checks', () => {
  it('contacts no issuer before the request’s own signature has verified', async () => {
    const issuers = fakeIssuers()
    const request = await signed(await token('aa-agent+jwt'), { key: newKey() })
    expect(await authenticate(request, context({ issuers }))).toMatchObject({ code: 'invalid_signature' })
    expect(issuers.fetches).toEqual([])
  })

  it('judges a forged token first where the issuer’s key is at hand, and reports it first', async () => {
    const issuers = fakeIssuers({ peek: () => importPublicJwk(issuerKey.publicJwk) as VerificationKey })
    const forged = await token('aa-agent+jwt', {}, newKey('Ed25519', 'issuer-1'))
    const request = await signed(forged, { key: newKey() })
    expect(await authenticate(request, context({ issuers }))).toMatchObject({ code: 'invalid_jwt' })
    const stolen = await signed(await token('aa-agent+jwt'), { key: newKey() })
    expect(await authenticate(stolen, context({ issuers }))).toMatchObject({ code: 'invalid_signature' })
  })

  it('asks once for a new key under the same kid (R-086)', async () => {
    const stale = importPublicJwk(newKey().publicJwk) as VerificationKey
    const fresh = importPublicJwk(issuerKey.publicJwk) as VerificationKey
    const issuers = fakeIssuers({ peek: () => stale, refind: async () => fresh })
    expect(await outcome(await token('aa-agent+jwt'), { issuers })).toBe('agent')
  })
})

describe('an agent whose algorithm is not accepted', () => {
  it('is told so, although its signature is longer than any that is [R-060]', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const jwt = await token('aa-agent+jwt', {
      cnf: { jwk: { ...publicKey.export({ format: 'jwk' }), alg: 'ES384' } },
    })
    const sign = (data: Uint8Array): Uint8Array =>
      cryptoSign('sha384', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const result = await authenticate(await signed(jwt, { key: { sign } }), context())
    expect((result as Refusal).code).toBe('unsupported_algorithm')
  })
})

describe('content that is covered', () => {
  const content = Buffer.from('{"loaves":2}')
  const post = (digest: string, body?: Buffer) => ({
    method: 'POST',
    target: '/data',
    rawHeaders: ['Host', 'rs.example', 'Content-Length', '12', 'Content-Digest', digest],
    ...(body === undefined
      ? {}
      : {
          body: async (limit: number) =>
            body.length > limit ? ('too-large' as const) : new Uint8Array(body),
        }),
  })
  const components = ['@method', '@authority', '@path', 'signature-key', 'content-digest']

  it.each([
    ['agent', contentDigest(content), content],
    ['invalid_signature', contentDigest(content), Buffer.from('{"loaves":3}')],
    ['invalid_signature', contentDigest(content), undefined],
    ['invalid_signature', 'md5=:AAAA:', content],
    ['content_too_large', contentDigest(content), Buffer.alloc(1025)],
  ])('%s', async (expected, digest, body) => {
    const request = await signed(await token('aa-agent+jwt'), { components }, post(digest, body))
    const result = await authenticate(request, context())
    expect(result instanceof Refusal ? result.code : (result as Caller).kind).toBe(expected)
  })
})
