import { escapeHtml } from '@countersign/core'
import { aauth } from '@countersign/express'
import { describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { interactionOf, openStage } from './stage.js'
import { Visitor } from './visitor.js'

const fails = (): never => {
  throw new Error('secret')
}

describe.each(adapters)('who is at the page [adapter %s]', (adapter) => {
  const table: readonly TargetRoute[] = [
    { method: 'GET', path: '/session', requirement: { session: true }, answer: () => ({}) },
  ]

  it.each([
    '',
    null,
    undefined,
    3,
    {},
    { user: undefined },
    { user: '' },
    ' ',
    { user: '\t' },
    { user: 3 },
    { user: 'mom', name: 3 },
    { redirect: undefined },
    { redirect: '' },
    { redirect: '/login\r\nSet-Cookie: a=b' },
    // Meant as a redirect: it would be one user, whoever comes.
    '/login',
    { abandoned: false },
    // Nowhere that a browser could be sent to.
    { redirect: 'javascript:alert(1)' },
    { redirect: '/login\r\nSet-Cookie: a=b' },
    { redirect: '/an\u043c\u0435\u043b\u0434\u0435\u043d' },
    { redirect: 'https://' },
    { redirect: 'data:text/html,x', user: 'mom' },
    // What looks like an answer of ours is none.
    { status: 200, headers: {}, body: 'Approve' },
  ])('is nobody where the login answers %j', async (answer) => {
    const login = (): never => answer as never
    const stage = await openStage(adapter, { interaction: { login, insecureCookie: true } }, table)
    try {
      const { url, code } = interactionOf(await stage.sam.request({ url: `${resource}/session` }))
      const page = await new Visitor(stage.town).open(`${url}?code=${code}`)
      expect(page.status).toBe(500)
      expect(page.text).not.toContain('Approve')
    } finally {
      await stage.close()
    }
  })

  it('is who the login says, whatever else is in the row that it answers', async () => {
    const row = { user: 'mom', status: 201, headers: { 'X-Row': '1' }, body: '<script>', url: '/' }
    const stage = await openStage(adapter, { interaction: { login: () => row, insecureCookie: true } }, table)
    try {
      const { url, code } = interactionOf(await stage.sam.request({ url: `${resource}/session` }))
      const visitor = new Visitor(stage.town)
      const page = await visitor.open(`${url}?code=${code}`)
      expect([page.status, page.headers.get('x-row')]).toEqual([200, null])
      expect(page.text).toContain('Signed in as <strong dir="auto">mom</strong>')
      expect((await visitor.decide(page, 'approve')).status).toBe(303)
    } finally {
      await stage.close()
    }
  })

  it.each<[string, () => unknown]>([
    ['throws', fails],
    ['is async', async () => 'Approve'],
    ['is async and fails', async () => fails()],
    ['answers nothing', () => undefined],
    ['answers what cannot be read', () => ({ toString: fails })],
  ])('is told on our page where the application’s own %s', async (_, page) => {
    const unhandled: unknown[] = []
    const note = (cause: unknown): void => void unhandled.push(cause)
    process.on('unhandledRejection', note)
    const own = { login: () => 'mom', insecureCookie: true, page: page as () => string }
    const stage = await openStage(adapter, { interaction: own }, table)
    try {
      const { url, code } = interactionOf(await stage.sam.request({ url: `${resource}/session` }))
      const told = await new Visitor(stage.town).open(`${url}?code=${code}`)
      expect([told.status, told.headers.get('content-type')]).toEqual([500, 'text/html; charset=utf-8'])
      expect(told.text).toContain('Something went wrong here.')
      expect(told.text).not.toContain('Approve')
      await new Promise(setImmediate)
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
      await stage.close()
    }
  })

  it('may have to come back, and is told when', async () => {
    const stage = await openStage(adapter, {}, table)
    try {
      const { url, code } = interactionOf(await stage.sam.request({ url: `${resource}/session` }))
      const ahead = await new Visitor(stage.town).request(`${url}?code=${code}`, {
        headers: { 'Sec-Purpose': 'prefetch' },
      })
      expect([ahead.status, ahead.headers.get('retry-after')]).toEqual([503, '5'])
    } finally {
      await stage.close()
    }
  })
})

describe('names that strangers chose', () => {
  it.each([
    '\u0000',
    '\n',
    '\u001b',
    '\u00ad',
    '\u061c',
    '\u200b',
    '\u200d',
    '\u202e',
    '\u2028',
    '\u2066',
    '\u3164',
    '\ufeff',
  ])('show what cannot be seen: %j', (char) => {
    expect(escapeHtml(`a${char}b`)).toBe('a\ufffdb')
  })
})

describe('options', () => {
  it.each([undefined, null, 'https://rs.example'])('that are %j are told to be options', (options) => {
    expect(() => aauth(options as never)).toThrow(/^option resource: is missing/)
  })
})
