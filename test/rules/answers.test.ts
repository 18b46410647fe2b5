import { createLocalJWKSet, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RawResponse, World, without } from '../hostile/harness.js'
import { adapters, resource } from '../target/start.js'

const tokenOf = (response: RawResponse): string =>
  /^requirement=auth-token;resource-token="([^"]+)"$/.exec(
    response.headers.get('aauth-requirement')?.[0] ?? '',
  )?.[1] ?? ''

describe.each(adapters)('what answers look like [adapter %s]', (adapter) => {
  let world: World
  beforeEach(async () => {
    world = await World.open(adapter)
  })
  afterEach(() => world.close())
  const get = async (target: string, token: string) => world.send(await world.compose({ target, token }))
  const unsigned = (target: string) =>
    world.send({ method: 'GET', target, headers: [['Host', 'rs.example']] })

  it('verifies as a resource token under the published keys (R-185, R-186, R-076, R-004)', async () => {
    const challenge = await get('/data', await world.person())
    const metadata = JSON.parse((await unsigned('/.well-known/aauth-resource.json')).body)
    const jwks = JSON.parse((await unsigned(new URL(metadata.jwks_uri).pathname)).body)
    const { payload, protectedHeader } = await jwtVerify(tokenOf(challenge), createLocalJWKSet(jwks), {
      typ: 'aa-resource+jwt',
      issuer: resource,
      audience: 'https://ps.example',
      currentDate: new Date(world.now * 1000),
      requiredClaims: ['dwk', 'jti', 'iat', 'exp', 'ps', 'sub', 'presented_jti', 'agent_jkt', 'scope'],
    })
    expect(protectedHeader).toEqual({ typ: 'aa-resource+jwt', alg: 'Ed25519', kid: jwks.keys[0].kid })
    expect(payload['dwk']).toBe('aauth-resource.json')
  })

  it('mints a new resource token each time: there is nothing to refresh (R-202, R-186)', async () => {
    const token = await world.person()
    const jtis = new Set<unknown>()
    for (let i = 0; i < 3; i++) {
      const [, payload = ''] = tokenOf(await get('/data', token)).split('.')
      jtis.add(JSON.parse(Buffer.from(payload, 'base64url').toString()).jti)
    }
    expect(jtis.size).toBe(3)
  })

  it('asks in its own fields, and leaves WWW-Authenticate and links to the application (R-151, R-172, R-020, R-170, K-120)', async () => {
    const challenge = await unsigned('/agent')
    expect(challenge.headers.get('aauth-requirement')).toEqual(['requirement=agent-token'])
    expect(challenge.headers.get('accept-signature-scheme')).toEqual(['jwt'])
    expect(challenge.headers.has('www-authenticate')).toBe(false)
    expect(challenge.headers.has('link')).toBe(false)
  })

  it('asks with 401, or with 202 where the call is held (R-149)', async () => {
    expect((await get('/data', await world.person())).status).toBe(401)
    const held = await world.send(
      await world.compose({ method: 'POST', target: '/held', token: await world.person() }),
    )
    expect([held.status, tokenOf(held) !== '']).toEqual([202, true])
  })

  it('says the code in the field and explains it in the body (R-301, R-302, R-303, R-066, K-130, K-131, K-132, K-135, KN-141)', async () => {
    const answer = await world.send(without(await world.compose(), 'signature'))
    expect(answer.headers.get('signature-error')).toEqual(['error=invalid_signature'])
    expect(answer.headers.get('content-type')).toEqual(['application/problem+json'])
    expect(answer.headers.get('cache-control')).toEqual(['no-store'])
    expect(Date.parse(answer.headers.get('date')?.[0] ?? '')).toBeGreaterThan(0)
    expect(JSON.parse(answer.body)).toEqual({
      type: 'urn:ietf:params:sig-error:invalid_signature',
      title: expect.any(String),
      status: 401,
      error: 'invalid_signature',
      detail: expect.any(String),
      help: expect.stringMatching(/^https:.*#invalid_signature$/),
    })
  })

  it('has no code of its own for the token in Signature-Key (R-304, R-059, K-087)', async () => {
    for (const claims of [{ aud: 'https://other.example' }, { ps: 7 }, { sub: undefined }]) {
      const answer = await get('/data', await world.grant({ claims }))
      expect([answer.status, JSON.parse(answer.body).error]).toEqual([401, 'invalid_jwt'])
    }
  })

  it('enforces every request when it comes (R-171, R-329, K-146)', async () => {
    const token = await world.grant({ claims: { exp: world.now + 30, jti: 'short' } })
    expect((await get('/data', token)).status).toBe(200)
    world.advance(30)
    expect((await get('/data', token)).headers.get('signature-error')).toEqual(['error=expired_jwt'])
    const other = await world.grant({ claims: { jti: 'other' } })
    expect((await get('/data', other)).status).toBe(200)
    await world.target.aauth.revocations.record({
      iss: 'https://ps.example',
      jti: 'other',
      exp: world.now + 60,
    })
    expect((await get('/data', other)).headers.get('signature-error')).toEqual(['error=revoked_jwt'])
  })

  it('takes no token as a bearer credential, wherever it stands (R-329)', async () => {
    const token = await world.grant()
    for (const headers of [
      [['Authorization', `Bearer ${token}`]],
      [['Authorization', `AAuth ${token}`]],
      [['Signature-Key', `sig=jwt;jwt="${token}"`]],
    ] as const) {
      const answer = await world.send({
        method: 'GET',
        target: '/data',
        headers: [['Host', 'rs.example'], ...headers],
      })
      expect(answer.status).toBe(401)
    }
  })

  it('shares its origin with whatever else is there (R-164)', async () => {
    expect((await unsigned('/.well-known/aauth-access.json')).status).toBe(404)
    expect((await unsigned('/.well-known/aauth-person.json')).status).toBe(404)
  })
})
