import * as library from 'structured-headers'
import { describe, expect, it, vi } from 'vitest'
import { fixedLimits } from '../limits.js'
import { parseDictionary, parseItem, parseList } from './structured.js'

vi.mock('structured-headers', async (original) => {
  const real = await original<typeof library>()
  return {
    ...real,
    parseDictionary: vi.fn(real.parseDictionary),
    parseList: vi.fn(real.parseList),
    parseItem: vi.fn(real.parseItem),
  }
})

const many = (text: string, most: number = fixedLimits.fieldPieces): string => text.repeat(most)

describe('a structured field of too many pieces', () => {
  it.each([
    ['an inner list', `sig=(${many('a ')})`],
    ['two-character items behind tabs', `sig=(${many('1\t')})`],
    ['parameters', `sig=a${many(';a', 257)}`],
    ['members', `${many('a,', 257)}b`],
    ['empty lists', Array.from({ length: 100 }, (_, i) => `a${i}=()`).join()],
    ['parameters of items', `sig=(${many('a;b ', 129)})`],
    ['a key longer than any', `${'k'.repeat(1100)}=1`],
    ['a Token longer than any', `sig=${'t'.repeat(1100)}`],
    ['a Byte Sequence longer than any', `sig=:${'A'.repeat(1100)}:`],
    ['pieces behind a text', `sig=("${'x'.repeat(5000)}" ${many('a ')})`],
    ['pieces behind a text with quotes', `sig=("${many('\\"', 20)}" ${many('a ')})`],
    ['pieces behind a text that has no end', `sig=(${many('a ')}"`],
  ])('is not parsed: %s', (_, text) => {
    for (const [mine, theirs] of [
      [parseDictionary, library.parseDictionary],
      [parseList, library.parseList],
      [parseItem, library.parseItem],
    ] as const) {
      vi.mocked(theirs).mockClear()
      expect(() => mine(text)).toThrow(RangeError)
      expect(theirs).not.toHaveBeenCalled()
    }
  })

  it('is not one of few pieces that are long, nor one with pieces in its texts', () => {
    const token = 'x'.repeat(12_000)
    expect(parseDictionary(`sig=jwt;jwt="${token}"`).get('sig')?.[1].get('jwt')).toBe(token)
    expect(parseDictionary(`sig=a;b="${many(', ; ( \\"')}"`).size).toBe(1)
    expect(parseDictionary(`sig=(${many('"@method" ', 100)})`).size).toBe(1)
    expect(parseList(many('a, ', 80).slice(0, -2))).toHaveLength(80)
  })
})
