import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readTokenField } from './token-field.js'

/** Texts of one length that end as tokens do, in a signature; each made anew. */
const field = (n: number, label = 'sig'): string =>
  `${label}=jwt;jwt="aaa.bbb.${createHash('sha512').update(String(n)).digest('base64url')}"`

describe('remembering tokens by the bytes they came in', () => {
  it('gives the same token to the same bytes, however many agents come in turn', () => {
    const agents = Array.from({ length: 100 }, (_, n) => n)
    const before = agents.map((n) => readTokenField(field(n), 'sig'))
    const again = agents.filter((n) => readTokenField(field(n), 'sig') === before[n])
    // By chance, more than four of a hundred may have to share a set of four.
    expect(again.length).toBeGreaterThanOrEqual(95)
  })

  it('never gives one token for another, nor under another label', () => {
    for (let n = 0; n < 5000; n++)
      expect(readTokenField(field(n), 'sig')?.jwt).toBe(field(n).slice('sig=jwt;jwt="'.length, -1))
    expect(readTokenField(field(1), 'sig')?.jwt).toBeDefined()
    expect(readTokenField(field(1), 'other')).toBeUndefined()
    expect(readTokenField(field(1, 'other'), 'other')?.jwt).toBe(readTokenField(field(1), 'sig')?.jwt)
  })

  it('reads what is too short to have an end of its own, or no token at all', () => {
    for (const text of ['', 's', 'sig', 'sig=jwt', 'sig=jwt;jwt="'])
      expect(readTokenField(text, 'sig'), text).toBeUndefined()
    expect(readTokenField('sig=jwt;jwt="a"', 'sig')?.jwt).toBe('a')
  })
})
