import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccessServer } from '../access-server/access-server.js'
import type { AccessRequest } from '../access-server/decision.js'
import type { Agent } from '../agent/agent.js'
import type { JsonObject } from '../checks/directory.js'
import { createKey } from '../keys/key.js'
import type { MintOverrides } from '../keys/mint.js'
import { Intermediary } from '../testing/intermediary.js'
import { openOwnPage } from '../testing/own-page.js'
import { bread, openSetting, type Setting } from '../testing/setting.js'
import { TinyResource } from '../testing/tiny-resource.js'
import type { ConsentRequest, Decision, Person } from './person.js'
import type { IssuedToken } from './person-server.js'

const person = 'https://ps.example/person'
const token = 'https://ps.example/token'
const downstream = 'https://mill.example'

let setting: Setting
let mill: TinyResource
let shop: Intermediary
let sam: Agent
let decide: (ask: ConsentRequest) => Decision
let asked: ConsentRequest[]
/** What Sam's agent presented to the shop. */
let upstream: IssuedToken

beforeEach(async () => {
  setting = await openSetting()
  mill = await TinyResource.open(setting.town, downstream)
  shop = new Intermediary(setting.town, setting.shop)
  asked = []
  decide = () => true
  const consent = (ask: ConsentRequest) => {
    asked.push(ask)
    return decide(ask)
  }
  sam = setting.sam({ consent, introduction: consent, tenant: 'school' })
  await sam.fetch(bread, { method: 'POST' })
  upstream = setting.town.ps.issued.at(-1) as IssuedToken
  asked.length = 0
})
afterEach(() => setting.town.close())

const now = () => Math.floor(setting.town.clock() / 1000)
const mom = () => sam.person as Person

/** A person token for the mill, its challenge and what the person server answers to it. */
async function buy(more: JsonObject = {}, upstreamToken = upstream.jwt) {
  const { person_token: presented } = await shop.ask(person, {
    resource: downstream,
    upstream_token: upstreamToken,
  })
  const resourceToken = await shop.challenge(`${downstream}/bread`, presented as string)
  const papers = { resource_token: resourceToken, presented_token: presented }
  return shop.ask(token, { ...papers, upstream_token: upstreamToken, ...more })
}

describe('call chaining at a person server (10.1)', () => {
  it('gives an intermediary tokens of the person, who is asked and sees where it comes from', async () => {
    const granted = await buy()
    expect(granted.status).toBe(200)
    const claims = decodeJwt(granted['auth_token'] as string)
    expect(claims).toMatchObject({ aud: downstream, scope: 'shop.buy', tenant: 'school' })
    expect(claims.sub).not.toBe(upstream.sub)
    expect(claims.exp).toBeLessThanOrEqual(upstream.exp)
    const chain = [{ agent: 'aauth:sam@ap.example', aud: 'https://shop.example', upstream: undefined }]
    const asker = { agent: 'aauth:onward@shop.example', resource: downstream, chain }
    expect(asked).toMatchObject([
      { kind: 'introduction', ...asker },
      { kind: 'authorization', ...asker, scope: ['shop.buy'] },
    ])
    const served = await shop.signer.request(
      { method: 'POST', url: `${downstream}/bread` },
      { token: granted['auth_token'] as string },
    )
    expect(served.status).toBe(200)
  })

  it('serves many calls on one upstream token, each with an end no later than its own', async () => {
    setting.pass(3000)
    await buy()
    await buy()
    const ends = setting.town.ps.issued.slice(-4).map(({ exp }) => exp)
    expect(ends).toEqual([upstream.exp, upstream.exp, upstream.exp, upstream.exp])
  })

  it('takes a person token as well', async () => {
    const presented = setting.town.ps.issued.find(({ typ }) => typ === 'aa-person+jwt')
    expect((await buy({}, presented?.jwt)).status).toBe(200)
  })

  it('asks each person for the intermediary, not one for all', async () => {
    await buy()
    asked.length = 0
    const { consent, introduction } = mom()
    const dad = setting.town.person('dad', { consent, introduction })
    const paul = setting.town.agent('paul', { person: dad })
    await paul.fetch(bread, { method: 'POST' })
    asked.length = 0
    expect((await buy({}, setting.town.ps.issued.at(-1)?.jwt)).status).toBe(200)
    expect(asked.map(({ kind }) => kind)).toEqual(['introduction', 'authorization'])
  })

  it('keeps the way back to the person, over two intermediaries', async () => {
    const { auth_token: atMill } = await buy()
    const miller = new Intermediary(setting.town, mill)
    const farm = { resource: 'https://farm.example', upstream_token: atMill }
    expect((await miller.ask(person, farm)).status).toBe(200)
    const last = setting.town.ps.issued.at(-1) as IssuedToken
    const chain = setting.town.chainOf({ iss: last.iss, jti: last.jti })
    expect(chain.map(({ agent, aud, person }) => [agent, aud, person])).toEqual([
      ['aauth:onward@mill.example', 'https://farm.example', 'mom'],
      ['aauth:onward@shop.example', downstream, 'mom'],
      ['aauth:sam@ap.example', 'https://shop.example', 'mom'],
    ])
    expect(setting.town.chainOf({ iss: last.iss, jti: 'other' })).toEqual([])
  })

  it.each([
    ['approve', 200, undefined, 2],
    ['decline', 403, 'abandoned', 1],
  ] as const)(
    'sends the person of the chain through the flow of the resource at its end, who presses %s',
    async (decision, status, error, questions) => {
      const page = openOwnPage(mill)
      const deferred = await buy({ capabilities: ['interaction'] })
      const { url, code } = deferred.requirement?.parameters ?? {}
      await setting.town.visit(`${url}?code=${code}`, { form: { name: 'mom' }, decision })
      expect(page.linked.size).toBe(decision === 'approve' ? 1 : 0)
      const answer = await shop.poll(deferred.location)
      expect([answer.status, answer['error']]).toEqual([status, error])
      expect(asked.length).toBe(questions)
    },
  )

  it('begins with a sub-agent, where one called the intermediary', async () => {
    const brother = sam.subAgent('brother')
    await brother.fetch(bread, { method: 'POST' })
    const { auth_token: jwt } = await buy({}, brother.wallet.authTokens.get('https://shop.example')?.jwt)
    const { iss, jti } = decodeJwt(jwt as string) as { iss: string; jti: string }
    expect(setting.town.chainOf({ iss, jti }).map(({ agent, parent }) => [agent, parent])).toEqual([
      ['aauth:onward@shop.example', undefined],
      ['aauth:sam+brother@ap.example', 'aauth:sam@ap.example'],
    ])
  })

  it('lets an intermediary ask for a sub-agent of its own', async () => {
    const { cnf } = createKey()
    const mine = { sub: 'aauth:onward+clerk@shop.example', parent_agent: 'aauth:onward@shop.example' }
    const helper = await shop.agentToken({ claims: { ...mine, cnf: { jwk: cnf } } })
    const body = { resource: downstream, upstream_token: upstream.jwt, subagent_token: helper }
    const { person_token: jwt } = await shop.ask(person, body)
    expect(decodeJwt(jwt as string)).toMatchObject({ aud: downstream, cnf: { jwk: cnf } })
    expect(asked).toMatchObject([{ agent: mine.parent_agent, subAgent: mine.sub }])
    // With the intermediary's key, so that nothing is wrong but whose token it is.
    const alone = await shop.agentToken({ claims: mine })
    const answer = await shop.ask(person, { resource: downstream, upstream_token: upstream.jwt }, alone)
    expect([answer.status, answer['error']]).toEqual([400, 'invalid_request'])
  })

  const spoilt: [string, string, MintOverrides][] = [
    ['a stranger’s signature', 'invalid_upstream_token', { key: createKey('Ed25519', 'ps-1') }],
    ['another typ', 'invalid_upstream_token', { header: { typ: 'aa-agent+jwt' } }],
    ['another resource', 'invalid_upstream_token', { claims: { aud: downstream } }],
    ['two resources', 'invalid_upstream_token', { claims: { aud: ['https://shop.example', downstream] } }],
    ['another person server', 'invalid_upstream_token', { claims: { ps: 'https://other.example' } }],
    ['a sub nobody has there', 'invalid_upstream_token', { claims: { sub: 'somebody' } }],
    ['no sub', 'invalid_upstream_token', { claims: { sub: undefined } }],
    ['no key', 'invalid_upstream_token', { claims: { cnf: undefined } }],
    ['an exp that has passed', 'expired_upstream_token', { claims: { iat: 1, exp: 2 } }],
  ]
  it.each(spoilt)('refuses an upstream token with %s: %s, at both endpoints', async (_, error, overrides) => {
    const { ps } = setting.town
    const about = { person: mom(), resource: 'https://shop.example', cnf: sam.key.cnf, scope: 'shop.buy' }
    const bad = await ps.mintAuthToken(about, overrides)
    const first = await shop.ask(person, { resource: downstream, upstream_token: bad })
    expect([first.status, first['error']]).toEqual([400, error])
    const second = await buy({ upstream_token: bad })
    expect([second.status, second['error']]).toEqual([400, error])
  })

  it('refuses one that was revoked', async () => {
    await setting.town.ps.revoke(upstream.jti, upstream.exp, 'https://shop.example')
    const answer = await shop.ask(person, { resource: downstream, upstream_token: upstream.jwt })
    expect(answer['error']).toBe('revoked_upstream_token')
  })

  it('refuses one that an access server signed on its own', async () => {
    const office = await setting.town.openAccessServer('https://office.example')
    const forged = await office.mintAuthToken({
      resource: 'https://shop.example',
      ps: setting.town.ps.id,
      sub: upstream.sub,
      cnf: sam.key.cnf,
    })
    const answer = await shop.ask(person, { resource: downstream, upstream_token: forged })
    expect(answer['error']).toBe('invalid_upstream_token')
  })

  it('refuses an intermediary that signs with another provider’s agent token (R-307)', async () => {
    const { town } = setting
    const hired = town.agent('clerk', { person: mom() })
    const body = JSON.stringify({ resource: downstream, upstream_token: upstream.jwt })
    const headers = { 'Content-Type': 'application/json' }
    const response = await hired.request({ method: 'POST', url: person, headers, body })
    expect(await response.json()).toMatchObject({ error: 'invalid_upstream_token' })
  })

  it('knows no intermediary without an upstream token', async () => {
    const { person_token: presented } = await shop.ask(person, {
      resource: downstream,
      upstream_token: upstream.jwt,
    })
    const resourceToken = await shop.challenge(`${downstream}/bread`, presented as string)
    const papers = { resource_token: resourceToken, presented_token: presented }
    expect(await shop.ask(token, papers)).toMatchObject({ status: 403, error: 'access_denied' })
    expect(await shop.ask(person, { resource: downstream })).toMatchObject({
      status: 403,
      error: 'access_denied',
    })
  })

  it('refuses a mission that the intermediary names, and copies that of the upstream token', async () => {
    const { ps } = setting.town
    const mission = ps.startMission(sam.identifier)
    const about = { person: mom(), resource: 'https://shop.example', cnf: sam.key.cnf, scope: 'shop.buy' }
    const onMission = await ps.mintAuthToken({ ...about, mission })
    const named = { resource: downstream, upstream_token: onMission, mission_s256: mission }
    expect((await shop.ask(person, named))['error']).toBe('invalid_request')
    const { auth_token: jwt } = await buy({}, onMission)
    expect(decodeJwt(jwt as string)['mission_s256']).toBe(mission)
    // The errand changes under way: a person token of one mission is not redeemed on a token of none.
    const { person_token: presented } = await shop.ask(person, {
      resource: downstream,
      upstream_token: onMission,
    })
    const papers = {
      resource_token: await shop.challenge(`${downstream}/bread`, presented as string),
      presented_token: presented,
    }
    const mixed = await shop.ask(token, { ...papers, upstream_token: upstream.jwt })
    expect(mixed['error']).toBe('invalid_presented_token')
    ps.endMission(mission)
    expect(await shop.ask(token, { ...papers, upstream_token: onMission })).toMatchObject({
      status: 403,
      error: 'mission_terminated',
    })
  })

  it('refuses a subject that is carried forward (R-318)', async () => {
    const { ps } = setting.town
    const about = { person: mom(), resource: downstream, cnf: shop.signer.key.cnf }
    const presented = await ps.mintPersonToken(about, { claims: { sub: upstream.sub } })
    const resourceToken = await shop.challenge(`${downstream}/bread`, presented)
    const papers = { resource_token: resourceToken, presented_token: presented }
    const answer = await shop.ask(token, { ...papers, upstream_token: upstream.jwt })
    expect([answer.status, answer['error']]).toEqual([400, 'invalid_presented_token'])
  })

  it('refuses to mix the errands of two people', async () => {
    const paul = setting.town.agent('paul', { person: setting.town.person('dad') })
    await paul.fetch(bread, { method: 'POST' })
    const dads = setting.town.ps.issued.at(-1)?.jwt
    const answer = await buy({ upstream_token: dads })
    expect(answer['error']).toBe('invalid_presented_token')
  })
})

describe('a chained request that waits', () => {
  const visit = (granted: boolean): void => {
    decide = ({ kind }) => kind === 'introduction' || { decision: granted, after: 'visit' }
  }
  const waiting = () => buy({ capabilities: ['interaction'] })

  it('ends expired with its upstream token, also while somebody polls', async () => {
    visit(true)
    const { status, location } = await waiting()
    expect(status).toBe(202)
    const polled = shop.poll(location)
    setting.pass(upstream.exp - now())
    expect(await polled).toMatchObject({
      status: 408,
      error: 'expired',
      detail: 'upstream token has expired',
    })
    expect((await shop.poll(location)).status).toBe(410)
  })

  it('ends revoked with its upstream token, and the page is closed', async () => {
    visit(true)
    const { location } = await waiting()
    const polled = shop.poll(location)
    await setting.town.ps.revoke(upstream.jti, upstream.exp, 'https://shop.example')
    expect(await polled).toMatchObject({ status: 403, error: 'revoked', detail: 'upstream token' })
  })

  it('is not granted any more once the upstream token is revoked, granted or not', async () => {
    let grant: () => void = () => undefined
    const after = new Promise<void>((resolve) => {
      grant = resolve
    })
    decide = ({ kind }) => kind === 'introduction' || { decision: true, after }
    const { location } = await waiting()
    grant()
    await after
    await setting.town.ps.revoke(upstream.jti, upstream.exp, 'https://shop.example')
    expect(await shop.poll(location)).toMatchObject({ status: 403, error: 'revoked' })
  })

  it.each([
    [true, 'https://shop.example/callback?state=7', 302, 'https://shop.example/callback?state=7'],
    [
      false,
      'https://shop.example/callback?state=7',
      302,
      'https://shop.example/callback?state=7&error=access_denied',
    ],
    [true, 'https://evil.example/callback', 200, null],
    [true, 'https://shop.example/callback/..', 200, null],
    [true, 'https://user@shop.example:8443/callback', 200, null],
  ])(
    'leads back to the callback of the intermediary and to no other: %s, %s',
    async (granted, callback, status, location) => {
      visit(granted)
      const { location: pending, requirement } = await waiting()
      const { url, code } = requirement?.parameters ?? {}
      const page = await setting.town.fetch(`${url}?code=${code}&callback=${encodeURIComponent(callback)}`)
      expect([page.status, page.headers.get('location')]).toEqual([status, location])
      const ended = await shop.poll(pending)
      expect([ended.status, ended['error']]).toEqual(granted ? [200, undefined] : [403, 'denied'])
    },
  )
})

describe('access servers in the chain', () => {
  let office: AccessServer
  beforeEach(async () => {
    office = await setting.town.openAccessServer('https://office.example')
    mill.accessServer = office.id
  })

  it('decide for the resource at the end, and are told of the intermediary', async () => {
    const requests: AccessRequest[] = []
    office.policy = (request) => requests.push(request) > 0
    const granted = await buy()
    expect(granted.status).toBe(200)
    expect(requests).toMatchObject([
      { agent: 'aauth:onward@shop.example', intermediary: 'https://shop.example', resource: downstream },
    ])
    const { iss, jti } = decodeJwt(granted['auth_token'] as string) as { iss: string; jti: string }
    expect(iss).toBe(office.id)
    expect(setting.town.chainOf({ iss, jti }).map(({ agent, iss }) => [agent, iss])).toEqual([
      ['aauth:onward@shop.example', office.id],
      ['aauth:sam@ap.example', setting.town.ps.id],
    ])
    expect(office.issued.at(-1)?.upstream).toEqual({ iss: upstream.iss, jti: upstream.jti })
  })

  it('decide for the one in the middle, whose token is an upstream token of the same person', async () => {
    setting.shop.accessServer = office.id
    sam.wallet.clear()
    await sam.fetch(bread, { method: 'POST' })
    const granted = await buy({}, office.issued.at(-1)?.jwt)
    expect(granted.status).toBe(200)
    const { iss, jti } = decodeJwt(granted['auth_token'] as string) as { iss: string; jti: string }
    expect(setting.town.chainOf({ iss, jti }).map(({ aud, person }) => [aud, person])).toEqual([
      [downstream, 'mom'],
      ['https://shop.example', 'mom'],
    ])
  })

  it('say no', async () => {
    office.policy = () => false
    expect(await buy()).toMatchObject({ status: 403, error: 'denied' })
  })

  it('issue nothing that ends later than the upstream token, and are not believed if they do', async () => {
    setting.pass(3000)
    const { auth_token: jwt } = await buy()
    expect(decodeJwt(jwt as string).exp).toBe(upstream.exp)
    const mint = office.mintAuthToken.bind(office)
    office.mintAuthToken = (request) => mint(request, { claims: { exp: upstream.exp + 1 } })
    expect(await buy()).toMatchObject({ status: 502, error: 'as_unreachable' })
  })

  it('are not to be reached', async () => {
    office.server.intercept(() => ({ status: 500, headers: {}, body: '' }))
    expect(await buy()).toMatchObject({ status: 502, error: 'as_unreachable' })
  })

  it.each(['expired', 'revoked'])('take their time until the upstream token is %s', async (error) => {
    let isAsked: () => void = () => undefined
    const asking = new Promise<void>((resolve) => {
      isAsked = resolve
    })
    office.policy = () => {
      isAsked()
      return { decision: true, after: new Promise(() => undefined) }
    }
    const answer = buy()
    await asking
    if (error === 'expired') setting.pass(upstream.exp - now())
    else await setting.town.ps.revoke(upstream.jti, upstream.exp, 'https://shop.example')
    expect(await answer).toMatchObject({ error, detail: expect.stringMatching(/^upstream token/) })
  })

  it.each([
    ['another resource', 'invalid_upstream_token', { claims: { aud: downstream } }],
    ['another person server', 'invalid_upstream_token', { claims: { ps: 'https://other.example' } }],
    ['an exp that has passed', 'expired_upstream_token', { claims: { iat: 1, exp: 2 } }],
  ] as [string, string, MintOverrides][])(
    'refuse an upstream token with %s by themselves',
    async (_, error, overrides) => {
      const { ps } = setting.town
      const about = { person: mom(), resource: 'https://shop.example', cnf: sam.key.cnf, scope: 'shop.buy' }
      const bad = await ps.mintAuthToken(about, overrides)
      const { person_token: presented } = await shop.ask(person, {
        resource: downstream,
        upstream_token: upstream.jwt,
      })
      const response = await ps.server.post('https://office.example/token', {
        resource_token: await shop.challenge(`${downstream}/bread`, presented as string),
        agent_token: await shop.agentToken(),
        presented_token: presented,
        upstream_token: bad,
      })
      expect(await response.json()).toMatchObject({ error })
    },
  )
})
