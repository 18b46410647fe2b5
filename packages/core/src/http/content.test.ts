import { describe, expect, it } from 'vitest'
import { createNoticeContent, tooLong } from './content.js'
import type { HttpRequest } from './message.js'

const post = (type?: string): HttpRequest => ({
  method: 'POST',
  target: '/',
  rawHeaders: ['Content-Length', '9', ...(type === undefined ? [] : ['Content-Type', type])],
  isConsumed: () => true,
})

describe('what is said of content that was read before us', () => {
  it.each([
    ['application/json; charset=utf-8', /^express\.json\(.*rawBody/],
    ['application/problem+json', /^express\.json\(/],
    ['application/x-www-form-urlencoded', /^express\.urlencoded\(/],
    ['multipart/form-data; boundary=x', /^it was an upload: only the guard before its parser helps/],
    ['Multipart/Mixed', /^it was an upload/],
    ['text/plain', /^$/],
    [undefined, /^$/],
  ])('of type %s', (type, said) => {
    const told: (string | undefined)[] = []
    createNoticeContent((_code, detail) => void told.push(detail))(post(type))
    expect(told).toHaveLength(1)
    expect(told[0] ?? '').toMatch(said)
    if (!/json|urlencoded/.test(type ?? '')) expect(told[0] ?? '').not.toContain('express.')
  })
})

describe('what is said of content that is too long', () => {
  it('has its length where the request says it, and nothing else that a stranger wrote', () => {
    const about = { limit: 4, bound: 'limits.body' }
    expect(tooLong({ request: post(), ...about })).toBe('The content of 9 bytes is over limits.body (4)')
    for (const length of ['', '-1', '1e9', '9'.repeat(16), '<b>']) {
      const request = { ...post(), rawHeaders: ['Content-Length', length] }
      expect(tooLong({ request, ...about })).toBe('The content is over limits.body (4)')
    }
  })
})
