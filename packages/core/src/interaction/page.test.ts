import { describe, expect, it } from 'vitest'
import { testResource } from '../testing/resource.js'
import { englishMessages } from './messages.js'
import { isLink } from './options.js'
import { renderPage } from './page.js'
import { callerOnPage, type PageView } from './view.js'

const inEnglish = { language: 'en', direction: 'ltr', messages: englishMessages } as const
const consent: PageView = {
  ...inEnglish,
  page: 'consent',
  use: 'approval',
  site: { name: 'Notes' },
  asks: { agent: 'aauth:sam@ap.example', name: 'sam', party: 'https://ap.example' },
  wants: { scopes: [{ name: 'notes.read', description: 'Read your notes' }] },
  user: 'mom',
  form: { action: '/aauth/interact/x', token: 't' },
  nonce: 'n',
}
const connect = (unused: number, atMost: number): string =>
  renderPage({ ...consent, use: 'session', wants: { scopes: [], session: { unused, atMost } } })
const link: PageView = {
  ...consent,
  use: 'link',
  wants: { scopes: [], link: { personServer: 'https://ps.example', person: 'pairwise-7' } },
}
const textOf = (html: string): string =>
  html
    .replaceAll(/<\/?bdi>/g, '')
    .replaceAll(/<style.*?<\/style>|<[^>]+>/gs, ' ')
    .replaceAll(/\s+/g, ' ')

describe('the built-in page', () => {
  it('has another headline for connecting an agent than for one call', () => {
    expect(connect(60, 60)).toContain('<h1>Connect an agent to <bdi>Notes</bdi>?</h1>')
    expect(renderPage(consent)).toContain('<h1>Let an agent do this once?</h1>')
  })

  it('says whose account is joined to whom, and warns of it', () => {
    const text = textOf(renderPage(link))
    expect(text).toContain('Let agents use your account at Notes?')
    expect(text).toContain('for the person pairwise-7 that ps.example speaks for')
    expect(text).toContain('and if ps.example is your own person server')
    expect(text).toContain('Until you end it in your account.')
    expect(text).not.toContain('Use Notes in your name')
    expect(text).toContain('Signed in as mom')
  })

  it('names the organisation in whose name the person acts, where the token does', () => {
    const wants = {
      scopes: [],
      link: { personServer: 'https://ps.example', person: 'p', tenant: '<b>school\u202e' },
    }
    const html = renderPage({ ...link, wants })
    expect(textOf(html)).toContain('in the name of the organisation &lt;b&gt;school')
    expect(html).not.toContain('\u202e')
    expect(textOf(renderPage(link))).not.toContain('organisation')
  })

  it('says that the person is linked already, and changes nothing', () => {
    const html = renderPage({ ...link, page: 'linked' })
    const text = textOf(html)
    expect(text).toContain('Agents use an account at Notes already')
    expect(text).toContain('The person pairwise-7 that ps.example speaks for is connected')
    expect(text).toContain('Signed in as mom')
    const buttons = [...html.matchAll(/<button name="decision" value="(\w+)"/g)]
    expect(buttons.map(([, value]) => value)).toEqual(['continue', 'decline'])
  })

  it('shows the application’s reason as text, and leads on from there', () => {
    const problem = { code: 'access_denied', key: 'problemRefused', message: '' } as const
    const next = 'https://ps.example/flow?a=1&error=access_denied'
    const html = renderPage({ ...link, page: 'problem', problem, refused: 'Not <b>you</b>\u202e', next })
    expect(html).toContain('Not &lt;b&gt;you&lt;/b&gt;\ufffd')
    expect(html).toContain('href="https://ps.example/flow?a=1&amp;error=access_denied"')
    expect(textOf(html)).toContain('Your account was not connected.')
  })

  it('warns before the buttons, which look and weigh the same (R-242)', () => {
    const html = renderPage(consent)
    const warning = html.indexOf('id="warning"')
    expect(warning).toBeGreaterThan(html.indexOf('For how long'))
    expect(html.indexOf('<button')).toBeGreaterThan(warning)
    const buttons = [...html.matchAll(/<button name="decision" value="(\w+)"([^>]*)>/g)]
    expect(buttons.map(([, value]) => value)).toEqual(['approve', 'decline'])
    expect(new Set(buttons.map(([, , attributes]) => attributes)).size).toBe(1)
  })

  it.each([
    [604_800, 2_592_000, 'It ends when the agent has not used it for 7 days, and after 30 days in any case.'],
    [2_592_000, 2_592_000, 'It ends after 30 days.'],
    [86_400, 172_800, 'It ends when the agent has not used it for 1 day, and after 2 days in any case.'],
    [90_000, 100_000, 'It ends when the agent has not used it for 25 hours, and after 28 hours in any case.'],
    [90, 3600, 'It ends when the agent has not used it for 90 seconds, and after 1 hour in any case.'],
    [1, 61, 'It ends when the agent has not used it for 1 second, and after 61 seconds in any case.'],
  ])(
    'says how long a connection lasts that ends after %d s without use and %d s in any case',
    (unused, atMost, words) => {
      expect(textOf(connect(unused, atMost))).toContain(words)
    },
  )

  it('says that one call is one call', () => {
    expect(textOf(renderPage(consent))).toContain('Once. The agent has to ask again')
  })

  it('says what a connection without scopes is for', () => {
    expect(textOf(connect(60, 60))).toContain('Use Notes in your name')
  })

  it('names whom a sub-agent helps', () => {
    const parentAgent = 'aauth:sam@ap.example'
    const asks = { agent: 'aauth:sam+brother@ap.example', parentAgent, party: 'https://ap.example' }
    expect(textOf(renderPage({ ...consent, asks }))).toContain(`It helps the agent ${parentAgent}`)
    expect(textOf(renderPage(consent))).not.toContain('It helps')
    const token = { iss: 'https://ap.example', jti: 'x', iat: 1, exp: 2 }
    const caller = {
      kind: 'agent',
      agent: asks.agent,
      parentAgent,
      provider: asks.party,
      jkt: 'x',
      token,
    } as const
    expect(callerOnPage(caller)).toEqual({ ...asks, name: 'sam+brother' })
  })

  it('names the agent readably, and in full', () => {
    const text = textOf(renderPage(consent))
    expect(text).toContain('The agent sam from ap.example')
    expect(text).toContain('aauth:sam@ap.example')
  })

  it('offers to sign out only where there is a place to do so', () => {
    expect(renderPage(consent)).not.toContain('Not you?')
    const html = renderPage({ ...consent, signOut: '/logout?next=%2Fa&x="' })
    expect(html).toContain('<a href="/logout?next=%2Fa&amp;x=&quot;">Not you? Sign out</a>')
    const problem = { code: 'access_denied', key: 'problemNotYours', message: '' } as const
    const { asks: _, wants: __, form: ___, ...rest } = consent
    expect(renderPage({ ...rest, page: 'problem', problem, signOut: '/logout' })).toContain(
      'Not you? Sign out',
    )
    expect(
      renderPage({ ...inEnglish, page: 'problem', problem, site: consent.site, nonce: 'n' }),
    ).not.toContain('Signed in')
  })
})

describe('who asks', () => {
  const verified = { jkt: 'x', token: { iss: 'https://ap.example', jti: 'j', iat: 0, exp: 1 } }

  it('is an agent by its whole local part and its provider, or the server of the person', () => {
    const agent = 'aauth:sam.2+sub@ap.example'
    expect(callerOnPage({ ...verified, kind: 'agent', agent, provider: 'https://ap.example' })).toEqual({
      agent,
      name: 'sam.2+sub',
      party: 'https://ap.example',
    })
    const person = { ps: 'https://ps.example', sub: 's' }
    expect(callerOnPage({ ...verified, kind: 'person', person })).toEqual({ party: 'https://ps.example' })
  })
})

describe('a link of the page', () => {
  it.each(['/', '/logout?next=%2Fx', 'https://login.example/out'])('may be %s', (link) => {
    expect(isLink(link)).toBe(true)
  })

  it.each([
    '',
    'logout',
    '//evil.example/',
    '/\\evil.example/',
    '/\tevil',
    '/\n/evil.example',
    'http://login.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'https://',
    undefined,
    Promise.resolve('/'),
  ])('may not be %j', (link) => {
    expect(isLink(link)).toBe(false)
  })
})

describe('the option for signing out', () => {
  it.each(['/logout', 'https://login.example/out', undefined, null])('is a function, not %j', (signOut) => {
    const interaction = { login: () => 'mom', signOut: signOut as never }
    expect(() => testResource({ interaction })).toThrow(TypeError)
    expect(() => testResource({ interaction })).toThrow('option interaction.signOut: ')
  })
})
