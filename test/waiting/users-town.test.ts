import { type ConsentRequest, type Person, readRequirement } from '@countersign/devkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentOf, errorOf } from '../agent/setting.js'
import { coreAdapters, resource } from '../target/start.js'
import { openStage, type Stage } from './stage.js'

const mine = `${resource}/mine`

describe.each(coreAdapters)('a town with an API that has users [adapter %s]', (adapter) => {
  let stage: Stage
  beforeEach(async () => {
    stage = await openStage(adapter)
  })
  afterEach(() => stage.close())

  type Name = 'mom' | 'dad'
  const as = (name: Name) => ({ username: name, password: name })
  const visiting =
    (name: Name, decision: 'approve' | 'decline' = 'approve', browser = stage.town.browser(name)) =>
    ({ link }: { readonly link: string }) =>
      browser.visit(link, { form: as(name), decision })
  const userOf = async (response: Promise<Response>): Promise<unknown> =>
    ((await (await response).json()) as { user?: unknown }).user
  const visits = (name: Name) => stage.town.ledger.filter(({ from }) => from === name).map(({ to }) => to)
  const askedOf = (asked: ConsentRequest[]) => ({
    consent: (request: ConsentRequest) => asked.push(request) > 0,
  })

  it('brings the person to the page once, and asks them when they are back (R-200, R-236)', async () => {
    const { town } = stage
    const asked: ConsentRequest[] = []
    const sam = town.agent('sam', {
      person: town.person('mom', askedOf(asked)),
      onInteraction: (interaction) => {
        expect(asked).toEqual([])
        return visiting('mom')(interaction)
      },
    })
    expect(await userOf(sam.fetch(mine))).toBe('mom')
    const hosts = visits('mom')
    expect([hosts.at(0), hosts.at(-1)]).toEqual(['ps.example', 'ps.example'])
    expect(new Set(hosts.slice(1, -1))).toEqual(new Set(['rs.example']))
    expect(asked.map(({ scope }) => scope)).toEqual([['data.read']])
    sam.wallet.clear()
    expect(await userOf(sam.fetch(mine))).toBe('mom')
    expect(visits('mom')).toEqual(hosts)
  })

  it('does so for whatever agent the person has, and for agents of any program', async () => {
    const { town, mom } = stage
    await town.agent('sam', { person: mom, onInteraction: visiting('mom') }).fetch(mine)
    const hosts = visits('mom')
    expect(await userOf(town.agent('joe', { person: mom }).fetch(mine))).toBe('mom')
    expect(await userOf(agentOf(town, { person: mom }).fetch(mine))).toBe('mom')
    expect(visits('mom')).toEqual(hosts)
  })

  it('is followed by a program of its own, which can leave it and come back', async () => {
    const { town, mom } = stage
    const sam = agentOf(town, { person: mom, capabilities: ['interaction'] })
    const error = await errorOf(sam.fetch(mine))
    expect([error.code, error.interaction?.url]).toEqual([
      'interaction_required',
      'https://ps.example/interact',
    ])
    await visiting('mom')(error.interaction as { link: string })
    if (error.unfinished === undefined) throw error
    await sam.resume(error.unfinished)
    expect(await userOf(sam.fetch(mine))).toBe('mom')
    expect(town.ps.issued.filter(({ typ }) => typ === 'aa-auth+jwt')).toHaveLength(1)
  })

  it('leads nobody else to that account: another person, and the same name at another person server', async () => {
    const { town, mom } = stage
    await town.agent('sam', { person: mom, onInteraction: visiting('mom') }).fetch(mine)
    const elsewhere = await town.openPersonServer('https://elsewhere.example')
    const strangers: Person[] = [town.person('momma'), town.person('mom', { at: elsewhere })]
    for (const person of strangers) {
      const other = town.agent('sam', { person, onInteraction: visiting('dad', 'decline') })
      expect((await errorOf(other.fetch(mine))).code).toBe('denied')
      const again = town.agent('sam', { person, onInteraction: visiting('dad') })
      expect(await userOf(again.fetch(mine))).toBe('dad')
    }
    expect(visits('dad')).toContain('elsewhere.example')
  })

  it('ends at the page when the person declines, and nobody is asked or linked', async () => {
    const { town } = stage
    const asked: ConsentRequest[] = []
    const mom = town.person('mom', askedOf(asked))
    const sam = town.agent('sam', { person: mom, onInteraction: visiting('mom', 'decline') })
    const error = await errorOf(sam.fetch(mine))
    expect([error.code, error.status, asked.length]).toEqual(['denied', 403, 0])
    expect(town.ps.issued.filter(({ typ }) => typ === 'aa-auth+jwt')).toEqual([])
    const second = town.agent('sam', { person: mom, onInteraction: visiting('mom') })
    expect(await userOf(second.fetch(mine))).toBe('mom')
  })

  it('has no use for an agent that opens no pages', async () => {
    const { town, mom } = stage
    const sam = town.agent('sam', { person: mom, capabilities: [] })
    expect((await errorOf(sam.fetch(mine))).code).toBe('user_unreachable')
  })

  it('ends as expired when the person comes too late', async () => {
    const { town, mom } = stage
    const sam = town.agent('sam', {
      person: mom,
      onInteraction: async ({ link }) => {
        const browser = town.browser()
        await browser.open(link)
        stage.pass(301)
        await browser.submit(as('mom'))
        expect(browser.page?.url).toMatch(/^https:\/\/ps\.example\/flow\//)
      },
    })
    expect((await errorOf(sam.fetch(mine))).code).toBe('expired')
  })

  it('says so to a second browser that comes with the code', async () => {
    const { town, mom } = stage
    const sam = town.agent('sam', {
      person: mom,
      onInteraction: async ({ link }) => {
        const first = await town.fetch(link, { redirect: 'manual' })
        const page = first.headers.get('location') ?? ''
        await town.browser('mom').visit(page, { form: as('mom') })
        expect((await town.browser('thief').open(page)).status).toBe(410)
        await expect(town.visit(link, { form: as('dad'), decision: 'approve' })).rejects.toThrow(
          'nothing to decide',
        )
        throw new Error('seen')
      },
    })
    expect((await errorOf(sam.fetch(mine))).code).toBe('interaction_failed')
  })

  it('takes a sub-agent’s person there through its parent', async () => {
    const { town, mom } = stage
    const sam = town.agent('sam', { person: mom, onInteraction: visiting('mom') })
    expect(await userOf(sam.subAgent('brother').fetch(mine))).toBe('mom')
  })

  it('asks again once the person has been unlinked', async () => {
    const { town, mom, aauth } = stage
    const sam = town.agent('sam', { person: mom, onInteraction: visiting('mom') })
    expect(await userOf(sam.fetch(mine))).toBe('mom')
    const person = { ps: town.ps.id, sub: town.ps.subjectOf(mom, resource) }
    await aauth.users.unlink({ person })
    const refused = await sam.request(
      { url: mine },
      { token: sam.wallet.authTokens.get(resource)?.jwt ?? '' },
    )
    expect([refused.status, readRequirement(refused)?.name]).toEqual([401, 'auth-token'])
    const dad = town.agent('sam', { person: mom, onInteraction: visiting('dad') })
    expect(await userOf(dad.fetch(mine))).toBe('dad')
  })
})

describe.each(coreAdapters)('a route that needs a user and grants nothing [adapter %s]', (adapter) => {
  it('is served once the person has come to the page', async () => {
    const stage = await openStage(adapter, {}, [
      {
        method: 'GET',
        path: '/who',
        requirement: { identity: 'person', user: true },
        answer: ({ caller }) => ({
          user: caller !== undefined && 'user' in caller ? caller.user : undefined,
        }),
      },
    ])
    const { town, mom } = stage
    let visits = 0
    const onInteraction = ({ link }: { readonly link: string }) => {
      visits++
      return town.visit(link, { form: { username: 'mom', password: 'mom' }, decision: 'approve' })
    }
    for (const name of ['sam', 'joe']) {
      const answer = await town.agent(name, { person: mom, onInteraction }).fetch(`${resource}/who`)
      expect(await answer.json()).toEqual({ user: 'mom' })
    }
    expect(visits).toBe(1)
    await stage.close()
  })
})

describe.each(coreAdapters)('a held call that needs a user [adapter %s]', (adapter) => {
  it.each([
    ['approve', 'mom', 1],
    ['decline', 'denied', 0],
  ] as const)('is carried out once the person has come to the page: %s', async (decision, ends, times) => {
    let carriedOut = 0
    const stage = await openStage(adapter, {}, [
      {
        method: 'POST',
        path: '/mine/held',
        requirement: { scope: 'data.write', user: true, deliver: 'held' },
        answer: ({ caller }) => {
          carriedOut++
          return { user: caller !== undefined && 'user' in caller ? caller.user : undefined }
        },
      },
    ])
    const { town, mom } = stage
    const sam = town.agent('sam', {
      person: mom,
      onInteraction: async ({ link }) => {
        expect(carriedOut).toBe(0)
        await town.visit(link, { form: { username: 'mom', password: 'mom' }, decision })
      },
    })
    const outcome = await sam.fetch(`${resource}/mine/held`, { method: 'POST' }).then(
      async (response) => ((await response.json()) as { user: string }).user,
      ({ code }: { code: string }) => code,
    )
    expect([outcome, carriedOut]).toEqual([ends, times])
    await stage.close()
  })
})

describe.each(coreAdapters)('with an access server [adapter %s]', (adapter) => {
  const form = { username: 'mom', password: 'mom' }
  it.each([
    ['approve', 'mom', ['page', 'consent', 'office']],
    ['decline', 'denied', ['page']],
  ] as const)(
    'the page comes first, then the person is asked, then the office: %s',
    async (decision, ends, order) => {
      const office = 'https://office.example'
      const stage = await openStage(adapter, { accessServer: office })
      const { town } = stage
      const happened: string[] = []
      await town.openAccessServer(office, () => happened.push('office') > 0)
      const sam = town.agent('sam', {
        person: town.person('mom', { consent: () => happened.push('consent') > 0 }),
        onInteraction: ({ link }) => {
          happened.push('page')
          return town.visit(link, { form, decision })
        },
      })
      const outcome = await sam.fetch(mine).then(
        async (response) => ((await response.json()) as { user: string }).user,
        ({ code }: { code: string }) => code,
      )
      expect([outcome, happened]).toEqual([ends, order])
      await stage.close()
    },
  )
})

describe.each(coreAdapters)('a person who leaves at the login [adapter %s]', (adapter) => {
  it('is abandoned: the agent is told, and may begin again (R-305)', async () => {
    let user: string | undefined
    const interaction = {
      login: () => user ?? { abandoned: true as const },
      insecureCookie: true,
    }
    const stage = await openStage(adapter, { interaction })
    const { town, mom } = stage
    const sam = town.agent('sam', {
      person: mom,
      onInteraction: ({ link }) => town.visit(link, user === undefined ? {} : { decision: 'approve' }),
    })
    const error = await errorOf(sam.fetch(mine))
    expect([error.code, error.status]).toEqual(['abandoned', 403])
    user = 'mom'
    expect(((await (await sam.fetch(mine)).json()) as { user: string }).user).toBe('mom')
    await stage.close()
  })
})
