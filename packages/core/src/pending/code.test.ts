import { describe, expect, it } from 'vitest'
import { isCode, newCode, normaliseCode } from './code.js'

describe('interaction codes', () => {
  it('are eight Crockford symbols, forty bits (R-227, R-228, HC-99)', () => {
    const codes = Array.from({ length: 500 }, newCode)
    for (const code of codes) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{8}$/)
    expect(new Set(codes).size).toBe(500)
    expect(new Set(codes.join('')).size).toBe(32)
  })

  it('are compared without hyphens and case, with I, L and O read as digits (R-230, N-154)', () => {
    expect(normaliseCode('7hq2-m9xk')).toBe('7HQ2M9XK')
    expect(isCode('-1lio-OoIL--', '11100011'.replace('111000', '111000'))).toBe(true)
    expect(isCode('5t0rz9wc', '5T0RZ9WC')).toBe(true)
    expect(isCode('5TORZ9WC', '5T0RZ9WC')).toBe(true)
  })

  it('match nothing else (N-153)', () => {
    for (const typed of ['', '5T0RZ9W', '5T0RZ9WCC', '5T0RZ9W*', 'UUUUUUUU', '5T0RZ9WС', 'x'.repeat(1000)])
      expect(isCode(typed, '5T0RZ9WC')).toBe(false)
  })
})
