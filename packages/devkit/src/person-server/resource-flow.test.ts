import { readRequirement } from '@countersign/agent'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AgentOptions } from '../agent/context.js'
import { code, type OwnPage, openOwnPage } from '../testing/own-page.js'
import { askToken, papersOf } from '../testing/resource-tokens.js'
import { bread, openSetting, reasonOf, type Setting } from '../testing/setting.js'
import type { ConsentRequest, Decision, PersonOptions } from './person.js'

const post = { method: 'POST' }
const tokenEndpoint = 'https://ps.example/token'
const form = { name: 'mom' }

let setting: Setting
let page: OwnPage
beforeEach(async () => {
  setting = await openSetting()
  page = openOwnPage(setting.shop)
})
afterEach(() => setting.town.close())

type Presses = 'approve' | 'decline'
const visiting = (decision: Presses = 'approve'): AgentOptions => ({
  onInteraction: ({ link }) => setting.town.visit(link, { form, decision }),
})

/** A token request by hand, and what the person’s browser is sent to. */
const ask = async (agent = setting.sam(), more: object = {}) => {
  const { presented, resourceToken } = await papersOf(setting, agent, {
    resourceToken: setting.shop.sloppy,
  })
  const response = await agent.request({
    method: 'POST',
    url: tokenEndpoint,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      resource_token: resourceToken,
      presented_token: presented,
      capabilities: ['interaction'],
      ...more,
    }),
  })
  const parameters = readRequirement(response)?.parameters
  return {
    agent,
    response,
    pending: response.headers.get('location') ?? '',
    link: `${parameters?.['url']}?code=${parameters?.['code']}`,
  }
}
const get = (url: string) => setting.town.fetch(url, { redirect: 'manual' })
const callbackOf = async (link: string): Promise<string> => {
  const onward = (await get(link)).headers.get('location') ?? 'none:'
  return new URL(onward).searchParams.get('callback') ?? ''
}
const errorAt = async (agent: ReturnType<Setting['sam']>, url: string) => {
  const response = await agent.request({ url })
  const { error } = (await response.json()) as { error?: string }
  return [response.status, error]
}

describe('a resource token with interaction (7.2.3)', () => {
  it('defers, with a page of the person server', async () => {
    const { response } = await ask()
    expect(response.status).toBe(202)
    expect(readRequirement(response)).toMatchObject({
      name: 'interaction',
      parameters: { url: 'https://ps.example/interact' },
    })
  })

  it('sends the person to the resource with the code and an address for this flow alone', async () => {
    const location = (await get((await ask()).link)).headers.get('location')
    expect(location).toMatch(
      /^https:\/\/shop\.example\/connect\?code=5T0RZ9WC&callback=https%3A%2F%2Fps\.example%2Fflow%2F[\w-]{22}$/,
    )
    expect((await get((await ask()).link)).headers.get('location')).not.toBe(location)
  })

  it('asks for consent once the person is back, and not before', async () => {
    const order: string[] = []
    const consent = () => order.push(`consent after ${page.linked.get(code)}`) > 0
    const sam = setting.sam(
      { consent },
      {
        onInteraction: async ({ link }) => {
          order.push('visit')
          await setting.town.visit(link, { form, decision: 'approve' })
        },
      },
    )
    expect((await sam.fetch(bread, post)).status).toBe(200)
    expect(order).toEqual(['visit', 'consent after mom'])
    expect(page.arrived).toEqual([code, code])
  })

  it('leaves the person all the time they want to decide', async () => {
    let decide: (agrees: boolean) => void = () => undefined
    const decision = new Promise<boolean>((resolve) => {
      decide = resolve
    })
    const { agent, pending, link } = await ask(setting.sam({ consent: () => decision }))
    await setting.town.visit(link, { form, decision: 'approve' })
    expect((await agent.request({ url: pending })).status).toBe(202)
    const polled = agent.request({ url: pending, headers: { Prefer: 'wait=45' } })
    decide(true)
    expect((await polled).status).toBe(200)
  })

  it('ends when the person leaves the page of the resource, and nobody is asked', async () => {
    const asked: ConsentRequest[] = []
    const sam = setting.sam({ consent: (ask) => asked.push(ask) > 0 }, visiting('decline'))
    const { code, status } = await reasonOf(sam.fetch(bread, post))
    expect([code, status, asked.length]).toEqual(['abandoned', 403, 0])
  })

  it('is nothing for an agent that sends nobody to a page', async () => {
    const reason = await reasonOf(setting.sam({}, { capabilities: [] }).fetch(bread, post))
    expect(reason.code).toBe('user_unreachable')
  })

  it.each([
    ['access_denied', 'denied', 403],
    ['user_abandoned', 'abandoned', 403],
    ['interaction_expired', 'expired', 408],
    ['server_error', 'server_error', 500],
    ['temporarily_unavailable', 'server_error', 500],
    ['denied', 'server_error', 500],
    ['__proto__', 'server_error', 500],
    ['', 'server_error', 500],
  ])('tells the agent of %j as %s (11.9.4)', async (said, error, status) => {
    const { agent, pending, link } = await ask()
    page.answers = said
    await setting.town.visit(link)
    expect(await errorAt(agent, pending)).toEqual([status, error])
  })
})

describe('the address of a flow', () => {
  it('serves one return', async () => {
    const { agent, pending, link } = await ask(setting.sam({ consent: () => true }))
    const callback = await callbackOf(link)
    const returns = await Promise.all([get(callback), get(`${callback}?error=access_denied`)])
    expect(returns.map(({ status }) => status).sort()).toEqual([200, 410])
    expect((await get(callback)).status).toBe(410)
    expect((await agent.request({ url: pending })).status).toBe(returns[0].status === 200 ? 200 : 403)
  })

  it('is guessed by nobody, and ends no flow but its own', async () => {
    const first = await ask()
    const second = await ask(setting.sam({ consent: () => false }))
    expect((await get('https://ps.example/flow/5T0RZ9WC?error=access_denied')).status).toBe(410)
    await get(await callbackOf(second.link))
    expect((await first.agent.request({ url: first.pending })).status).toBe(202)
    expect(await errorAt(second.agent, second.pending)).toEqual([403, 'denied'])
  })

  it('is gone with the request: cancelled', async () => {
    const { agent, pending, link } = await ask()
    const callback = await callbackOf(link)
    await agent.request({ method: 'DELETE', url: pending })
    expect((await get(callback)).status).toBe(410)
    expect(setting.town.ps.issued.filter(({ typ }) => typ === 'aa-auth+jwt')).toEqual([])
  })

  it('is gone with the request: too late', async () => {
    const { agent, pending, link } = await ask()
    const callback = await callbackOf(link)
    setting.pass(3600)
    expect((await get(callback)).status).toBe(410)
    expect(await errorAt(agent, pending)).toEqual([408, 'expired'])
  })

  const decisions: [string, Decision, string, string][] = [
    ['yes', true, '', '200'],
    ['no', false, '&error=access_denied', 'denied'],
    ['no, on the page', { decision: false, after: 'visit' }, '&error=access_denied', 'denied'],
    ['no, later', { decision: false, after: Promise.resolve() }, '', 'denied'],
  ]
  it.each(decisions)(
    'goes on to the callback of the agent’s provider: %s',
    async (_, decision, told, outcome) => {
      setting.town.ap.metadata = { callback_endpoint: 'https://ap.example/back' }
      let end = ''
      const onInteraction = async ({ link }: { link: string }) => {
        const back = encodeURIComponent('https://ap.example/back?state=7')
        end = (await setting.town.visit(`${link}&callback=${back}`, { form, decision: 'approve' })).url
      }
      const ending = await setting
        .sam({ consent: () => decision }, { onInteraction })
        .fetch(bread, post)
        .then(
          ({ status }) => String(status),
          ({ code }: { code: string }) => code,
        )
      expect([end, ending]).toEqual([`https://ap.example/back?state=7${told}`, outcome])
    },
  )

  it('tells that callback what the resource said, in the words of the draft', async () => {
    setting.town.ap.metadata = { callback_endpoint: 'https://ap.example/back' }
    const back = encodeURIComponent('https://ap.example/back')
    for (const [said, told] of [
      ['user_abandoned', 'user_abandoned'],
      ['<script>', 'server_error'],
    ]) {
      page.answers = said as string
      const { url } = await setting.town.visit(`${(await ask()).link}&callback=${back}`)
      expect(url).toBe(`https://ap.example/back?error=${told}`)
    }
  })
})

describe('the claim itself (7.2.3)', () => {
  const url = 'https://shop.example/connect'
  it.each([
    ['text', url],
    ['a list', [{ url, code }]],
    ['no url', { code }],
    ['no code', { url }],
    ['http', { url: 'http://shop.example/connect', code }],
    ['a script', { url: 'javascript:alert(1)', code }],
    ['a query', { url: `${url}?next=1`, code }],
    ['a fragment', { url: `${url}#top`, code }],
    ['another host', { url: 'https://evil.example/connect', code }],
    ['another port', { url: 'https://shop.example:8443/connect', code }],
    ['a user before the host', { url: 'https://shop.example@evil.example/connect', code }],
    ['a code that is too short', { url, code: '5T0RZ9W' }],
    ['a code of another alphabet', { url, code: '5T0RZ9WU' }],
    ['a code that brings a parameter', { url, code: '5T0RZ9WC&callback=x' }],
    ['a code that is a number', { url, code: 12345678 }],
  ])('is refused with %s', async (_, interaction) => {
    const sam = setting.sam()
    const { presented, resourceToken } = await papersOf(setting, sam, {
      resourceToken: { claims: { interaction } },
    })
    const body = { resource_token: resourceToken, presented_token: presented, capabilities: ['interaction'] }
    expect(await askToken(sam, tokenEndpoint, body)).toEqual({ status: 400, error: 'invalid_resource_token' })
  })

  it('may have its page elsewhere where the town is lenient', async () => {
    const lenient = await openSetting({ strict: false })
    const sam = lenient.sam()
    const interaction = { url: 'https://login.shop.example/connect', code: '5T0R-Z9WC' }
    const papers = await papersOf(lenient, sam, { resourceToken: { claims: { interaction } } })
    const body = {
      resource_token: papers.resourceToken,
      presented_token: papers.presented,
      capabilities: ['interaction'],
    }
    expect((await askToken(sam, tokenEndpoint, body)).status).toBe(202)
    await lenient.town.close()
  })

  it('counts, and a flat interaction_code beside it or alone does not', async () => {
    const { link } = await ask(setting.sam(), {})
    setting.shop.sloppy = { claims: { ...setting.shop.sloppy.claims, interaction_code: 'ABCDEFGH' } }
    const both = (await get((await ask()).link)).headers.get('location') ?? ''
    expect(new URL(both).searchParams.getAll('code')).toEqual([code])
    expect(await callbackOf(link)).toContain('/flow/')
    setting.shop.sloppy = { claims: { interaction_code: 'ABCDEFGH' } }
    expect((await ask()).response.status).toBe(200)
  })
})

describe('login_hint (6.7.1)', () => {
  const hinted = (asked: (string | undefined)[]): PersonOptions => ({
    consent: ({ loginHint }) => asked.push(loginHint) > 0,
  })
  beforeEach(() => {
    setting.shop.sloppy = { claims: { login_hint: 'mom@shop.example' } }
  })

  it('reaches the person with the request, which the agent passes it on with', async () => {
    const asked: (string | undefined)[] = []
    expect((await setting.sam(hinted(asked)).fetch(bread, post)).status).toBe(200)
    expect(asked).toEqual(['mom@shop.example'])
  })

  it('is not the agent’s to change', async () => {
    const { response } = await ask(setting.sam(), { login_hint: 'dad@shop.example' })
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_request',
    ])
    expect((await ask(setting.sam(), { login_hint: 'mom@shop.example' })).response.status).toBe(200)
  })

  it('is the agent’s to give where the resource gives none', async () => {
    setting.shop.sloppy = {}
    const asked: (string | undefined)[] = []
    await ask(setting.sam(hinted(asked)), { login_hint: 'mom' })
    await ask(setting.sam(hinted(asked)))
    expect(asked).toEqual(['mom', undefined])
  })

  it.each([7, '', null, ['mom']])('is refused as %j', async (hint) => {
    setting.shop.sloppy = { claims: { login_hint: hint } }
    expect((await ask()).response.status).toBe(400)
  })
})

describe('with an access server', () => {
  it('the person goes to the resource first, then is asked, and then the access server', async () => {
    const order: string[] = []
    const office = await setting.town.openAccessServer(
      'https://office.example',
      () => order.push('office') > 0,
    )
    setting.shop.accessServer = office.id
    const consent = () => order.push(`consent after ${page.linked.get(code)}`) > 0
    const sam = setting.sam({ consent }, visiting())
    expect((await sam.fetch(bread, post)).status).toBe(200)
    expect(order).toEqual(['consent after mom', 'office'])
    expect(office.issued.map(({ jwt }) => decodeJwt(jwt).sub)).toEqual([setting.town.ps.issued[0]?.sub])
  })

  it.each(['user_abandoned', 'access_denied', 'temporarily_unavailable'])(
    'is not asked after %s',
    async (said) => {
      let asked = 0
      const office = await setting.town.openAccessServer('https://office.example', () => ++asked > 0)
      setting.shop.accessServer = office.id
      page.answers = said
      const sam = setting.sam({}, { onInteraction: ({ link }) => setting.town.visit(link) })
      const reason = await reasonOf(sam.fetch(bread, post))
      expect(reason.code).toBe(
        { user_abandoned: 'abandoned', access_denied: 'denied' }[said] ?? 'server_error',
      )
      expect([asked, office.issued.length]).toEqual([0, 0])
    },
  )
})
