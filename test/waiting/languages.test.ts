import { interact } from '@countersign/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { arabic } from '../../examples/corner-shop/src/arabic.js'
import { german } from '../../examples/corner-shop/src/german.js'
import { scopes as scopesOfShop } from '../../examples/corner-shop/src/shop.js'
import { login } from '../target/login.js'
import { routes, type TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { interactionOf, openStage, type Stage } from './stage.js'
import { type Visited, Visitor } from './visitor.js'

const { siteName: _, scopes: __, ...arabicSentences } = arabic
const messages = {
  de: { ...german, scopes: { 'data.read': 'Die Daten <lesen>\u200c' } },
  ar: arabicSentences,
  // All but one sentence of it is English.
  fr: { approve: 'J’accepte', siteName: 'L’épicerie' },
}
const sale: TargetRoute = {
  method: 'POST',
  path: '/sell',
  requirement: { identity: 'agent', content: true, policy: () => interact() },
  answer: () => ({}),
}

describe('the translations of the example', () => {
  it.each([
    ['German', german],
    ['Arabic', arabic],
  ])('have every scope of the shop in %s', (_name, { scopes }) => {
    expect(Object.keys(scopes ?? {})).toEqual(Object.keys(scopesOfShop))
  })
})

describe.each(adapters)('the languages of the page [adapter %s]', (adapter) => {
  let stage: Stage
  let link: string
  let path: string
  const open = async (more: object = {}): Promise<void> => {
    const interaction = { ...login.interaction, messages, ...more }
    stage = await openStage(adapter, { interaction }, [...routes, sale])
    const { url, code } = interactionOf(await stage.sam.request({ url: `${resource}/session` }))
    path = new URL(url).pathname
    link = `${path}?code=${code}`
  }
  beforeEach(() => open())
  afterEach(() => stage.close())

  const asking = (accepted: string): Visitor =>
    new Visitor(stage.town, accepted === '' ? {} : { 'Accept-Language': accepted })
  const told = ({ headers, text }: Visited): unknown[] => [
    headers.get('content-language'),
    headers.get('vary'),
    /<html lang="([^"]*)" dir="([^"]*)">/.exec(text)?.slice(1),
  ]

  it('are the one that the browser asks for, with its direction, and English otherwise', async () => {
    const page = await asking('de-CH, de;q=0.9, en;q=0.8').open(link)
    expect(told(page)).toEqual(['de', 'Accept-Language', ['de', 'ltr']])
    for (const words of [
      '<title>Einen Agenten mit Eckladen verbinden? · Eckladen</title>',
      '<h1>Einen Agenten mit <bdi>Eckladen</bdi> verbinden?</h1>',
      '>Zustimmen</button>',
      'Ohne Nutzung gilt es <bdi>7 Tage</bdi>, insgesamt höchstens <bdi>30 Tage</bdi>.',
      'Der Agent <strong dir="ltr">sam</strong> von <strong dir="ltr">ap.example</strong>',
    ])
      expect(page.text).toContain(words)
    const spent = await asking('ar').open(link)
    expect(told(spent)).toEqual(['ar', 'Accept, Accept-Language', ['ar', 'rtl']])
    expect([spent.status, spent.text]).toEqual([410, expect.stringContaining(arabic.problemInvalidCode)])
    expect(told(await asking('es').open(link))).toEqual(['en', 'Accept, Accept-Language', ['en', 'ltr']])
    expect(told(await asking('').open(link))).toEqual(['en', 'Accept, Accept-Language', ['en', 'ltr']])
  })

  it('are asked for with each page anew', async () => {
    const visitor = asking('ar')
    const consent = await visitor.open(link)
    expect(consent.text).toContain(arabic.approve)
    await visitor.decide(consent, 'approve')
    const headers = { 'Accept-Language': 'de' }
    expect((await visitor.request(path, { headers })).text).toContain(german.doneApproved)
  })

  it('mark what is English for want of a translation', async () => {
    const page = await asking('fr').open(link)
    expect(told(page)[2]).toEqual(['fr', 'ltr'])
    expect(page.text).toContain('>J’accepte</button>')
    expect(page.text).toContain('><span lang="en" dir="ltr">Decline</span></button>')
    expect(page.text).toContain('<title>Connect an agent to L’épicerie? · L’épicerie</title>')
  })

  it('put what strangers have chosen into sentences as text, apart from their direction', async () => {
    await stage.close()
    await open({ login: () => ({ user: 'mom', name: '<b>מאמא</b>{user}' }) })
    const page = await asking('de').open(link)
    expect(page.text).toContain('Angemeldet als <strong dir="auto">&lt;b&gt;מאמא&lt;/b&gt;{user}</strong>.')
  })

  it('are one where the application has set one', async () => {
    await stage.close()
    await open({ language: 'ar' })
    const page = await asking('de').open(link)
    expect(told(page)).toEqual(['ar', null, ['ar', 'rtl']])
    expect(told(await asking('de').open(link))).toEqual(['ar', 'Accept', ['ar', 'rtl']])
  })

  it('do not change what programs are told', async () => {
    const headers = { 'Accept-Language': 'de' }
    const answer = await stage.town.fetch(`${resource}${path}?code=wrong`, { headers })
    expect([answer.headers.get('vary'), answer.headers.get('content-language')]).toEqual(['Accept', null])
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('is not valid') })
  })

  it('are told to a page of the application’s own', async () => {
    await stage.close()
    await open({
      page: ({
        language,
        direction,
        messages: said,
        site,
        problem,
      }: Parameters<NonNullable<typeof login.interaction.page>>[0]) =>
        [language, direction, said.decline, site.name, problem?.key, problem?.message].join('|'),
    })
    expect((await asking('de').open(link)).text).toBe('de|ltr|Ablehnen|Eckladen||')
    expect((await asking('ar').open(link)).text).toBe(
      `ar|rtl|${arabic.decline}|rs.example|problemInvalidCode|${arabic.problemInvalidCode}`,
    )
  })

  it('are not held up by a long or malformed field', async () => {
    for (const accepted of [`${'a-'.repeat(3000)}b`, 'de;q=9', '{}', `${',,;q='.repeat(1000)}`]) {
      const page = await asking(accepted).open(`${path}?code=wrong`)
      expect([page.status, page.headers.get('content-language')]).toEqual([410, 'en'])
    }
  })
})
