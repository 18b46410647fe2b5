import { createAgent } from '@countersign/agent'
import { createKey, createTown, type Town } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentOf, errorOf, type Liar, openLiar } from './setting.js'

// A resource that calls others on behalf of its caller, as far as that is the agent's part (AAuth 10.1).
const supplier = 'https://supplier.example'
const ps = 'https://their-ps.example'
const key = createKey()
let now: number
let town: Town
let theirPs: Liar
let store: Liar
/** What the person server's tokens say beside what is right. */
let claims: Record<string, unknown>

beforeEach(async () => {
  now = Date.UTC(2026, 10, 1)
  claims = {}
  town = await createTown({ clock: () => now })
  const endpoints = { person_token_endpoint: `${ps}/person`, auth_token_endpoint: `${ps}/token` }
  theirPs = await openLiar(
    town,
    'their-ps.example',
    'aauth-person.json',
    async (request, response, content) => {
      const asked = JSON.parse(content)
      const exp = now / 1000 + 600
      const common = { aud: supplier, sub: 'mom', cnf: { jwk: key.cnf }, exp, ...claims }
      const body =
        request.url === '/person'
          ? { person_token: await theirPs.mint('aa-person+jwt', common) }
          : {
              auth_token: await theirPs.mint('aa-auth+jwt', {
                ...common,
                ps,
                scope: asked.resource_token && 'buy',
              }),
            }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    },
    endpoints,
  )
  store = await openLiar(town, 'supplier.example', 'aauth-resource.json', async (request, response) => {
    const jwt = /jwt="([^"]+)"/.exec(String(request.headers['signature-key']))?.[1] ?? ''
    const said = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
    if (said.scope !== undefined) return response.writeHead(201).end('ordered')
    const token =
      said.aud === undefined
        ? undefined
        : await store.mint('aa-resource+jwt', {
            aud: said.iss,
            ps: said.iss,
            sub: said.sub,
            presented_jti: said.jti,
            agent_jkt: key.jkt,
            scope: 'buy',
          })
    const requirement = token === undefined ? 'person-token' : `auth-token;resource-token="${token}"`
    return response.writeHead(401, { 'aauth-requirement': `requirement=${requirement}` }).end()
  })
})
afterEach(async () => {
  await Promise.all([theirPs.close(), store.close()])
  await town.close()
})

/** The person token of the caller, for us. */
const upstream = (exp = now / 1000 + 600) =>
  theirPs.mint('aa-person+jwt', {
    aud: 'https://shop.example',
    sub: 'mom-here',
    cnf: { jwk: createKey().cnf },
    exp,
  })
const shop = () =>
  agentOf(town, {
    townKey: key,
    personServer: town.ps.id,
    mission: 'ours',
    tokenRequest: { mission_s256: 'ours', platform: 'workload' },
  })
const asked = () => theirPs.asked.map(({ path, content }) => ({ path, ...JSON.parse(content) }))

describe('an agent on behalf of a caller', () => {
  it('asks the person server that the caller’s token names, with that token and no mission (R-310, R-311, R-312, R-323)', async () => {
    const token = await upstream()
    const response = await shop()
      .onBehalfOf({ token })
      .fetch(`${supplier}/orders`, { method: 'POST', body: '{}' })
    expect([response.status, await response.text()]).toEqual([201, 'ordered'])
    const [person, auth] = asked()
    expect(person).toMatchObject({
      path: '/person',
      resource: supplier,
      upstream_token: token,
      platform: 'workload',
    })
    expect(auth).toMatchObject({ path: '/token', upstream_token: token })
    expect(auth).toHaveProperty('presented_token')
    for (const request of asked()) expect(request).not.toHaveProperty('mission_s256')
    for (const { headers } of [...theirPs.asked, ...store.asked]) {
      expect(JSON.stringify(headers)).not.toContain(token)
      expect(String(headers['signature-key'])).toMatch(/^sig=jwt;jwt=/)
    }
    for (const { content } of store.asked) expect(content).not.toContain(token)
    for (const { headers } of theirPs.asked)
      expect(headers['signature-input']).toMatch(/"content-type" "content-digest"/)
  })

  it('uses one token of the caller for many requests, and what it brings for no other caller (R-314)', async () => {
    const agent = shop()
    const one = agent.onBehalfOf({ token: await upstream() })
    await one.fetch(`${supplier}/orders`)
    await one.fetch(`${supplier}/orders`)
    expect(theirPs.asked).toHaveLength(2)
    await agent.onBehalfOf({ token: await upstream() }).fetch(`${supplier}/orders`)
    expect(theirPs.asked).toHaveLength(4)
  })

  it('uses no token that outlives the caller’s (R-315)', async () => {
    const token = await upstream(now / 1000 + 300)
    const error = await errorOf(shop().onBehalfOf({ token }).fetch(`${supplier}/orders`))
    expect(error.code).toBe('bad_person_token')
  })

  it('asks nobody once the caller’s token has ended (R-315)', async () => {
    const behalf = shop().onBehalfOf({ token: await upstream() })
    await behalf.fetch(`${supplier}/orders`)
    now += 600_000
    const before = theirPs.asked.length
    expect((await errorOf(behalf.fetch(`${supplier}/orders`))).code).toBe('expired_upstream_token')
    expect(theirPs.asked).toHaveLength(before)
  })

  it.each([
    ['aud', { aud: 'https://other.example' }, 'bad_person_token'],
    ['cnf', { cnf: { jwk: createKey().cnf } }, 'bad_person_token'],
  ])('uses no token with another %s (R-320)', async (_, wrong, code) => {
    claims = wrong
    const behalf = shop().onBehalfOf({ token: await upstream() })
    expect((await errorOf(behalf.fetch(`${supplier}/orders`))).code).toBe(code)
  })

  it('takes nothing for a caller’s token that is none', () => {
    expect(() => shop().onBehalfOf({ token: 'nonsense' })).toThrow(TypeError)
  })
})

describe('a parent', () => {
  it('brings a person token for its helper’s key, which is the only key that it may be for', async () => {
    const helper = createKey()
    claims = { cnf: { jwk: helper.cnf } }
    const parent = agentOf(town, { townKey: key, personServer: ps })
    const options = { members: { subagent_token: 'theirs' }, jkt: helper.jkt }
    expect(await parent.fetchPersonToken(supplier, options)).toContain('.')
    expect(asked()[0]).toMatchObject({ subagent_token: 'theirs', resource: supplier })
    claims = {}
    expect((await errorOf(parent.fetchPersonToken(supplier, options))).code).toBe('bad_person_token')
    await expect(parent.fetchPersonToken('https://supplier.example/')).rejects.toThrow(TypeError)
  })
})

it('goes nowhere that strangers name without a guard', async () => {
  const error = await errorOf(
    createAgent({
      key: key.privateJwk,
      agentToken: () => town.ap.mintAgentToken({ name: 'sam', cnf: key.cnf }),
      personServer: 'https://localhost',
      clock: town.clock,
    }).fetchPersonToken(supplier),
  )
  expect(error.code).toBe('bad_answer')
})
