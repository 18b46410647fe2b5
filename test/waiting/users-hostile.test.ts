import { createMemoryStore, interact, type ResourceOptions, type Store, StoreError } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { coreAdapters, resource } from '../target/start.js'
import {
  decideOn,
  flow,
  linkOf,
  type ResourceTokenClaims,
  resourceTokenOf,
  textOf,
  UsersInMemory,
} from './linking.js'
import { errorOf, interactionOf, locationOf, openStage, type Stage } from './stage.js'
import { tokenOf, Visitor } from './visitor.js'

const url = `${resource}/mine`
const raise = (thrown: unknown): never => {
  throw thrown
}
const fails = (): never => raise(new Error('secret'))

describe.each(coreAdapters)('linking a person to a user, attacked [adapter %s]', (adapter) => {
  let stage: Stage
  let users: UsersInMemory
  const open = async (options: Partial<ResourceOptions> = {}, table?: readonly TargetRoute[]) => {
    users = new UsersInMemory()
    stage = await openStage(adapter, { users: users.option, ...options }, table)
  }
  const reopen = async (options?: Partial<ResourceOptions>, table?: readonly TargetRoute[]) => {
    await stage.close()
    await open(options, table)
  }
  beforeEach(() => open())
  afterEach(() => stage.close())

  const call = async (token?: string, path = url): Promise<Response> =>
    stage.sam.request({ url: path }, { token: token ?? (await stage.personToken()) })
  const begin = async (token?: string): Promise<ResourceTokenClaims> => resourceTokenOf(await call(token))
  const pageOf = (claims: ResourceTokenClaims): string => new URL(claims.interaction?.url as string).pathname
  const linked = (): unknown[] => [...users.links.values()]

  it.each([
    ['another server', 'https://evil.example/flow/1'],
    ['the agent provider', 'https://ap.example/cb'],
    ['the resource itself', `${resource}/mine`],
    ['the person server over http', 'http://ps.example/flow/1'],
    ['another port', 'https://ps.example:8443/flow/1'],
    ['a host that begins like it', 'https://ps.example.evil.example/'],
    ['credentials', 'https://ps.example@evil.example/'],
    ['a password', 'https://x:y@ps.example/'],
    ['a backslash', 'https://ps.example\\@evil.example/'],
    ['a fragment', 'https://ps.example/#x'],
    ['loopback', 'http://127.0.0.1/cb'],
    ['a script', 'javascript:alert(1)'],
    ['a relative path', '//evil.example/'],
    ['nothing', ''],
  ])('sends nobody on to %s, and the code still counts (G-38)', async (_, callback) => {
    const claims = await begin()
    const visitor = new Visitor(stage.town)
    const refused = await visitor.request(linkOf(claims, callback).slice(resource.length))
    expect([refused.status, refused.headers.get('location')]).toEqual([400, null])
    const page = await visitor.open(linkOf(claims))
    expect((await visitor.decide(page, 'approve')).headers.get('location')).toBe(flow)
  })

  it('takes a code once, from one browser (R-232, G-37)', async () => {
    const claims = await begin()
    const first = new Visitor(stage.town)
    const page = await first.open(linkOf(claims))
    const second = new Visitor(stage.town, {}, 'dad')
    expect((await second.open(linkOf(claims))).status).toBe(410)
    expect((await second.open(pageOf(claims))).status).toBe(410)
    const forged = await second.post(pageOf(claims), { token: tokenOf(page), decision: 'approve' })
    expect([forged.status, linked()]).toEqual([403, []])
    await first.decide(page, 'approve')
    expect((await new Visitor(stage.town).open(linkOf(claims))).status).toBe(410)
    // The same browser once more: what was decided stays decided.
    expect((await first.decide(page, 'decline')).status).toBe(200)
    expect(linked()).toEqual(['mom'])
  })

  it('links nobody by a form of another browser, of another user or of another page (R-231)', async () => {
    const mine = await begin()
    const others = await begin(await stage.personToken(stage.town.person('dad')))
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    const forms = [tokenOf(await mom.open(linkOf(mine))), tokenOf(await dad.open(linkOf(others)))] as const
    for (const [token, decision] of [
      [forms[1], 'approve'],
      [forms[1], 'continue'],
      [forms[1], 'decline'],
      ['', 'approve'],
      [forms[0], 'link'],
      [forms[0], '__proto__'],
      [forms[0], 'constructor'],
    ] as const)
      expect((await mom.post(pageOf(mine), { token, decision })).status).toBeGreaterThanOrEqual(400)
    // Somebody else signs in in the same browser, while the page is open.
    await mom.post('/login', { username: 'dad', password: 'dad', next: pageOf(mine) })
    expect((await mom.post(pageOf(mine), { token: forms[0], decision: 'approve' })).status).toBe(403)
    expect(users.asked.filter((each) => each.startsWith('link'))).toEqual([])
    const again = await mom.open(pageOf(mine))
    expect(textOf(again)).toContain('Signed in as dad')
    await mom.decide(again, 'approve')
    expect(linked()).toEqual(['dad'])
  })

  it('makes plain whose agent is connected, whatever the agent and its server say (R-241, R-242)', async () => {
    const claims = await begin()
    const text = textOf(await new Visitor(stage.town).open(linkOf(claims)))
    for (const each of [
      'An agent of somebody at ps.example',
      claims.sub,
      'Signed in as mom',
      'Read the data',
    ])
      expect(text).toContain(each)
    expect(text).toContain('if ps.example is your own person server')
  })

  it('never serves one person’s user to another person, server or tenant', async () => {
    const first = await call()
    await decideOn(stage, first)
    expect((await call(await stage.grant('data.read'))).status).toBe(200)
    const dad = stage.town.person('dad')
    expect((await call(await stage.grant('data.read', { person: dad }))).status).toBe(401)
    const { sub } = resourceTokenOf(first)
    const about = { person: stage.mom, resource, cnf: stage.sam.key.cnf, scope: 'data.read' }
    for (const claims of [{ tenant: 'school' }, { sub: `${sub} ` }, { sub: sub.toUpperCase() }]) {
      const answer = await call(await stage.town.ps.mintAuthToken(about, { claims }))
      expect([claims, answer.status, await errorOf(answer)]).toEqual([claims, 401, 'user_required'])
    }
  })

  it('links within the tenant that the token names, and shows nobody else’s', async () => {
    const about = { person: stage.mom, resource, cnf: stage.sam.key.cnf }
    const claims = { tenant: 'school' }
    await decideOn(stage, await call(await stage.town.ps.mintPersonToken(about, { claims })))
    const scope = 'data.read'
    const school = await stage.town.ps.mintAuthToken({ ...about, scope }, { claims })
    expect(await (await call(school)).json()).toMatchObject({ user: 'mom', tenant: 'school' })
    const other = await stage.town.ps.mintAuthToken({ ...about, scope }, { claims: { tenant: 'club' } })
    expect([(await call(other)).status, (await call(await stage.grant(scope))).status]).toEqual([401, 401])
  })

  it('lets whoever finds the person linked decline that as well', async () => {
    const [first, second] = [await begin(), await begin()]
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    await mom.decide(await mom.open(linkOf(first)), 'approve')
    const page = await dad.open(linkOf(second))
    expect((await dad.decide(page, 'decline')).headers.get('location')).toBe(`${flow}?error=access_denied`)
    // Decided is decided.
    expect((await dad.decide(page, 'continue')).headers.get('location')).toBeNull()
    expect(linked()).toEqual(['mom'])
  })

  it('goes on with no link that has gone meanwhile', async () => {
    const [first, second] = [await begin(), await begin()]
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    await mom.decide(await mom.open(linkOf(first)), 'approve')
    const page = await dad.open(linkOf(second))
    users.links.clear()
    const asked = await dad.decide(page, 'continue')
    expect([asked.status, asked.text.includes('value="approve"'), linked()]).toEqual([200, true, []])
  })

  it('says so where the person is linked meanwhile, and links nobody a second time', async () => {
    const [first, second] = [await begin(), await begin()]
    const dad = new Visitor(stage.town, {}, 'dad')
    const open = await dad.open(linkOf(second))
    const mom = new Visitor(stage.town)
    await mom.decide(await mom.open(linkOf(first)), 'approve')
    const told = await dad.decide(open, 'approve')
    expect([told.status, told.headers.get('location')]).toEqual([200, null])
    expect(textOf(told)).toContain('is connected to an account at rs.example already')
    expect(textOf(await dad.open(pageOf(second)))).toContain('already')
    expect((await dad.decide(told, 'continue')).headers.get('location')).toBe(flow)
    expect([linked(), users.asked.includes('link dad')]).toEqual([['mom'], false])
    expect(await (await call(await stage.grant('data.read'))).json()).toMatchObject({ user: 'mom' })
  })

  it('lets one of two users who race for one person win, and tells the other', async () => {
    const [first, second] = [await begin(), await begin()]
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    const pages = [await mom.open(linkOf(first)), await dad.open(linkOf(second))] as const
    let arrived: () => void = () => {}
    let goOn: () => void = () => {}
    const atDatabase = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const answered = new Promise<void>((resolve) => {
      goOn = resolve
    })
    users.instead = async (user) => {
      arrived()
      await answered
      users.links.set(users.key({ person: { ps: 'https://ps.example', sub: first.sub } }), user)
    }
    const winning = mom.decide(pages[0], 'approve')
    await atDatabase
    const busy = await dad.decide(pages[1], 'approve')
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '5'])
    // The same page from a second tab.
    expect((await mom.decide(pages[0], 'decline')).status).toBe(503)
    goOn()
    expect((await winning).headers.get('location')).toBe(flow)
    expect(textOf(await dad.decide(pages[1], 'approve'))).toContain('already')
    expect([linked(), users.asked.filter((each) => each.startsWith('link'))]).toEqual([['mom'], ['link mom']])
  })

  it('lets nobody else link a person whom a function that was too late may yet link', async () => {
    await reopen({ policyTimeout: 40 })
    const [first, second] = [await begin(), await begin()]
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    const pages = [await mom.open(linkOf(first)), await dad.open(linkOf(second))] as const
    let goOn: () => void = () => {}
    users.instead = (user) =>
      new Promise((resolve) => {
        goOn = () =>
          resolve(users.links.set(users.key({ person: { ps: 'https://ps.example', sub: first.sub } }), user))
      })
    expect((await mom.decide(pages[0], 'approve')).status).toBe(503)
    users.instead = undefined
    expect((await dad.decide(pages[1], 'approve')).status).toBe(503)
    goOn()
    expect(users.asked.filter((each) => each.startsWith('link'))).toEqual(['link mom'])
    // A minute later.
    stage.pass(62)
    expect(textOf(await dad.decide(pages[1], 'approve'))).toContain('already')
    expect(textOf(await mom.open(pageOf(first)))).toContain('already')
    expect(linked()).toEqual(['mom'])
  })

  it('gives one of two browsers that race for one code the page', async () => {
    const claims = await begin()
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    const pages = await Promise.all([mom.open(linkOf(claims)), dad.open(linkOf(claims))])
    expect(pages.map(({ status }) => status).sort()).toEqual([200, 410])
  })

  it('ends with its resource token (R-234)', async () => {
    const [unopened, opened] = [await begin(), await begin()]
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(linkOf(opened))
    stage.pass(301)
    expect((await new Visitor(stage.town).open(linkOf(unopened))).status).toBe(408)
    const late = await visitor.decide(page, 'approve')
    expect(late.headers.get('location')).toBe(`${flow}?error=interaction_expired`)
    stage.pass(61)
    expect((await new Visitor(stage.town).open(linkOf(unopened))).status).toBe(410)
    expect(linked()).toEqual([])
  })

  it('is dead after a few wrong codes (R-233)', async () => {
    const claims = await begin()
    for (let i = 0; i < 5; i++)
      expect((await new Visitor(stage.town).open(`${pageOf(claims)}?code=AAAAAAAA`)).status).toBe(410)
    expect((await new Visitor(stage.town).open(linkOf(claims))).status).toBe(410)
  })

  it.each(['person', 'token'] as const)('links nobody whose %s was stopped meanwhile', async (what) => {
    const token = await stage.personToken()
    const claims = await begin(token)
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(linkOf(claims))
    const person = { ps: 'https://ps.example', sub: claims.sub }
    const { jti, exp } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as {
      jti: string
      exp: number
    }
    if (what === 'person') await stage.aauth.denials.add({ subject: { person } })
    else await stage.aauth.revocations.record({ iss: 'https://ps.example', jti, exp })
    const stopped = await visitor.decide(page, 'approve')
    expect([stopped.status, stopped.text.includes(`href="${flow}?error=access_denied"`)]).toEqual([403, true])
    expect((await visitor.open(pageOf(claims))).status).toBe(403)
    expect([linked(), users.asked.filter((each) => each.startsWith('link'))]).toEqual([[], []])
  })

  it('has no pending URL, and nobody decides it elsewhere', async () => {
    const claims = await begin()
    const id = pageOf(claims).slice('/aauth/interact/'.length)
    expect((await stage.sam.request({ url: `${resource}/aauth/pending/${id}` })).status).toBe(404)
    expect(await stage.aauth.pending.approve(id, { user: 'dad' })).toBe(false)
  })

  it('opens no more pages than other requests that wait', async () => {
    await reopen({ pending: { perKey: 2 } })
    for (const status of [401, 401, 429]) expect((await call()).status).toBe(status)
    expect((await call()).headers.get('retry-after')).not.toBeNull()
    await reopen({ pending: { room: 10_000 } })
    const statuses = []
    for (let i = 0; i < 4; i++) statuses.push((await call()).status)
    expect(statuses.at(-1)).toBe(503)
  })

  it.each([
    0,
    1,
    false,
    true,
    '',
    ' ',
    [],
    [{ id: 1 }],
    { rows: [] },
    new Set(),
    Number.NaN,
    () => 'mom',
    new Error('nobody'),
  ] as unknown[])('takes no junk for a user or for nobody: %j is a 500', async (junk) => {
    users.found = () => junk
    for (const token of [await stage.personToken(), await stage.grant('data.read')]) {
      const answer = await call(token)
      expect([answer.status, await errorOf(answer)]).toEqual([500, 'server_error'])
    }
    users.found = async () => junk
    expect((await call(await stage.grant('data.read'))).status).toBe(500)
  })

  it.each<[string, unknown]>([
    ['false', false],
    ['an Error', new Error('there already')],
    ['a refusal without a reason', { refused: undefined }],
    ['a refusal that is a mark', { refused: true }],
    ['a refusal in an object', { refused: { en: 'There already.' } }],
  ])('takes no junk of link for a link: %s', async (_, junk) => {
    users.instead = () => junk
    const claims = await begin()
    const visitor = new Visitor(stage.town)
    const told = await visitor.decide(await visitor.open(linkOf(claims)), 'approve')
    expect(told.headers.get('location')).toBe(`${flow}?error=server_error`)
    expect(linked()).toEqual([])
  })

  it('serves nobody while the application cannot say who it is', async () => {
    const claims = await begin()
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(linkOf(claims))
    users.found = () => {
      throw new Error('the database is away')
    }
    expect((await call(await stage.grant('data.read'))).status).toBe(500)
    expect((await visitor.decide(page, 'approve')).status).toBe(500)
    users.found = () => Promise.reject(new Error('later'))
    expect((await call(await stage.grant('data.read'))).status).toBe(500)
    users.found = undefined
    expect(linked()).toEqual([])
    expect((await visitor.decide(page, 'approve')).headers.get('location')).toBe(flow)
  })

  it.each<[string, () => unknown]>([
    ['what throws when it is asked', () => new Proxy({}, { getPrototypeOf: () => fails() })],
    ['what cannot be a text', () => Object.create(null)],
    ['an error whose message throws', () => Object.defineProperty(new Error(), 'message', { get: fails })],
    ['a symbol', () => Symbol('secret')],
    ['nothing', () => undefined],
  ])('answers a 500 of its own where the application throws %s', async (_, thrown) => {
    const claims = await begin()
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(linkOf(claims))
    for (const found of [() => Promise.reject(thrown()), () => raise(thrown())]) {
      users.found = found
      const answer = await call(await stage.grant('data.read'))
      expect([answer.status, await errorOf(answer)]).toEqual([500, 'server_error'])
      const told = await visitor.decide(page, 'approve')
      expect([told.status, told.text.includes('Something went wrong here.')]).toEqual([500, true])
    }
    users.found = undefined
    users.instead = () => raise(thrown())
    const told = await visitor.decide(page, 'approve')
    expect([told.headers.get('location'), linked()]).toEqual([`${flow}?error=server_error`, []])
  })

  it('takes null for nobody', async () => {
    users.found = () => null
    expect((await call()).status).toBe(401)
  })

  it('answers 503 while the store is away, and links nobody', async () => {
    const memory = createMemoryStore({ clock: () => Date.UTC(2026, 10, 1) })
    let isDown = false
    const guarded =
      <A extends unknown[], R>(verb: (...args: A) => R) =>
      (...args: A): R => {
        if (isDown) throw new StoreError('failed', 'down')
        return verb(...args)
      }
    const store: Store = {
      get: guarded((key: string) => memory.get(key)),
      put: guarded((key: string, value: string, ttl: number) => memory.put(key, value, ttl)),
      claim: guarded((key: string, value: string, ttl: number) => memory.claim(key, value, ttl)),
      delete: guarded((key: string) => memory.delete(key)),
    }
    await reopen({ store })
    const claims = await begin()
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(linkOf(claims))
    isDown = true
    expect((await call()).status).toBe(503)
    expect((await visitor.decide(page, 'approve')).status).toBe(503)
    await expect(
      stage.aauth.users.unlink({ person: { ps: 'https://ps.example', sub: claims.sub } }),
    ).rejects.toThrow(StoreError)
    isDown = false
    expect(linked()).toEqual([])
  })

  it('ends what waits, is kept or is open for whoever is unlinked, and their sessions', async () => {
    let runs = 0
    const held: TargetRoute = {
      method: 'GET',
      path: '/mine',
      requirement: { scope: 'data.read', user: true, deliver: 'held' },
      answer: ({ caller }) => ({ runs: ++runs, user: 'user' in caller ? caller.user : undefined }),
    }
    const session: TargetRoute = {
      method: 'GET',
      path: '/session',
      requirement: { session: true },
      answer: ({ caller }) => ({ kind: caller.kind }),
    }
    await reopen({}, [held, session])
    const first = await call()
    const person = { ps: 'https://ps.example', sub: resourceTokenOf(first).sub }
    await decideOn(stage, first)
    const grant = await stage.grant('data.read')
    const kept = locationOf(first)
    expect(await (await call(grant, kept)).json()).toEqual({ runs: 1, user: 'mom' })
    expect(await (await call(grant, kept)).json()).toEqual({ runs: 1, user: 'mom' })
    const waiting = locationOf(await call())
    const begun = await call(undefined, `${resource}/session`)
    const { url: page, code } = interactionOf(begun)
    const visitor = new Visitor(stage.town)
    await visitor.decide(await visitor.open(`${page}?code=${code}`), 'approve')
    const credential = (await call(undefined, locationOf(begun))).headers.get('aauth-access') as string
    const withSession = (): Promise<Response> =>
      stage.sam.request({
        url: `${resource}/session`,
        headers: [['Authorization', `AAuth ${credential}`]],
      })
    expect((await withSession()).status).toBe(200)

    await stage.aauth.users.unlink({ person })
    for (const [pending, status, error] of [
      [kept, 410, 'gone'],
      [waiting, 403, 'revoked'],
    ] as const) {
      const ended = await call(grant, pending)
      expect([ended.status, await errorOf(ended)]).toEqual([status, error])
    }
    expect((await withSession()).status).toBe(202)
    expect(runs).toBe(1)
    // What is begun afterwards is begun anew.
    const again = await call()
    await decideOn(stage, again, 'approve', 'dad')
    expect(await (await call(await stage.grant('data.read'), locationOf(again))).json()).toMatchObject({
      user: 'dad',
    })
  })

  it('ends a page that is open, and touches nobody else’s', async () => {
    const mine = await begin()
    const others = await begin(await stage.personToken(stage.town.person('dad')))
    const [mom, dad] = [new Visitor(stage.town), new Visitor(stage.town, {}, 'dad')]
    const pages = [await mom.open(linkOf(mine)), await dad.open(linkOf(others))] as const
    await stage.aauth.users.unlink({ person: { ps: 'https://ps.example', sub: mine.sub } })
    expect((await mom.decide(pages[0], 'approve')).status).toBe(403)
    expect((await dad.decide(pages[1], 'approve')).headers.get('location')).toBe(flow)
    expect(linked()).toEqual(['dad'])
  })

  it.each(['unlinked', 'denied'] as const)(
    'takes a link back whose person was %s while it was made',
    async (how) => {
      const claims = await begin()
      const visitor = new Visitor(stage.town)
      const page = await visitor.open(linkOf(claims))
      const person = { ps: 'https://ps.example', sub: claims.sub }
      users.instead = async (user) => {
        // The database deletes what is not there yet, and inserts afterwards.
        if (how === 'unlinked') await stage.aauth.users.unlink({ person })
        else await stage.aauth.denials.add({ subject: { person } })
        users.links.set(users.key({ person }), user)
      }
      const told = await visitor.decide(page, 'approve')
      expect([told.status, told.headers.get('location'), linked()]).toEqual([403, null, []])
      expect((await call(await stage.grant('data.read'))).status).toBe(how === 'denied' ? 403 : 401)
    },
  )

  it('carries a call that waits for an approval out for nobody who was unlinked', async () => {
    let ran = 0
    await reopen({}, [
      {
        method: 'GET',
        path: '/mine',
        requirement: {
          scope: 'data.read',
          user: true,
          policy: () => interact({ description: 'Pay' }),
        },
        answer: () => ({ ran: ++ran }),
      },
    ])
    await decideOn(stage, await call())
    const grant = await stage.grant('data.read')
    const waiting = await call(grant)
    const { url: page, code } = interactionOf(waiting)
    const visitor = new Visitor(stage.town)
    await visitor.decide(await visitor.open(`${page}?code=${code}`), 'approve')
    // The application forgets the link by itself, and tells nobody.
    users.links.clear()
    expect([(await call(grant, locationOf(waiting))).status, ran]).toEqual([401, 0])
  })

  it.each([
    [{}, 'person'],
    [{ person: { ps: 'ps.example', sub: 'x' } }, 'person.ps'],
    [{ person: { ps: 'https://ps.example' } }, 'person.sub'],
    [{ person: { ps: 'https://ps.example', sub: 'x' }, user: 'mom' }, 'user'],
  ])('unlinks nobody by a slip: %j', async (who, name) => {
    await expect(stage.aauth.users.unlink(who as never)).rejects.toThrow(name)
    expect(users.asked).toEqual([])
  })
})
