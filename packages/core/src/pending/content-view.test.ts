import { describe, expect, it } from 'vitest'
import { contentView } from './content-view.js'

const view = (content: string | Uint8Array, type?: string, ...more: readonly string[]) =>
  contentView({
    method: 'POST',
    target: '/orders',
    rawHeaders: [...(type === undefined ? [] : ['Content-Type', type]), ...more],
    content: Buffer.from(content).toString('base64'),
    peer: {},
  })

describe('the content of a call as shown', () => {
  it('is absent if there is none', () => {
    expect(view('')).toBe(undefined)
  })

  it('is JSON with all members as sent, and nothing pushed out of sight', () => {
    const sent = `{"a":1.0,"a" :2,\n${' '.repeat(60_000)}"__proto__": "two  spaces \\" and \\\\", "n":1e999}`
    expect(view(sent, 'application/json; charset=utf-8')).toEqual({
      type: 'application/json; charset=utf-8',
      bytes: Buffer.byteLength(sent),
      text: '{"a":1.0,"a" :2, "__proto__": "two  spaces \\" and \\\\", "n":1e999}',
      cut: false,
    })
  })

  it('is the beginning of a text that is too long, and marked as such', () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/vnd.order+json'])
      expect(view('x'.repeat(5000), type)).toEqual({ type, bytes: 5000, text: 'x'.repeat(4096), cut: true })
  })

  it('is no text if the bytes are not text, are encoded, or have no type', () => {
    const absent = { bytes: 2, cut: false }
    expect(view(Uint8Array.of(0xc3, 0x28), 'text/plain')).toEqual({ type: 'text/plain', ...absent })
    expect(view('{}', 'application/json', 'Content-Encoding', 'br')).toMatchObject(absent)
    expect(view('{}', 'application/json', 'Content-Encoding', 'br')).not.toHaveProperty('text')
    expect(view('{}', 'application/octet-stream')).not.toHaveProperty('text')
    expect(view('{}')).toEqual({ type: '', ...absent })
  })

  it('is fast even for hostile content', () => {
    for (const hard of ['\\"'.repeat(32_000), '"'.repeat(64_000), '['.repeat(64_000), ' '.repeat(64_000)]) {
      const before = process.cpuUsage()
      view(hard, 'application/json')
      // Takes microseconds; quadratic time would be seconds.
      expect(process.cpuUsage(before).user).toBeLessThan(500_000)
    }
  })
})
