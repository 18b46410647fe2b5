import { allow, deny, type Requirement, type ResourceOptions } from '@countersign/core'
import { readRequirement } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import {
  claimsIn,
  decideOn,
  flow,
  linkOf,
  resourceTokenOf,
  textOf,
  throughPage,
  UsersInMemory,
} from './linking.js'
import { errorOf, locationOf, openStage, type Stage } from './stage.js'
import { Visitor } from './visitor.js'

const url = `${resource}/mine`

describe.each(adapters)('a route that needs a user [adapter %s]', (adapter) => {
  let stage: Stage
  let users: UsersInMemory
  const open = async (
    options: Partial<ResourceOptions> = {},
    table?: readonly TargetRoute[],
  ): Promise<void> => {
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
  const route = (requirement: Requirement): TargetRoute => ({
    method: 'GET',
    path: '/mine',
    requirement,
    answer: ({ caller }) => ({ kind: caller.kind, user: 'user' in caller ? caller.user : undefined }),
  })

  it('sends a person who is linked to nobody to our page, before any consent (R-200, R-030)', async () => {
    const first = await call()
    expect(first.status).toBe(401)
    expect(await first.clone().json()).toMatchObject({ error: 'user_required', status: 401 })
    expect(first.headers.has('signature-error')).toBe(false)
    const claims = resourceTokenOf(first)
    expect(claims).toMatchObject({ aud: 'https://ps.example', scope: 'data.read' })
    expect(Object.keys(claims.interaction ?? {})).toEqual(['url', 'code'])
    expect(claims.interaction?.url).toMatch(/^https:\/\/rs\.example\/aauth\/interact\/[\w-]{22}$/)
    expect(claims.interaction?.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{8}$/)
    expect(users.links.size).toBe(0)
  })

  it('is served from then on to an agent whose person came there once (R-236)', async () => {
    const asked: string[] = []
    const anna = stage.town.person('anna', {
      consent: () => {
        asked.push(`consent, ${users.links.size} linked`)
        return true
      },
    })
    let visits = 0
    const sam = stage.town.agent('sam', {
      person: anna,
      onInteraction: async ({ link }) => {
        visits++
        const text = textOf(await throughPage(stage.town, link))
        expect(text).toContain('for the person')
        expect(text).toContain('ps.example')
        expect(text).toContain('Read the data')
        expect(text).toContain('Signed in as mom')
      },
    })
    for (const _ of [1, 2])
      expect(await (await sam.fetch(url)).json()).toMatchObject({ kind: 'grant', user: 'mom' })
    expect([visits, asked]).toEqual([1, ['consent, 1 linked']])
    expect(users.asked.filter((each) => each.startsWith('link'))).toEqual(['link mom'])
  })

  it('asks an agent that shows no person for a person token first (R-156)', async () => {
    const bare = await stage.sam.request({ url })
    expect([bare.status, readRequirement(bare)?.name]).toEqual([401, 'person-token'])
    expect(readRequirement(await stage.town.fetch(url))?.name).toBe('person-token')
    expect(users.asked).toEqual([])
  })

  it('asks a linked person for a grant as any route does', async () => {
    await decideOn(stage, await call())
    const again = await call()
    expect(await again.clone().json()).toMatchObject({ error: 'auth-token' })
    expect(resourceTokenOf(again).interaction).toBeUndefined()
  })

  it('asks about every request, so that a grant of who is linked no more is sent to our page again', async () => {
    const grant = await stage.grant('data.read')
    const first = await call(grant)
    expect(resourceTokenOf(first)).toMatchObject({ scope: 'data.read', interaction: {} })
    await decideOn(stage, first)
    expect(await (await call(grant)).json()).toMatchObject({ kind: 'grant', user: 'mom' })
    users.links.clear()
    const unlinked = await call(grant)
    expect([unlinked.status, await errorOf(unlinked.clone())]).toEqual([401, 'user_required'])
    await decideOn(stage, unlinked, 'approve', 'dad')
    expect(await (await call(grant)).json()).toMatchObject({ user: 'dad' })
  })

  it('asks for what is missing of the scopes at the same time', async () => {
    const first = await call(await stage.grant('data.write'))
    expect(resourceTokenOf(first)).toMatchObject({ scope: 'data.write data.read', interaction: {} })
  })

  it('tells the person server what became of it (R-238, R-305)', async () => {
    expect(await decideOn(stage, await call(), 'decline')).toBe(`${flow}?error=access_denied`)
    users.instead = () => {
      throw new Error('the database is away')
    }
    expect(await decideOn(stage, await call())).toBe(`${flow}?error=server_error`)
    users.instead = () => false
    expect(await decideOn(stage, await call())).toBe(`${flow}?error=server_error`)
    users.instead = undefined
    expect(users.links.size).toBe(0)
    expect(await decideOn(stage, await call())).toBe(flow)
    await reopen({ interaction: { login: () => ({ abandoned: true }), insecureCookie: true } })
    const visitor = new Visitor(stage.town)
    const left = await visitor.open(linkOf(resourceTokenOf(await call())))
    expect(left.headers.get('location')).toBe(`${flow}?error=user_abandoned`)
  })

  it.each([
    ['link stores nothing', () => undefined, undefined, ['AAUTH_LINK']],
    ['a refusal is misspelt', () => ({ refuse: 'no' }), undefined, ['AAUTH_LINK']],
    ['find cannot say', () => undefined, () => Promise.reject(new Error('away')), []],
    ['all is well', undefined, undefined, []],
  ])('tells the operator of a link that find does not find: %s', async (_, instead, found, codes) => {
    const diagnosed: string[] = []
    await reopen({
      onEvent: (event) => void (event.name === 'diagnostic' && diagnosed.push(event.code)),
    })
    if (instead !== undefined)
      users.instead = () => {
        users.found = found
        return instead()
      }
    expect(await decideOn(stage, await call())).toBe(flow)
    expect(diagnosed).toEqual(codes)
  })

  it('says why the application does not link somebody, and leads back from there', async () => {
    users.instead = () => ({ refused: 'This account is <closed>.' })
    const visitor = new Visitor(stage.town)
    const page = await visitor.open(linkOf(resourceTokenOf(await call())))
    const done = await visitor.decide(page, 'approve')
    expect([done.status, done.text.includes('This account is &lt;closed&gt;.')]).toEqual([403, true])
    expect(done.text).toContain(`href="${flow}?error=access_denied"`)
    expect((await call(await stage.grant('data.read'))).status).toBe(401)
  })

  it('shows a page of its own where nobody waits for the person (R-237)', async () => {
    const visitor = new Visitor(stage.town)
    const { interaction } = resourceTokenOf(await call())
    const page = await visitor.open(`${interaction?.url}?code=${interaction?.code}`)
    const done = await visitor.decide(page, 'approve')
    expect(textOf(await visitor.open(done.headers.get('location') as string))).toContain('connected')
    expect([...users.links.values()]).toEqual(['mom'])
  })

  it('serves the users whom a function says true of, and nobody else: before any consent', async () => {
    const seen: unknown[] = []
    const judge = (user: unknown, { kind }: { readonly kind: string }): Promise<boolean> => {
      seen.push([kind, user])
      return Promise.resolve(user === 'dad')
    }
    await reopen({}, [route({ scope: 'data.read', user: judge })])
    await decideOn(stage, await call())
    const refused = await call()
    expect([refused.status, await errorOf(refused)]).toEqual([403, 'access_denied'])
    users.links.clear()
    await decideOn(stage, await call(), 'approve', 'dad')
    expect(await (await call(await stage.grant('data.read'))).json()).toEqual({ kind: 'grant', user: 'dad' })
    expect(seen).toEqual([
      ['person', 'mom'],
      ['grant', 'dad'],
    ])
  })

  it('shows policies the user', async () => {
    const policy: NonNullable<Requirement & { policy: unknown }>['policy'] = ({
      caller,
    }: {
      readonly caller: object
    }) => ('user' in caller && caller.user === 'dad' ? allow() : deny('not_for_mom'))
    await reopen({}, [route({ scope: 'data.read', user: true, policy } as Requirement)])
    await decideOn(stage, await call())
    expect(await errorOf(await call(await stage.grant('data.read')))).toBe('not_for_mom')
  })

  it('may need nothing but the user: whoever the person is is enough then', async () => {
    await reopen({}, [route({ identity: 'person', user: true })])
    const first = await call()
    expect(resourceTokenOf(first)).toMatchObject({ scope: 'openid', interaction: {} })
    await decideOn(stage, first)
    expect(await (await call()).json()).toEqual({ kind: 'person', user: 'mom' })
    expect(await (await call(await stage.grant('data.write'))).json()).toMatchObject({ kind: 'grant' })
    users.links.clear()
    const sam = stage.town.agent('sam', {
      person: stage.mom,
      onInteraction: async ({ link }) => void (await throughPage(stage.town, link)),
    })
    expect(await (await sam.fetch(url)).json()).toEqual({ kind: 'grant', user: 'mom' })
  })

  it('cannot be asked for by a scope alone that the person’s server does not have (R-194, R-195)', async () => {
    await reopen({}, [route({ identity: 'person', user: true })])
    stage.town.ps.scopesSupported = []
    const answer = await call()
    expect([answer.status, await errorOf(answer)]).toEqual([403, 'access_denied'])
    expect(answer.headers.has('aauth-requirement')).toBe(false)
  })

  it('only watches where it is report-only, and writes nothing', async () => {
    const told: unknown[] = []
    await reopen({ onEvent: (event) => told.push(event.name) }, [
      {
        ...route({ scope: 'data.read', user: true, observe: true }),
        answer: ({ observed, caller }) => ({ observed: observed?.code ?? null, kind: caller?.kind }),
      },
    ])
    expect(await (await call(await stage.grant('data.read'))).json()).toMatchObject({
      observed: 'user_required',
    })
    expect(told).not.toContain('resource-token')
  })

  it('is decided with the code user_required, and both ends of a link are told', async () => {
    const told: unknown[] = []
    let person: string | undefined
    await reopen({
      onEvent: (event) => {
        if (event.name === 'decision' && event.code === 'user_required') {
          told.push([event.outcome, event.status])
          person = event.person
        }
        if (event.name === 'challenged') told.push(event.code)
        if (event.name === 'linked' || event.name === 'unlinked')
          told.push([event.name, event.ps, event.person === person])
      },
    })
    const grant = await stage.grant('data.read')
    const first = await call(grant)
    await decideOn(stage, first)
    await stage.aauth.users.unlink({
      person: { ps: 'https://ps.example', sub: resourceTokenOf(first).sub },
    })
    expect(told).toEqual([
      'user_required',
      ['challenged', 401],
      ['linked', 'https://ps.example', true],
      ['unlinked', 'https://ps.example', true],
    ])
    expect(users.links.size).toBe(0)
    expect((await call(grant)).status).toBe(401)
  })

  it('holds a call as well, and carries it out for the user (R-247)', async () => {
    await reopen({}, [route({ scope: 'data.read', user: true, deliver: 'held' })])
    const first = await call()
    expect([first.status, readRequirement(first)?.name]).toEqual([202, 'auth-token'])
    await decideOn(stage, first)
    const pending = locationOf(first)
    const done = await call(await stage.grant('data.read'), pending)
    expect([done.status, await done.json()]).toEqual([200, { kind: 'grant', user: 'mom' }])
  })

  it('brings who is still linked to nobody there again, when a held call’s resource token has expired (R-201)', async () => {
    await reopen({}, [route({ scope: 'data.read', user: true, deliver: 'held' })])
    const first = await call()
    stage.pass(301)
    const again = await call(await stage.personToken(), locationOf(first))
    expect(resourceTokenOf(again).interaction?.url).not.toBe(resourceTokenOf(first).interaction?.url)
    await decideOn(stage, again)
    stage.pass(10)
    const linked = await call(await stage.personToken(), locationOf(first))
    expect(resourceTokenOf(linked).interaction).toBeUndefined()
    const done = await call(await stage.grant('data.read'), locationOf(first))
    expect(await done.json()).toEqual({ kind: 'grant', user: 'mom' })
  })

  const authorize = async (scope: string): Promise<ReturnType<typeof claimsIn>> => {
    const body = JSON.stringify({ scope })
    const headers: [string, string][] = [['Content-Type', 'application/json']]
    const answer = await stage.sam.request(
      { method: 'POST', url: `${resource}/aauth/authorize`, headers, body },
      { token: await stage.personToken() },
    )
    return claimsIn(((await answer.json()) as { resource_token: string }).resource_token)
  }

  it('asks at the authorization endpoint, for scopes that only such routes need', async () => {
    expect((await authorize('data.read')).interaction).toBeUndefined()
    const other: TargetRoute = { ...route('agent'), path: '/other', requirement: { scope: 'data.write' } }
    await reopen({}, [route({ scope: ['data.read', 'data.write'], user: true }), other])
    expect((await authorize('data.write')).interaction).toBeUndefined()
    const claims = await authorize('data.read data.write')
    expect(claims).toMatchObject({ scope: 'data.read data.write', interaction: {} })
    const visitor = new Visitor(stage.town)
    await visitor.decide(await visitor.open(linkOf(claims)), 'approve')
    expect((await authorize('data.read')).interaction).toBeUndefined()
    const grant = await stage.grant('data.read data.write')
    expect(await (await call(grant)).json()).toEqual({ kind: 'grant', user: 'mom' })
  })

  it('asks in four-party as well: the person server is that of the person (R-188, G-38)', async () => {
    await reopen({ accessServer: 'https://as.example' })
    const as = await stage.town.openAccessServer('https://as.example')
    const first = await call()
    expect(resourceTokenOf(first)).toMatchObject({ aud: 'https://as.example', interaction: {} })
    const elsewhere = linkOf(resourceTokenOf(first), 'https://as.example/flow/1')
    expect((await new Visitor(stage.town).open(elsewhere)).status).toBe(400)
    await decideOn(stage, first)
    const { sub } = resourceTokenOf(first)
    const cnf = stage.sam.key.cnf
    const about = { resource, ps: 'https://ps.example', sub, cnf, scope: 'data.read' }
    expect(await (await call(await as.mintAuthToken(about))).json()).toMatchObject({ user: 'mom' })
  })
})
