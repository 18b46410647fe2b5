import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Agent } from '../agent/agent.js'
import { createKey } from '../keys/key.js'
import type { MintOverrides } from '../keys/mint.js'
import { askToken, papersOf, type Spoilt } from '../testing/resource-tokens.js'
import { openSetting, type Setting } from '../testing/setting.js'

const personEndpoint = 'https://ps.example/person'
const tokenEndpoint = 'https://ps.example/token'
const resource = 'https://shop.example'

let setting: Setting
let sam: Agent
beforeEach(async () => {
  setting = await openSetting()
  sam = setting.sam({ tenant: 'school' })
})
afterEach(() => setting.town.close())

const now = () => Math.floor(setting.town.clock() / 1000)
const request = (body: unknown) => ({
  method: 'POST',
  url: personEndpoint,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
})

describe('the callers of a person server', () => {
  const signatureError = async (response: Response) => {
    expect(response.status).toBe(401)
    return response.headers.get('signature-error')
  }

  it('are refused unsigned', async () => {
    const unsigned = await setting.town.fetch(personEndpoint, { method: 'POST', body: '{}' })
    expect(await signatureError(unsigned)).toBe('error=invalid_signature')
  })

  it('have to cover the body', async () => {
    const components = ['@method', '@authority', '@path', 'signature-key']
    const response = await sam.request(request({ resource }), { components })
    expect(await signatureError(response)).toBe(
      'error=invalid_input, required_input=("@method" "@authority" "@path" "signature-key" "content-digest" "content-type")',
    )
  })

  it('have to send the body whose digest they signed', async () => {
    const wire = await sam.sign(request({ resource }))
    const body = Buffer.from(String(Buffer.from(wire.body ?? [])).replace('shop', 'evil'))
    expect(await signatureError(await sam.send({ ...wire, body }))).toBe('error=invalid_signature')
  })

  it('have to be on time', async () => {
    expect(await signatureError(await sam.request(request({ resource }), { created: now() - 61 }))).toBe(
      'error=invalid_signature',
    )
    expect(await signatureError(await sam.request(request({ resource }), { created: now() + 61 }))).toBe(
      'error=clock_skew',
    )
  })

  it('have to hold the key of their token', async () => {
    const response = await sam.request(request({ resource }), { key: createKey() })
    expect(await signatureError(response)).toBe('error=invalid_signature')
  })

  it.each([
    ['a person token', 'invalid_jwt', { header: { typ: 'aa-person+jwt' } }],
    ['an expired token', 'expired_jwt', { claims: { exp: 1 } }],
    ['a token for another domain', 'invalid_jwt', { claims: { sub: 'aauth:sam@other.example' } }],
    ['a token with another document', 'invalid_jwt', { claims: { dwk: 'aauth-person.json' } }],
    ['a token without cnf', 'invalid_jwt', { claims: { cnf: undefined } }],
    ['a token without jti', 'invalid_jwt', { claims: { jti: undefined } }],
    ['an unsigned token', 'invalid_jwt', { header: { alg: 'none' }, signature: () => new Uint8Array() }],
    ['a token of a stranger', 'invalid_jwt', { key: createKey('Ed25519', 'ap-1') }],
    [
      'a key without alg',
      'unsupported_algorithm',
      { claims: { cnf: { jwk: { ...createKey().cnf, alg: undefined } } } },
    ],
    ['an incomplete key', 'invalid_jwt', { claims: { cnf: { jwk: { kty: 'OKP', alg: 'Ed25519' } } } }],
    ['a key of two minds', 'invalid_key', { claims: { cnf: { jwk: { ...createKey().cnf, alg: 'ES256' } } } }],
  ])('are refused with %s: %s', async (_, code, overrides) => {
    const token = await sam.mintAgentToken(overrides)
    const response = await sam.request(request({ resource }), { token })
    expect(await signatureError(response)).toMatch(new RegExp(`^error=${code}(?:$|,)`))
  })

  it('are refused with a token their provider has revoked, and so is what was issued to them', async () => {
    const { town, shop } = setting
    const { claims } = await sam.agentToken()
    await sam.fetch('https://shop.example/bread', { method: 'POST' })
    const revoked: string[] = []
    shop.server.intercept(({ path, body }) => {
      if (path === '/revoke') revoked.push((JSON.parse(Buffer.from(body).toString()) as { jti: string }).jti)
      return undefined
    })
    const { outcome, response } = await town.ap.revoke(
      claims['jti'] as string,
      claims['exp'] as number,
      town.ps.id,
    )
    expect([outcome, await response?.text()]).toEqual(['recorded', ''])
    expect(revoked.sort()).toEqual(town.ps.issued.map(({ jti }) => jti).sort())
    expect(await signatureError(await sam.request(request({ resource })))).toBe('error=revoked_jwt')
  })
})

describe('person_token_endpoint', () => {
  it.each([
    ['no resource', {}, 400, 'invalid_request'],
    ['a resource that is no identifier', { resource: 'https://shop.example/' }, 400, 'invalid_request'],
    ['a mission nobody gave', { resource, mission_s256: 'x' }, 400, 'invalid_request'],
    ['malformed capabilities', { resource, capabilities: 'interaction' }, 400, 'invalid_request'],
    ['an unknown prompt', { resource, prompt: 'please' }, 400, 'invalid_request'],
    ['a long device', { resource, device: 'x'.repeat(65) }, 400, 'invalid_request'],
    ['an upstream token that is no string', { resource, upstream_token: 1 }, 400, 'invalid_request'],
    ['a sub-agent token that is no string', { resource, subagent_token: {} }, 400, 'invalid_request'],
  ])('refuses %s', async (_, body, status, error) => {
    expect(await askToken(sam, personEndpoint, body)).toEqual({ status, error })
  })

  it('refuses content that is no JSON object', async () => {
    for (const body of ['[]', '{', '"x"']) {
      const response = await sam.request({ ...request({}), body })
      expect(response.status).toBe(400)
    }
    const response = await sam.request({
      ...request({ resource }),
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(response.status).toBe(400)
  })

  it('knows no strangers and no sub-agents', async () => {
    const stranger = setting.town.agent('stranger')
    expect(await askToken(stranger, personEndpoint, { resource })).toEqual({
      status: 403,
      error: 'access_denied',
    })
    const token = await sam.mintAgentToken({ claims: { parent_agent: 'aauth:sam@ap.example' } })
    expect((await sam.request(request({ resource }), { token })).status).toBe(400)
  })

  it('ends with the mission', async () => {
    const mission = setting.town.ps.startMission(sam.identifier, { expiresAt: now() + 10 })
    setting.pass(10)
    const body = { resource, mission_s256: mission }
    expect(await askToken(sam, personEndpoint, body)).toEqual({ status: 403, error: 'mission_terminated' })
  })

  it('issues nothing that outlives the agent token', async () => {
    const token = await sam.mintAgentToken({ claims: { exp: now() + 100 } })
    await sam.request(request({ resource }), { token })
    expect(setting.town.ps.issued.at(-1)?.exp).toBe(now() + 100)
  })
})

describe('auth_token_endpoint', () => {
  const ask = async (spoilt: Spoilt, agent: Agent = sam) => {
    const { presented, resourceToken } = await papersOf(setting, agent, spoilt)
    return askToken(agent, tokenEndpoint, { resource_token: resourceToken, presented_token: presented })
  }

  it('issues for papers that are in order', async () => {
    expect(await ask({})).toEqual({ status: 200, error: undefined })
  })

  it.each(['resource_token', 'presented_token'])('needs %s', async (name) => {
    const { presented, resourceToken } = await papersOf(setting, sam)
    const body = { resource_token: resourceToken, presented_token: presented, [name]: undefined }
    expect(await askToken(sam, tokenEndpoint, body)).toEqual({ status: 400, error: 'invalid_request' })
  })

  const resourceTokens: [string, string, MintOverrides][] = [
    ['another typ', 'invalid_resource_token', { header: { typ: 'aa-auth+jwt' } }],
    ['no typ', 'invalid_resource_token', { header: { typ: undefined } }],
    ['another document', 'invalid_resource_token', { claims: { dwk: 'aauth-access.json' } }],
    ['EdDSA for its algorithm', 'invalid_resource_token', { header: { alg: 'EdDSA' } }],
    ['an unknown kid', 'invalid_resource_token', { header: { kid: 'other' } }],
    ['a stranger’s signature', 'invalid_resource_token', { key: createKey('Ed25519', 'shop-1') }],
    ['an issuer that is none', 'invalid_resource_token', { claims: { iss: 'https://shop.example/' } }],
    ['an exp that has passed', 'expired_resource_token', { claims: { exp: 1 } }],
    ['another key', 'invalid_resource_token', { claims: { agent_jkt: createKey().jkt } }],
    ['another person server', 'invalid_resource_token', { claims: { ps: 'https://other.example' } }],
    ['another person', 'invalid_resource_token', { claims: { sub: 'somebody' } }],
    ['another presented token', 'invalid_resource_token', { claims: { presented_jti: 'other' } }],
    [
      'the August name only',
      'invalid_resource_token',
      { claims: { presented_jti: undefined, person_token_jti: 'x' } },
    ],
    ['no tenant', 'invalid_resource_token', { claims: { tenant: undefined } }],
    ['another tenant', 'invalid_resource_token', { claims: { tenant: 'home' } }],
    ['a mission out of nowhere', 'invalid_resource_token', { claims: { mission_s256: 'x'.repeat(43) } }],
    ['no scope', 'invalid_resource_token', { claims: { scope: undefined } }],
    ['a scope nobody describes', 'invalid_resource_token', { claims: { scope: 'shop.buy shop.rob' } }],
    ['no jti', 'invalid_resource_token', { claims: { jti: undefined } }],
    ['no iat', 'invalid_resource_token', { claims: { iat: undefined } }],
    ['no exp', 'invalid_resource_token', { claims: { exp: undefined } }],
    ['a cnf', 'invalid_resource_token', { claims: { cnf: { jwk: createKey().cnf } } }],
    ['an agent', 'invalid_resource_token', { claims: { agent: 'aauth:sam@ap.example' } }],
    ['an act', 'invalid_resource_token', { claims: { act: { sub: 'aauth:sam@ap.example' } } }],
    ['a mission object', 'invalid_resource_token', { claims: { mission: {} } }],
    [
      'a malformed interaction',
      'invalid_resource_token',
      { claims: { interaction: { url: 'http://shop.example/' } } },
    ],
    ['an audience nobody is', 'as_unreachable', { claims: { aud: 'https://nobody.example' } }],
    ['an audience that is none', 'invalid_resource_token', { claims: { aud: ['https://ps.example'] } }],
  ]
  it.each(resourceTokens)('refuses a resource token with %s: %s', async (_, error, resourceToken) => {
    expect(await ask({ resourceToken })).toMatchObject({ error })
  })

  it('holds a resource token to five minutes, unless it is told to be lenient', async () => {
    const exp = now() + 301
    expect(await ask({ resourceToken: { claims: { exp } } })).toMatchObject({
      error: 'invalid_resource_token',
    })
    const lenient = await openSetting({ strict: false })
    const agent = lenient.sam()
    const papers = await papersOf(lenient, agent, { resourceToken: { claims: { exp } } })
    const body = { resource_token: papers.resourceToken, presented_token: papers.presented }
    expect(await askToken(agent, tokenEndpoint, body)).toMatchObject({ status: 200 })
    await lenient.town.close()
  })

  it('misses a mission that the resource token leaves out', async () => {
    const mission = setting.town.ps.startMission(sam.identifier)
    const agent = setting.sam({}, { mission })
    expect(await ask({ resourceToken: { claims: { mission_s256: undefined } } }, agent)).toEqual({
      status: 400,
      error: 'invalid_resource_token',
    })
  })

  it('refuses a mission that has ended', async () => {
    const mission = setting.town.ps.startMission(sam.identifier)
    const agent = setting.sam({}, { mission })
    setting.town.ps.endMission(mission)
    expect(await ask({}, agent)).toEqual({ status: 403, error: 'mission_terminated' })
  })

  const presentedTokens: [string, string, MintOverrides][] = [
    ['another typ', 'invalid_presented_token', { header: { typ: 'aa-agent+jwt' } }],
    ['another resource', 'invalid_presented_token', { claims: { aud: 'https://other.example' } }],
    ['another key', 'invalid_presented_token', { claims: { cnf: { jwk: createKey().cnf } } }],
    ['no key', 'invalid_presented_token', { claims: { cnf: undefined } }],
    ['a life too long', 'invalid_presented_token', { claims: { exp: 4_000_000_000 } }],
    ['an exp that has passed', 'expired_presented_token', { claims: { exp: 2, iat: 1 } }],
    ['a stranger’s signature', 'invalid_presented_token', { key: createKey('Ed25519', 'ps-1') }],
  ]
  it.each(presentedTokens)('refuses a presented token with %s: %s', async (_, error, presented) => {
    expect(await ask({ presented })).toEqual({ status: 400, error })
  })

  it('refuses what was revoked', async () => {
    const { town, shop } = setting
    const papers = await papersOf(setting, sam)
    const body = { resource_token: papers.resourceToken, presented_token: papers.presented }
    const { jti = '', exp = 0 } = town.ps.issued.at(-1) ?? {}
    await town.ps.revoke(jti, exp, resource)
    expect(await askToken(sam, tokenEndpoint, body)).toEqual({
      status: 400,
      error: 'revoked_presented_token',
    })
    const rt = JSON.parse(Buffer.from(papers.resourceToken.split('.')[1] ?? '', 'base64url').toString()) as {
      jti: string
    }
    await shop.server.post('https://ps.example/revoke', { jti: rt.jti, exp })
    expect(await askToken(sam, tokenEndpoint, body)).toEqual({ status: 400, error: 'revoked_resource_token' })
  })

  it('is strict with whoever publishes carelessly', async () => {
    const careless = setting.shop.server
    const jwks = careless.keys.jwks()
    const publish = (keys: unknown[]) =>
      careless.intercept(({ path }) =>
        path === '/jwks.json'
          ? { status: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ keys }) }
          : undefined,
      )
    publish([{ ...jwks.keys[0], alg: undefined }])
    expect(await ask({})).toEqual({ status: 400, error: 'invalid_resource_token' })
    publish([careless.keys.current.privateJwk])
    expect(await ask({})).toEqual({ status: 400, error: 'invalid_resource_token' })
    publish([...jwks.keys])
    expect(await ask({})).toMatchObject({ status: 200 })
  })

  it.each([
    { issuer: undefined },
    { issuer: 'https://shop.example/' },
    { jwks_uri: 'https://other.example/jwks.json' },
  ])('refuses metadata with %o', async (metadata) => {
    setting.shop.metadata = metadata
    expect(await ask({})).toEqual({ status: 400, error: 'invalid_resource_token' })
  })
})
