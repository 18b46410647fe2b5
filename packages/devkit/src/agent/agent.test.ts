import { createAgent } from '@countersign/agent'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKey } from '../keys/key.js'
import type { MintOverrides } from '../keys/mint.js'
import { TownServer } from '../server/town-server.js'
import { bread, openSetting, reasonOf, type Setting } from '../testing/setting.js'
import { type Answer, json, requirementHeader, signatureFault } from '../wire/answers.js'

let setting: Setting
beforeEach(async () => {
  setting = await openSetting()
})
afterEach(() => setting.town.close())

const post = { method: 'POST' }
const buy = (agent = setting.sam()) => agent.fetch(bread, post)

/** Makes the shop answer at `/bread` in this order; afterwards it is itself again. */
const answering = (...answers: Answer[]) => {
  const queue = [...answers]
  setting.shop.server.intercept(({ path }) =>
    path.startsWith('/.well-known') || path === '/jwks.json' ? undefined : queue.shift(),
  )
}
const challenge = (name: string, parameters = {}) =>
  json({}, 401, { 'AAuth-Requirement': requirementHeader(name, parameters) })
const deferral = (headers: Record<string, string> = {}) =>
  json({ status: 'pending' }, 202, {
    Location: 'https://shop.example/pending/1',
    'Retry-After': '0',
    'AAuth-Requirement': requirementHeader('approval'),
    ...headers,
  })

describe('an agent', () => {
  const spoilt: [string, MintOverrides][] = [
    ['another issuer', { claims: { iss: 'https://ps.example' } }],
    ['another key', { claims: { agent_jkt: createKey().jkt } }],
    ['another person server', { claims: { ps: 'https://other.example' } }],
    ['another person', { claims: { sub: 'somebody' } }],
    ['another presented token', { claims: { presented_jti: 'other' } }],
    ['a tenant out of nowhere', { claims: { tenant: 'school' } }],
    ['an exp that has passed', { claims: { exp: 1 } }],
    ['another typ', { header: { typ: 'aa-auth+jwt' } }],
    ['a stranger’s signature', { key: createKey('Ed25519', 'shop-1') }],
  ]
  it.each(spoilt)('takes no resource token with %s to its person server', async (_, overrides) => {
    setting.shop.sloppy = overrides
    const reason = await reasonOf(buy())
    expect(reason.code).toBe('bad_resource_token')
    expect(setting.town.ledger.filter(({ url }) => url === 'https://ps.example/token')).toEqual([])
  })

  it('takes no resource token of another resource to its person server', async () => {
    const { town, shop } = setting
    const other = new TownServer(
      town.ps.server.env,
      'https://other.example',
      'aauth-resource.json',
      () => ({}),
    )
    await town.open(other)
    shop.sloppy = { claims: { iss: other.id }, key: other.keys.current }
    expect((await reasonOf(buy())).message).toContain('iss is another resource')
  })

  const wrong: [string, MintOverrides][] = [
    ['another issuer', { claims: { iss: 'https://other.example' } }],
    ['another audience', { claims: { aud: 'https://other.example' } }],
    ['another person server', { claims: { ps: 'https://other.example' } }],
    ['another person', { claims: { sub: 'somebody' } }],
    ['another key', { claims: { cnf: { jwk: createKey().cnf } } }],
    ['another account', { claims: { account: 'blue' } }],
    ['a broader scope', { claims: { scope: 'shop.buy shop.rob' } }],
    ['a life too long', { claims: { exp: 4_000_000_000 } }],
    ['another typ', { header: { typ: 'aa-person+jwt' } }],
  ]
  it.each(wrong)('uses no auth token with %s', async (_, overrides) => {
    const { ps } = setting.town
    const mint = ps.mintAuthToken.bind(ps)
    ps.mintAuthToken = (request) => mint(request, overrides)
    expect((await reasonOf(buy())).code).toBe('bad_auth_token')
    expect(setting.shop.sold).toBe(0)
  })

  it('uses tokens whose audience is an array of one', async () => {
    const { ps } = setting.town
    const mint = { person: ps.mintPersonToken.bind(ps), auth: ps.mintAuthToken.bind(ps) }
    const claims = { aud: ['https://shop.example'] }
    ps.mintPersonToken = (request) => mint.person(request, { claims })
    ps.mintAuthToken = (request) => mint.auth(request, { claims })
    expect((await buy()).status).toBe(200)
  })

  it.each([
    ['another audience', { claims: { aud: 'https://other.example' } }],
    ['two audiences', { claims: { aud: ['https://shop.example', 'https://other.example'] } }],
    ['another issuer', { claims: { iss: 'https://other.example' } }],
    ['another key', { claims: { cnf: { jwk: createKey().cnf } } }],
  ])('uses no person token with %s', async (_, overrides) => {
    const { ps } = setting.town
    const mint = ps.mintPersonToken.bind(ps)
    ps.mintPersonToken = (request) => mint(request, overrides)
    expect((await reasonOf(buy())).code).toBe('bad_person_token')
  })

  it('without a person says so', async () => {
    expect((await reasonOf(buy(setting.town.agent('loner')))).code).toBe('no_person')
  })

  it('hands over whatever asks for nothing', async () => {
    for (const status of [204, 302, 401, 403, 404, 500]) {
      answering({ status, headers: {}, body: '' })
      expect((await buy()).status).toBe(status)
    }
  })

  it.each([
    ['agent-token, to an agent token', 'no_progress', [challenge('agent-token')]],
    ['auth-token, before a person', 'bad_challenge', [challenge('auth-token', { 'resource-token': 'x' })]],
    ['auth-token, without a token', 'bad_challenge', [challenge('person-token'), challenge('auth-token')]],
    [
      'auth-token, with nonsense',
      'bad_resource_token',
      [challenge('person-token'), challenge('auth-token', { 'resource-token': 'x' })],
    ],
    ['person-token, twice', 'no_progress', [challenge('person-token'), challenge('person-token')]],
    ['something unheard of', 'unknown_requirement', [challenge('blood-sample')]],
  ])('gives up on %s: %s', async (_, code, answers) => {
    answering(...answers)
    expect((await reasonOf(buy())).code).toBe(code)
  })

  it.each([
    ['Location', deferral({ Location: '' })],
    ['an absolute Location', deferral({ Location: '/pending/1' })],
    ['a Location of its own', deferral({ Location: 'https://ps.example/pending/1' })],
    ['no-store', deferral({ 'Cache-Control': 'private' })],
  ])('wants %s of a 202', async (_, answer) => {
    answering(answer)
    expect((await reasonOf(buy())).code).toBe('bad_deferral')
  })

  it('gives up when it is sent in circles', async () => {
    setting.shop.server.intercept(({ path }) =>
      path === '/bread' ? deferral() : path === '/pending/1' ? deferral() : undefined,
    )
    const reason = await reasonOf(buy(setting.sam({}, { maxSteps: 7 })))
    expect([reason.code, reason.steps.length]).toEqual(['too_many_steps', 7])
  })

  it('gives up when a step-up brings nothing new', async () => {
    const { shop } = setting
    const original = shop.resourceToken.bind(shop)
    shop.resourceToken = (caller) => original(caller, 'shop.buy')
    const reason = await reasonOf(setting.sam().fetch('https://shop.example/oven', post))
    expect(reason.code).toBe('no_progress')
  })

  it('takes a 403 with a signature header for what it is: a mistake', async () => {
    answering({ ...signatureFault('invalid_jwt'), status: 403 })
    expect((await reasonOf(buy())).code).toBe('bad_answer')
  })

  it('drops an auth token that was refused, and starts over', async () => {
    const sam = setting.sam()
    await buy(sam)
    const refusal = signatureFault('revoked_jwt')
    const requirement = { 'AAuth-Requirement': requirementHeader('person-token') }
    answering({ ...refusal, headers: { ...refusal.headers, ...requirement } })
    expect((await buy(sam)).status).toBe(200)
    expect(setting.shop.sold).toBe(2)
  })

  it('hands over a refusal of what is fresh', async () => {
    const refusal = signatureFault('revoked_jwt')
    answering(refusal, refusal, refusal)
    expect((await buy()).status).toBe(401)
  })

  it('keeps a session and covers it', async () => {
    const sam = setting.sam()
    const here = (session: string) => json({}, 200, { 'AAuth-Access': session })
    answering(deferral(), here('first'), here('second'))
    await buy(sam)
    await buy(sam)
    expect(sam.wallet.sessions.get('https://shop.example')).toBe('second')
    await sam.fetch('https://shop.example/agent')
    const last = setting.shop.requests.at(-1)
    expect(last?.header('authorization')).toBe('AAuth second')
    expect(last?.header('signature-input')).toContain('"authorization"')
  })

  const sent = () => setting.town.ledger.filter(({ url }) => url === bread)
  const begun = (session: string) =>
    json({ status: 'authorized', scope: 'x' }, 200, { 'AAuth-Access': session })

  it('sends the request again, whole, once a session has begun', async () => {
    const sam = setting.sam()
    const calls: unknown[] = []
    const answers = [deferral(), begun('first'), json({ sold: 1 }, 201)]
    setting.shop.server.intercept(({ method, path, header, body }) => {
      if (path === '/bread') calls.push([method, header('authorization'), Buffer.from(body).toString()])
      return /bread|pending/.test(path) ? answers.shift() : undefined
    })
    const answer = await sam.fetch(bread, { method: 'POST', body: 'two' })
    expect([answer.status, await answer.json()]).toEqual([201, { sold: 1 }])
    expect(calls).toEqual([
      ['POST', undefined, 'two'],
      ['POST', 'AAuth first', 'two'],
    ])
  })

  it('begins one session, and gives up when that is not enough', async () => {
    answering(deferral(), begun('first'), deferral(), begun('second'))
    expect((await reasonOf(buy())).code).toBe('no_progress')
  })

  it.each([
    ['an answer of the route with a new session', json({ sold: 1 }, 200, { 'AAuth-Access': 'new' })],
    ['an answer of the route that looks like it', json({ status: 'authorized' }, 200)],
    ['what is no JSON', { status: 200, headers: { 'AAuth-Access': 'new' }, body: 'sold' }],
    ['another status', json({ status: 'authorized' }, 201, { 'AAuth-Access': 'new' })],
  ])('repeats no held call that was carried out: %s', async (_, answer: Answer) => {
    answering(deferral(), answer)
    await buy()
    expect(sent()).toHaveLength(1)
  })

  it('brings the auth token to a held call', async () => {
    const { shop } = setting
    const held: string[] = []
    shop.server.intercept(async ({ path, header }) => {
      if (path !== '/bread' && path !== '/pending/1') return undefined
      const jwt = /jwt="([^"]+)"/.exec(header('signature-key') ?? '')?.[1] ?? ''
      const claims = decodeJwt(jwt)
      held.push(`${path} ${claims['dwk']} ${claims['scope'] ?? ''}`.trim())
      if (claims['ps'] !== undefined && claims['aud'] === undefined) return challenge('person-token')
      if (claims['scope'] !== undefined) return json({ executed: 1 }, 201)
      const caller = { type: 'aa-person+jwt', claims, jkt: sam.key.jkt }
      const resourceToken = await shop.resourceToken(caller, 'shop.buy')
      return deferral({
        'AAuth-Requirement': requirementHeader('auth-token', { 'resource-token': resourceToken }),
      })
    })
    const sam = setting.sam()
    expect((await buy(sam)).status).toBe(201)
    expect(held).toEqual([
      '/bread aauth-agent.json',
      '/bread aauth-person.json',
      '/pending/1 aauth-person.json shop.buy',
    ])
  })

  it('brings a new resource token of a held call to its person server, once each', async () => {
    const { shop } = setting
    const sam = setting.sam()
    const asked: string[] = []
    shop.server.intercept(async ({ path, header }) => {
      if (path !== '/bread' && path !== '/pending/1') return undefined
      const jwt = /jwt="([^"]+)"/.exec(header('signature-key') ?? '')?.[1] ?? ''
      const claims = decodeJwt(jwt)
      asked.push(`${path} ${claims['scope'] ?? ''}`.trim())
      if (claims['ps'] !== undefined && claims['aud'] === undefined) return challenge('person-token')
      if (claims['scope'] === 'shop.buy shop.buy.large') return json({ executed: 1 }, 201)
      const type = claims['scope'] === undefined ? 'aa-person+jwt' : 'aa-auth+jwt'
      const caller = { type, claims, jkt: sam.key.jkt }
      const scope = claims['scope'] === undefined ? 'shop.buy' : 'shop.buy shop.buy.large'
      const resourceToken = await shop.resourceToken(caller, scope)
      return deferral({
        'AAuth-Requirement': requirementHeader('auth-token', { 'resource-token': resourceToken }),
      })
    })
    expect((await buy(sam)).status).toBe(201)
    expect(asked).toEqual(['/bread', '/bread', '/pending/1 shop.buy', '/pending/1 shop.buy shop.buy.large'])
  })

  it('gives up on a held call whose new resource token brings nothing new', async () => {
    const { shop } = setting
    const sam = setting.sam()
    let polls = 0
    shop.server.intercept(async ({ path, header }) => {
      if (path !== '/bread' && path !== '/pending/1') return undefined
      const jwt = /jwt="([^"]+)"/.exec(header('signature-key') ?? '')?.[1] ?? ''
      const claims = decodeJwt(jwt)
      if (claims['ps'] !== undefined && claims['aud'] === undefined) return challenge('person-token')
      if (path === '/pending/1') polls++
      const type = claims['scope'] === undefined ? 'aa-person+jwt' : 'aa-auth+jwt'
      const resourceToken = await shop.resourceToken({ type, claims, jkt: sam.key.jkt }, 'shop.buy')
      return deferral({
        'AAuth-Requirement': requirementHeader('auth-token', { 'resource-token': resourceToken }),
      })
    })
    const reason = await reasonOf(buy(sam))
    expect([reason.code, polls]).toEqual(['no_progress', 1])
  })

  it('says why a wait ended', async () => {
    answering(deferral(), json({ error: 'abandoned' }, 403))
    expect((await reasonOf(buy())).code).toBe('abandoned')
  })

  it('slows down when it is asked to', async () => {
    const waits: number[] = []
    const patient = await openSetting({
      wait: async (seconds) => {
        waits.push(seconds)
      },
    })
    const answers = [
      deferral({ 'Retry-After': '2' }),
      json({ error: 'slow_down' }, 429),
      deferral({ 'Retry-After': '1' }),
      json({}, 200),
    ]
    patient.shop.server.intercept(({ path }) => (/bread|pending/.test(path) ? answers.shift() : undefined))
    await patient.sam().fetch(bread, post)
    expect(waits).toEqual([2, 7, 1])
    await patient.town.close()
  })

  it('says when nobody is there', async () => {
    setting.town.route('shop.example', undefined)
    expect((await reasonOf(buy())).code).toBe('unreachable')
  })

  it('reports what its person’s browser could not do', async () => {
    const onInteraction = () => {
      throw new Error('no browser')
    }
    const consent = () => ({ decision: true, after: 'visit' as const })
    expect((await reasonOf(buy(setting.sam({ consent }, { onInteraction })))).code).toBe('interaction_failed')
  })
})

describe('login_hint of a resource token (6.7.1)', () => {
  /** What the person server was asked at its token endpoint. */
  const asked = async (errand: () => Promise<Response>): Promise<unknown[]> => {
    const hints: unknown[] = []
    setting.shop.sloppy = { claims: { login_hint: 'Mom <mom@shop.example>' } }
    setting.town.ps.server.intercept(({ path, body }) => {
      if (path === '/token') hints.push(JSON.parse(Buffer.from(body).toString())['login_hint'])
      return undefined
    })
    expect((await errand()).status).toBe(200)
    return hints
  }

  it('is passed on unchanged', async () => {
    expect(await asked(() => buy())).toEqual(['Mom <mom@shop.example>'])
  })

  it('is passed on unchanged for a sub-agent', async () => {
    expect(await asked(() => buy(setting.sam().subAgent('brother')))).toEqual(['Mom <mom@shop.example>'])
  })

  it('is passed on unchanged whatever the program itself would say', async () => {
    const { town } = setting
    const sam = setting.sam()
    const program = createAgent({
      key: sam.key.privateJwk,
      agentToken: () => sam.mintAgentToken(),
      personServer: town.ps.id,
      tokenRequest: { login_hint: 'dad@shop.example' },
      fetch: town.fetchAs('program'),
      clock: town.clock,
      wait: async () => undefined,
    })
    expect(await asked(() => program.fetch(bread, post))).toEqual(['Mom <mom@shop.example>'])
  })
})

describe('by hand', () => {
  it('any part of a request can be made wrong', async () => {
    const sam = setting.sam()
    const request = { url: 'https://shop.example/agent' }
    const status = async (options: Parameters<typeof sam.request>[1]) =>
      (await sam.request(request, options)).status
    expect(await status({})).toBe(200)
    expect(await status({ key: createKey() })).toBe(401)
    expect(await status({ created: 1 })).toBe(401)
    expect(await status({ authority: 'other.example' })).toBe(401)
    expect(await status({ components: ['@method', '@authority', '@path'] })).toBe(401)
    expect(await status({ label: 'mine' })).toBe(200)
    expect(await status({ token: await sam.mintAgentToken({ claims: { exp: 1 } }) })).toBe(401)
  })

  it('the target goes on the wire as written', async () => {
    const { town, shop } = setting
    const sam = setting.sam()
    for (const target of ['//x/../agent', '/agent/%2e%2e/agent', '/agent?x=%20']) {
      await sam.request({ url: `https://shop.example${target}` })
      expect(town.ledger.at(-1)?.url).toBe(`https://shop.example${target}`)
    }
    expect(shop.requests.at(-1)?.target).toBe('/agent?x=%20')
  })

  it('a signed request can be altered before it is sent', async () => {
    const sam = setting.sam()
    const wire = await sam.sign({ url: 'https://shop.example/agent' })
    expect((await sam.send(wire)).status).toBe(200)
    expect((await sam.send({ ...wire, target: '/person' })).status).toBe(401)
  })
})
