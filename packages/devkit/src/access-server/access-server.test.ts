import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Agent } from '../agent/agent.js'
import type { JsonObject } from '../checks/directory.js'
import { createKey } from '../keys/key.js'
import { papersOf, type Spoilt } from '../testing/resource-tokens.js'
import { bread, openSetting, reasonOf, type Setting } from '../testing/setting.js'
import type { AccessServer } from './access-server.js'
import type { AccessRequest } from './decision.js'

let setting: Setting
let office: AccessServer
let sam: Agent
beforeEach(async () => {
  setting = await openSetting()
  office = await setting.town.openAccessServer('https://office.example')
  setting.shop.accessServer = office.id
  sam = setting.sam({ tenant: 'school' })
})
afterEach(() => setting.town.close())

const post = { method: 'POST' }

describe('an access server', () => {
  it('is asked who, where and what, and puts it into the token', async () => {
    const asked: AccessRequest[] = []
    office.policy = (request) => asked.push(request) > 0
    await sam.fetch(bread, post)
    const sub = setting.town.ps.issued[0]?.sub
    expect(asked).toEqual([
      {
        resource: 'https://shop.example',
        ps: 'https://ps.example',
        sub,
        agent: 'aauth:sam@ap.example',
        scope: ['shop.buy'],
        account: undefined,
        tenant: 'school',
      },
    ])
    const claims = decodeJwt(office.issued[0]?.jwt ?? '')
    expect(claims).toMatchObject({
      iss: office.id,
      dwk: 'aauth-access.json',
      sub,
      tenant: 'school',
      scope: 'shop.buy',
    })
    expect(claims.exp).toBeLessThanOrEqual(setting.town.ps.issued[0]?.exp ?? 0)
  })

  it('says no, and its word reaches the agent', async () => {
    office.policy = () => false
    const reason = await reasonOf(sam.fetch(bread, post))
    expect([reason.code, reason.status]).toEqual(['denied', 403])
  })

  it('takes its time, and the person server waits', async () => {
    office.policy = () => ({ decision: true, after: Promise.resolve() })
    expect((await sam.fetch(bread, post)).status).toBe(200)
    const polls = setting.town.ledger.filter(({ url }) => url.startsWith('https://office.example/pending/'))
    expect(polls.map(({ from, status }) => `${from} ${status}`)).toEqual(['ps.example 200'])
  })

  it('grants less than was asked, and never more', async () => {
    office.policy = () => ({ decision: true, scope: ['shop.buy', 'shop.rob'] })
    await sam.fetch('https://shop.example/oven', post).catch(() => undefined)
    expect(decodeJwt(office.issued[0]?.jwt ?? '')['scope']).toBe('shop.buy')
  })

  it('takes back what was issued against a revoked person token', async () => {
    await sam.fetch(bread, post)
    const { jti = '', exp = 0 } = setting.town.ps.issued[0] ?? {}
    const { response } = await setting.town.ps.revoke(jti, exp, office.id, 'aauth-access.json')
    expect(await response?.json()).toEqual({ downstream: [{ recipient: 'https://shop.example' }] })
  })
})

describe('its token endpoint', () => {
  const ask = async (spoilt: Spoilt, replace: JsonObject = {}) => {
    const papers = await papersOf(setting, sam, spoilt, office.id)
    const body = {
      resource_token: papers.resourceToken,
      agent_token: await sam.mintAgentToken(),
      presented_token: papers.presented,
      ...replace,
    }
    const response = await setting.town.ps.server.post('https://office.example/token', body)
    const { error } = (await response.json()) as { error?: string }
    return `${response.status} ${error}`
  }

  it('accepts papers that are in order', async () => {
    expect(await ask({})).toBe('200 undefined')
  })

  it.each(['resource_token', 'agent_token', 'presented_token'])('needs %s', async (name) => {
    expect(await ask({}, { [name]: undefined })).toBe('400 invalid_request')
  })

  it.each([
    [
      'another audience',
      { resourceToken: { claims: { aud: 'https://ps.example' } } },
      '400 invalid_resource_token',
    ],
    [
      'another agent',
      { resourceToken: { claims: { agent_jkt: createKey().jkt } } },
      '400 invalid_resource_token',
    ],
    [
      'another person server',
      { resourceToken: { claims: { ps: 'https://x.example' } } },
      '400 invalid_resource_token',
    ],
    ['another person', { resourceToken: { claims: { sub: 'x' } } }, '400 invalid_resource_token'],
    ['no tenant', { resourceToken: { claims: { tenant: undefined } } }, '400 invalid_resource_token'],
    ['an expired resource token', { resourceToken: { claims: { exp: 1 } } }, '400 expired_resource_token'],
    [
      'an expired presented token',
      { presented: { claims: { iat: 1, exp: 2 } } },
      '400 expired_presented_token',
    ],
    [
      'a presented token for others',
      { presented: { claims: { aud: 'https://x.example' } } },
      '400 invalid_presented_token',
    ],
  ] satisfies [string, Spoilt, string][])('refuses %s', async (_, spoilt, answer) => {
    expect(await ask(spoilt)).toBe(answer)
  })

  it('refuses a bad agent token', async () => {
    const expired = await sam.mintAgentToken({ claims: { exp: 1 } })
    expect(await ask({}, { agent_token: expired })).toBe('400 invalid_request')
    const other = await setting.town.agent('max').mintAgentToken()
    expect(await ask({}, { agent_token: other })).toBe('400 invalid_resource_token')
  })

  it('is for person servers, in their own right', async () => {
    const body = {
      method: 'POST',
      url: 'https://office.example/token',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    }
    const asAgent = await sam.request(body)
    expect([asAgent.status, asAgent.headers.get('accept-signature-scheme')]).toEqual([401, 'jwks_uri'])
    const asResource = await setting.shop.server.request(body)
    expect(asResource.headers.get('signature-error')).toBe('error=invalid_key')
    const stranger = await setting.town.ps.server.request(body, { key: createKey() })
    expect(stranger.headers.get('signature-error')).toBe('error=unknown_key')
    const forger = await setting.town.ps.server.request(body, { key: createKey(), kid: 'ps-1' })
    expect(forger.headers.get('signature-error')).toBe('error=invalid_signature')
  })
})

describe('the person server, of an access server', () => {
  it.each([
    ['iss', { claims: { iss: 'https://ps.example', dwk: 'aauth-person.json' } }],
    ['aud', { claims: { aud: 'https://other.example' } }],
    ['ps', { claims: { ps: 'https://other.example' } }],
    ['sub', { claims: { sub: 'somebody' } }],
    ['cnf', { claims: { cnf: { jwk: createKey().cnf } } }],
    ['scope', { claims: { scope: 'shop.buy shop.rob' } }],
    ['exp', { claims: { exp: 4_000_000_000 } }],
    ['signature', { key: createKey('Ed25519', 'office-1') }],
  ])('does not hand on a token with a wrong %s', async (_, overrides) => {
    const mint = office.mintAuthToken.bind(office)
    office.mintAuthToken = (request) => mint(request, overrides)
    const reason = await reasonOf(sam.fetch(bread, post))
    expect([reason.code, reason.status]).toEqual(['as_unreachable', 502])
  })

  it.each([
    [
      'fails',
      { status: 500, headers: { 'Content-Type': 'application/json' }, body: '{"error":"server_error"}' },
    ],
    ['speaks no JSON', { status: 200, headers: {}, body: 'hello' }],
    ['sends no token', { status: 200, headers: { 'Content-Type': 'application/json' }, body: '{}' }],
  ])('says so when it %s', async (_, answer) => {
    office.server.intercept(({ path }) => (path === '/token' ? answer : undefined))
    expect((await reasonOf(sam.fetch(bread, post))).code).toBe('as_unreachable')
  })

  it('hands on its errors as they are', async () => {
    const body = '{"error":"invalid_presented_token"}'
    const headers = { 'Content-Type': 'application/problem+json' }
    office.server.intercept(({ path }) => (path === '/token' ? { status: 400, headers, body } : undefined))
    expect((await reasonOf(sam.fetch(bread, post))).code).toBe('invalid_presented_token')
  })
})
