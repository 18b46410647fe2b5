import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bread, openSetting, reasonOf, type Setting } from './testing/setting.js'
import { createTown, type Town } from './town.js'

let setting: Setting
beforeEach(async () => {
  setting = await openSetting()
})
afterEach(() => setting.town.close())

const post = { method: 'POST' }
const lookup = /\.well-known|jwks/
const story = () =>
  setting.town.ledger
    .filter(({ url }) => !lookup.test(url))
    .map(({ from, method, url, status, requirement, outcome }) =>
      [from, method, url, status, requirement, outcome].join(' '),
    )

describe('the loop', () => {
  it.each(['Ed25519', 'ES256'] as const)('sells bread, three-party, to an agent with %s', async (alg) => {
    const sam = setting.sam({}, { alg })
    const answer = await sam.fetch(bread, { ...post, body: 'two loaves' })
    expect(await answer.json()).toMatchObject({ sold: 1, body: 'two loaves' })
    expect(story()).toEqual([
      `sam POST ${bread} 401 person-token person-token`,
      'sam POST https://ps.example/person 200  person_token',
      `sam POST ${bread} 401 auth-token auth-token`,
      'sam POST https://ps.example/token 200  auth_token',
      `sam POST ${bread} 200  served`,
    ])
  })

  it('sells bread, four-party', async () => {
    const { town, shop, sam } = setting
    const office = await town.openAccessServer('https://office.example')
    shop.accessServer = office.id
    expect((await sam().fetch(bread, post)).status).toBe(200)
    expect(office.issued).toHaveLength(1)
    expect(story()).toContain('ps.example POST https://office.example/token 200  auth_token')
  })

  it('covers content type and digest of a body, and declares its capabilities', async () => {
    await setting.sam().fetch(bread, { ...post, body: 'rye' })
    const last = setting.shop.requests.at(-1)
    expect(last?.header('signature-input')).toMatch(
      /^sig=\("@method" "@authority" "@path" "signature-key" "content-type" "content-digest"\);created=\d+$/,
    )
    expect(last?.header('aauth-capabilities')).toBe('interaction')
  })

  it('keeps one auth token for each resource, and uses it again', async () => {
    const sam = setting.sam()
    await sam.fetch(bread, post)
    const before = setting.town.ledger.length
    await sam.fetch(bread, post)
    expect(setting.town.ledger.length - before).toBe(1)
  })

  it('steps up with the auth token it holds', async () => {
    const sam = setting.sam()
    await sam.fetch(bread, post)
    const before = story().length
    expect((await sam.fetch('https://shop.example/oven', post)).status).toBe(200)
    expect(story().slice(before)).toHaveLength(3)
    const tokens = setting.town.ps.issued.filter(({ typ }) => typ === 'aa-auth+jwt')
    expect(decodeJwt(tokens[1]?.jwt ?? '')['scope']).toBe('shop.buy shop.buy.large')
  })

  it('goes back to the agent token where that is what counts', async () => {
    const sam = setting.sam()
    await sam.fetch(bread, post)
    const answer = await sam.fetch('https://shop.example/agent')
    expect(await answer.json()).toEqual({ sub: 'aauth:sam@ap.example' })
  })

  it('renews tokens that have run out', async () => {
    const sam = setting.sam()
    await sam.fetch(bread, post)
    setting.pass(3600)
    expect((await sam.fetch(bread, post)).status).toBe(200)
    setting.pass(86_400)
    expect((await sam.fetch(bread, post)).status).toBe(200)
  })

  it('brings components that the metadata announces', async () => {
    setting.shop.metadata = { additional_signature_components: ['@query', 'content-digest'] }
    expect((await setting.sam().fetch(`${bread}?loaves=2`, { ...post, body: '{}' })).status).toBe(200)
    expect(setting.shop.requests).toHaveLength(3)
  })

  it('adds components that a refusal names', async () => {
    const { shop, sam } = setting
    const agent = sam()
    await agent.fetch('https://shop.example/agent')
    shop.metadata = { additional_signature_components: ['@query'] }
    expect((await agent.fetch('https://shop.example/agent?x=1')).status).toBe(200)
  })

  it('survives a change of its key', async () => {
    const sam = setting.sam()
    await sam.fetch(bread, post)
    sam.rotateKey('ES256')
    expect((await sam.fetch(bread, post)).status).toBe(200)
  })

  it('survives new keys of every issuer, with and without overlap', async () => {
    const { town, shop, sam, pass } = setting
    const agent = sam()
    await agent.fetch(bread, post)
    // No reader asks twice within a minute (AAuth 11.4), the agent included.
    pass(60)
    town.ap.keys.rotate()
    town.ps.keys.rotate({ overlap: false })
    shop.server.keys.rotate({ sameKid: true })
    agent.wallet.clear()
    expect((await agent.fetch(bread, post)).status).toBe(200)
  })
})

describe('people', () => {
  it('say no', async () => {
    const reason = await reasonOf(setting.sam({ consent: () => false }).fetch(bread, post))
    expect(reason.code).toBe('denied')
    expect(reason.steps.map(({ url, status }) => `${new URL(url).host} ${status}`)).toEqual([
      'shop.example 401',
      'ps.example 200',
      'shop.example 401',
      'ps.example 403',
    ])
    expect(setting.shop.sold).toBe(0)
  })

  it('cannot be made to agree by an error in their consent function', async () => {
    const consent = () => {
      throw new Error('no idea')
    }
    expect((await reasonOf(setting.sam({ consent }).fetch(bread, post))).code).toBe('denied')
  })

  it.each([true, false])('take their time, and then say %s', async (decision) => {
    let decided: () => void = () => undefined
    const after = new Promise<void>((resolve) => {
      decided = resolve
    })
    const seen: string[] = []
    const onInteraction = ({ link }: { link: string }) => {
      seen.push(link)
      decided()
    }
    const sam = setting.sam({ consent: () => ({ decision, after }) }, { onInteraction })
    const fetching = sam.fetch(bread, post)
    if (decision) expect((await fetching).status).toBe(200)
    else expect((await reasonOf(fetching)).code).toBe('denied')
    expect(seen).toEqual([
      expect.stringMatching(/^https:\/\/ps\.example\/interact\?code=[0-9A-HJKMNP-TV-Z]{8}$/),
    ])
    expect(story()).toContain('sam POST https://ps.example/token 202 interaction pending')
  })

  it('decide by opening a page', async () => {
    const pages: number[] = []
    const onInteraction = async ({ link }: { link: string }) => {
      pages.push((await setting.town.fetch(link)).status, (await setting.town.fetch(link)).status)
    }
    const sam = setting.sam({ consent: () => ({ decision: true, after: 'visit' }) }, { onInteraction })
    expect((await sam.fetch(bread, post)).status).toBe(200)
    expect(pages).toEqual([200, 410])
  })

  it('cannot be reached for a page when the agent did not declare interaction', async () => {
    const consent = () => ({ decision: true, after: 'visit' as const })
    const reason = await reasonOf(setting.sam({ consent }, { capabilities: [] }).fetch(bread, post))
    expect(reason.code).toBe('user_unreachable')
  })

  it('can be reached otherwise: the agent waits for an approval', async () => {
    const consent = () => ({ decision: true, after: Promise.resolve() })
    expect((await setting.sam({ consent }, { capabilities: [] }).fetch(bread, post)).status).toBe(200)
    expect(story()).toContain('sam POST https://ps.example/token 202 approval pending')
  })

  it('are asked once before an agent names them at a resource, if they want to be', async () => {
    const asked: unknown[] = []
    const introduction = (ask: unknown) => asked.push(ask) > 0
    const sam = setting.sam({ introduction })
    await sam.fetch('https://shop.example/person')
    sam.wallet.clear()
    await sam.fetch('https://shop.example/person')
    expect(asked).toEqual([
      expect.objectContaining({ kind: 'introduction', resource: 'https://shop.example', scope: [] }),
    ])
  })

  it('are told what is asked and why', async () => {
    const asked: unknown[] = []
    const consent = (ask: unknown) => asked.push(ask) > 0
    await setting.sam({ consent }, { justification: 'breakfast' }).fetch(bread, post)
    expect(asked).toEqual([
      {
        kind: 'authorization',
        agent: 'aauth:sam@ap.example',
        resource: 'https://shop.example',
        scope: ['shop.buy'],
        account: undefined,
        mission: undefined,
        justification: 'breakfast',
      },
    ])
  })

  it('have one name at a resource, whatever agent and key, and another elsewhere', async () => {
    const { town } = setting
    const mom = town.person('mom')
    for (const name of ['sam', 'max']) await town.agent(name, { person: mom }).fetch(bread, post)
    const subjects = new Set(town.ps.issued.map(({ sub }) => sub))
    expect(subjects.size).toBe(1)
    expect(subjects).not.toContain(town.ps.subjectOf(mom, 'https://other.example'))
  })

  it('lend their tenant, and the claims of identity scopes', async () => {
    const { town, shop, sam } = setting
    shop.sloppy = { claims: { scope: 'shop.buy email' } }
    await sam({ tenant: 'school', claims: { email: 'mom@home.example', birthdate: '1980-01-01' } }).fetch(
      bread,
      post,
    )
    const claims = decodeJwt(town.ps.issued.at(-1)?.jwt ?? '')
    expect(claims).toMatchObject({ tenant: 'school', email: 'mom@home.example', scope: 'shop.buy email' })
    expect(claims).not.toHaveProperty('birthdate')
  })
})

describe('missions', () => {
  it('go from the person server into every token', async () => {
    const { town } = setting
    const mission = town.ps.startMission('aauth:sam@ap.example')
    expect(mission).toMatch(/^[\w-]{43}$/)
    expect((await setting.sam({}, { mission }).fetch(bread, post)).status).toBe(200)
    expect(town.ps.issued.map(({ jwt }) => decodeJwt(jwt)['mission_s256'])).toEqual([mission, mission])
  })

  it('end the life of their tokens with their own', async () => {
    const { town } = setting
    const expiresAt = town.clock() / 1000 + 1000
    const mission = town.ps.startMission('aauth:sam@ap.example', { expiresAt })
    await setting.sam({}, { mission }).fetch(bread, post)
    expect(town.ps.issued.map(({ exp }) => exp)).toEqual([expiresAt, expiresAt])
  })
})

describe('the town', () => {
  it('reaches nothing outside', async () => {
    await expect(setting.town.fetch('https://elsewhere.example/')).rejects.toThrow(TypeError)
    await expect(setting.town.fetch('http://ps.example/')).rejects.toThrow(TypeError)
    await expect(setting.town.fetch('https://ps.example:8443/')).rejects.toThrow(TypeError)
  })

  it('hands other hosts to a fallback, if there is one', async () => {
    const town = await createTown({ fallback: async () => new Response('outside') })
    const answer = await town.fetch('https://elsewhere.example/')
    expect(await answer.text()).toBe('outside')
    await town.close()
  })

  it('tells where its hosts listen', () => {
    expect(Object.keys(setting.town.loopback).sort()).toEqual(['ap.example', 'ps.example', 'shop.example'])
  })

  it('writes down what could not be reached', async () => {
    setting.town.route('gone.example', 1)
    await expect(setting.town.fetch('https://gone.example/')).rejects.toThrow(TypeError)
    expect(setting.town.ledger.at(-1)).toMatchObject({
      to: 'gone.example',
      status: 0,
      outcome: 'unreachable',
    })
  })

  it('refuses names that are no identifiers', async () => {
    await expect(createTown({ personServer: 'https://ps.example/' })).rejects.toThrow(TypeError)
    await expect(setting.town.openAccessServer('http://as.example')).rejects.toThrow(TypeError)
  })

  it('lets an issuer lie', async () => {
    setting.town.ps.server.intercept(({ path }) =>
      path === '/jwks.json' ? { status: 503, headers: {}, body: '' } : undefined,
    )
    // Nobody can verify what it signs.
    expect((await setting.sam().fetch(bread, post)).status).toBe(401)
  })
})

describe('a slip of the pen in a test', () => {
  it.each<[string, (town: Town) => unknown, string]>([
    [
      'a consent that is no function',
      (town) => town.person('mom', { consent: true as never }),
      'town.person: consent must be a function',
    ],
    [
      'a misspelt option of a person',
      (town) => town.person('mom', { consents: () => false } as never),
      'town.person: consents is not known; there are consent, ',
    ],
    [
      'a person by name',
      (town) => town.agent('sam', { person: 'mom' as never }),
      'town.agent: person must be what town.person(name) returned',
    ],
    [
      'a misspelt option of an agent',
      (town) => town.agent('sam', { persn: 1 } as never),
      'town.agent: persn is not known; there are provider, person, ',
    ],
    [
      'a person server that is none',
      (town) => town.person('mom', { at: 'https://ps.example' as never }),
      'town.person: at must be a person server of the town',
    ],
    [
      'options that are none',
      (town) => town.agent('sam', 'mom' as never),
      'town.agent: options must be an object',
    ],
    [
      'a route to an address',
      (town) => town.route('https://notes.example', 3000),
      "town.route: the host must be a lower-case name as 'notes.example', not https://notes.example",
    ],
    [
      'a route to a name and a port',
      (town) => town.route('notes.example:443', 3000),
      'town.route: the host must be',
    ],
    [
      'a port in text',
      (town) => town.route('notes.example', '3000' as never),
      'town.route: the port of notes.example must be a whole number',
    ],
  ])('is told: %s', (_, slip, says) => {
    expect(() => slip(setting.town)).toThrow(TypeError)
    expect(() => slip(setting.town)).toThrow(says)
  })

  it('is told of the town as well', async () => {
    await expect(createTown({ clok: Date.now } as never)).rejects.toThrow('createTown: clok is not known')
    await expect(createTown({ clock: Date.now() as never })).rejects.toThrow(
      'createTown: clock must be a function',
    )
  })

  it('is no person who says no: a consent that answers nothing', async () => {
    const consent = (() => undefined) as never
    const fetching = setting.sam({ consent }).fetch(bread, post)
    await expect(fetching).rejects.toMatchObject({
      code: 'server_error',
      detail: 'consent answered undefined: it has to be true, false or { decision, after }',
    })
  })
})
