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

  it('remembers a long one, which takes the places of others, and one at the limit takes them all', () => {
    // All of one length and one end, so that they share a set.
    const like = (n: number, length: number): string => `sig=jwt;jwt="${`${n}.`.padEnd(length, 'x')}"`
    const remembered = (n: number, length: number): boolean => {
      const text = like(n, length)
      const twice = [0, 1].map(() => readTokenField(`${text.slice(0, 20)}${text.slice(20)}`, 'sig'))
      return twice[0] === twice[1]
    }
    for (const length of [4000, 8000, 16_370]) expect(remembered(1, length), String(length)).toBe(true)
    expect(remembered(1, 16_371)).toBe(false)
    // Two of 8,000 have room in a set; a third takes the place of the first.
    const [first, second] = [2, 3].map((n) => readTokenField(like(n, 8000), 'sig'))
    expect([readTokenField(like(2, 8000), 'sig'), readTokenField(like(3, 8000), 'sig')]).toEqual([
      first,
      second,
    ])
    expect(readTokenField(like(2, 8000), 'sig')).toBe(first)
    readTokenField(like(4, 8000), 'sig')
    expect(readTokenField(like(3, 8000), 'sig')).toBe(second)
    expect(readTokenField(like(2, 8000), 'sig')).not.toBe(first)
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
