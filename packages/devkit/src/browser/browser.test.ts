import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOwnPage } from '../testing/own-page.js'
import { openSetting, type Setting } from '../testing/setting.js'
import { TinyResource } from '../testing/tiny-resource.js'
import type { Browser } from './browser.js'

let setting: Setting
let browser: Browser
beforeEach(async () => {
  setting = await openSetting()
  browser = setting.town.browser('mom')
})
afterEach(() => setting.town.close())

const shop = 'https://shop.example'
const cookiesOf = (target: string) =>
  received.find((request) => request.target === target)?.cookie?.split('; ') ?? []
const received: { readonly target: string; readonly cookie: string | undefined }[] = []

/** A page that sets cookies and says which it got. */
const serve = (path: string, setCookie?: string, location?: string) => {
  received.length = 0
  setting.shop.server.on('GET', path, ({ target, header }) => {
    received.push({ target, cookie: header('cookie') })
    return {
      status: location === undefined ? 200 : 302,
      headers: {
        ...(setCookie === undefined ? {} : { 'Set-Cookie': setCookie }),
        ...(location === undefined ? {} : { Location: location }),
      },
      body: path,
    }
  })
}

describe('a browser', () => {
  it('keeps the cookies of each host apart, and from one page to the next', async () => {
    const other = await TinyResource.open(setting.town, 'https://other.example')
    const seen: (string | undefined)[] = []
    other.server.on('GET', '/', ({ header }) => {
      seen.push(header('cookie'))
      return { status: 200, headers: { 'Set-Cookie': 'a=other; Path=/' }, body: '' }
    })
    serve('/in', 'a=1; Path=/; Secure; HttpOnly; SameSite=Lax')
    serve('/page')
    await browser.open(`${shop}/in`)
    await browser.open('https://other.example/')
    await browser.open('https://other.example/')
    await browser.open(`${shop}/page`)
    expect(seen).toEqual([undefined, 'a=other'])
    expect(cookiesOf('/page')).toEqual(['a=1'])
    await setting.town.browser('dad').open(`${shop}/page`)
    expect(received.at(-1)?.cookie).toBeUndefined()
  })

  it.each([
    ['a=1', ['a=1']],
    ['a=1; Path=/page', ['a=1']],
    ['a=1; Path=/page/', []],
    ['a=1; Path=/pa', []],
    ['a=1; Path=/elsewhere', []],
    ['a=1; Path=relative', ['a=1']],
    ['a=b=c; path=/; max-age=60', ['a=b=c']],
    ['a=1; Path=/; Max-Age=0', []],
    ['a=1; Path=/; Max-Age=-1', []],
    ['a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', []],
    ['a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60', ['a=1']],
    ['=1; Path=/', []],
    ['nothing', []],
  ])('takes %j', async (line, sent) => {
    serve('/in', line)
    serve('/page')
    await browser.open(`${shop}/in`)
    await browser.open(`${shop}/page`)
    expect(cookiesOf('/page')).toEqual(sent)
  })

  it('forgets a cookie when its time has come, by the clock of the town, or when it is told', async () => {
    serve('/in', 'a=1; Path=/; Max-Age=60')
    serve('/page')
    await browser.open(`${shop}/in`)
    setting.pass(59)
    await browser.open(`${shop}/page`)
    setting.pass(1)
    await browser.open(`${shop}/page?late`)
    expect([cookiesOf('/page'), cookiesOf('/page?late')]).toEqual([['a=1'], []])
    await browser.open(`${shop}/in`)
    serve('/out', 'a=; Path=/; Max-Age=0')
    serve('/page')
    await browser.open(`${shop}/out`)
    await browser.open(`${shop}/page`)
    expect(cookiesOf('/page')).toEqual([])
  })

  it('goes from host to host of the town and no further', async () => {
    const other = await TinyResource.open(setting.town, 'https://other.example')
    other.server.on('GET', '/', () => ({ status: 302, headers: { Location: `${shop}/out` }, body: '' }))
    serve('/in', undefined, 'https://other.example/')
    for (const location of [
      'https://outside.example/',
      'http://shop.example/in',
      'https://shop.example:8443/in',
      'javascript:alert(1)',
      'https://',
    ]) {
      serve('/out', undefined, location)
      const visited = await browser.open(`${shop}/in`)
      expect([visited.url, visited.headers.get('location')]).toEqual([`${shop}/out`, location])
    }
    expect(
      setting.town.ledger.filter(({ from }) => from === 'mom').every(({ status }) => status === 302),
    ).toBe(true)
    await expect(browser.open('https://outside.example/')).rejects.toThrow('no loopback route')
  })

  it('gives up on a circle, and says where it is', async () => {
    const other = await TinyResource.open(setting.town, 'https://other.example')
    other.server.on('GET', '/', () => ({ status: 302, headers: { Location: `${shop}/in` }, body: '' }))
    serve('/in', undefined, '/in')
    await expect(browser.open('https://other.example/')).rejects.toThrow(
      'shop.example redirects in circles, the last time from https://shop.example/in',
    )
  })

  it('shows what a test gives it to resources alone', async () => {
    openOwnPage(setting.shop)
    const cookies: [string, string | undefined][] = []
    const note = (host: string) => (request: { header(name: string): string | undefined }) => {
      cookies.push([host, request.header('cookie')])
      return undefined
    }
    setting.town.ps.server.intercept(note('ps'))
    setting.shop.server.intercept(note('shop'))
    const onInteraction = ({ link }: { link: string }) => {
      cookies.length = 0
      return browser.visit(link, { headers: { cookie: 'customer=mom' }, decision: 'approve' })
    }
    const sam = setting.sam({}, { onInteraction })
    expect((await sam.fetch(`${shop}/bread`, { method: 'POST' })).status).toBe(200)
    expect(cookies.filter(([, cookie]) => cookie !== undefined)).toEqual([
      ['shop', 'customer=mom'],
      ['shop', 'customer=mom'],
    ])
  })

  it('stays signed in, step by step or in one go', async () => {
    const page = openOwnPage(setting.shop)
    const sam = setting.sam(
      {},
      {
        onInteraction: async ({ link }) => {
          await browser.open(link)
          await browser.submit({ name: 'mom' })
          expect(browser.page?.text).toContain('mom')
          await browser.submit({ decision: 'approve' })
          expect(browser.page?.url).toMatch(/^https:\/\/ps\.example\/flow\//)
        },
      },
    )
    expect((await sam.fetch(`${shop}/bread`, { method: 'POST' })).status).toBe(200)
    const joe = setting.town.agent('joe', {
      person: setting.town.person('mom'),
      onInteraction: ({ link }) => browser.visit(link, { decision: 'approve' }),
    })
    expect((await joe.fetch(`${shop}/bread`, { method: 'POST' })).status).toBe(200)
    expect(page.linked.size).toBe(1)
  })

  it('says so where there is nothing to send', async () => {
    await expect(browser.submit({})).rejects.toThrow('no page is open')
    serve('/page')
    await browser.open(`${shop}/page`)
    await expect(browser.submit({})).rejects.toThrow(
      'nothing to send at https://shop.example/page, which answered 200: /page',
    )
  })
})
