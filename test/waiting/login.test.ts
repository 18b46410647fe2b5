import { escapeHtml } from '@countersign/core'
import { aauth } from '@countersign/express'
import { describe, expect, it } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, resource } from '../target/start.js'
import { interactionOf, openStage } from './stage.js'
import { Visitor } from './visitor.js'

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
    { redirect: '/anmelden?für=mom' },
    // Meant as a redirect: it would be one user, whoever comes.
    '/login',
    { abandoned: false },
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
