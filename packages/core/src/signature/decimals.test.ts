import fc from 'fast-check'
import {
  isInnerList,
  parseDictionary as readDictionary,
  serializeDictionary,
  serializeItem,
  serializeList,
} from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { signatureBase } from './base.js'
import { parseDictionary, parseItem, parseList, WholeDecimal } from './decimals.js'
import { parseLabels, tokenText } from './structured-fields.js'

// The library reads and writes for the oracle as well, so what is expected here is by hand, from RFC 8941.

describe('Decimals (RFC 8941, 4.1.5)', () => {
  it.each([
    ['1.0', '1.0'],
    ['1.00', '1.0'],
    ['1.000', '1.0'],
    ['0.0', '0.0'],
    ['-1.0', '-1.0'],
    ['-0.0', '0.0'],
    ['-00.000', '0.0'],
    ['007.0', '7.0'],
    ['10.0', '10.0'],
    ['999999999999.0', '999999999999.0'],
    ['1.5', '1.5'],
    ['1.50', '1.5'],
    ['1.010', '1.01'],
    ['1', '1'],
    ['100', '100'],
    ['-0', '0'],
    ['"1.0"', '"1.0"'],
    ['a1.0', 'a1.0'],
    ['*1.0', '*1.0'],
    [':MS4w:', ':MS4w:'],
    ['?0', '?0'],
  ])('%s is written as %s, wherever it stands (H-35)', (text, written) => {
    expect(serializeItem(parseItem(text))).toBe(written)
    expect(serializeItem(parseItem(`a;x=${text};y=${text}`))).toBe(`a;x=${written};y=${written}`)
    expect(serializeList(parseList(`${text}, ${text},\t( ${text}  ${text};z=${text} );x=${text}`))).toBe(
      `${written}, ${written}, (${written} ${written};z=${written});x=${written}`,
    )
    expect(serializeDictionary(parseDictionary(`a=${text} , b=(${text});p=${text}`))).toBe(
      `a=${written}, b=(${written});p=${written}`,
    )
  })

  it.each(['1.', '1.0000', '1.0.0', '.0', '1234567890123.0', '--1.0', '1.0a', '1.0 1.0'])(
    '%s is none',
    (text) => {
      expect(() => parseItem(text)).toThrow()
    },
  )

  it('are text in strings, whatever is escaped in them', () => {
    for (const text of ['"a, 1.0, \\" 1.0"', '"\\\\", 1.0', '"=1.0;"', '"a" , "( 1.0 )"'])
      expect(serializeList(parseList(text))).toBe(text.replace(' ,', ','))
    expect(serializeList(parseList('%"=1.0 \\", 1.0'))).toBe('%"=1.0 \\", 1.0')
  })

  it('are no Tokens to whoever asks for one', () => {
    const [bare] = parseItem('1.0')
    expect(bare).toBeInstanceOf(WholeDecimal)
    expect(tokenText(bare)).toBeUndefined()
  })

  it('of which there are too many are refused, and cost no more than their text', () => {
    const list = (count: number): string => Array.from({ length: count }, () => '1.0').join(' ')
    expect(() => parseDictionary(`a=(${list(65)})`)).toThrow(RangeError)
    expect(parseLabels(`a=(${list(65)})`)).toBeUndefined()
    expect(serializeDictionary(parseDictionary(`a=(${list(64)})`))).toBe(`a=(${list(64)})`)
  })

  it('change nothing about any other text', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'ab1"\\;,()=%@?:*.- '), maxLength: 30 })
    fc.assert(
      fc.property(noise, (text) => {
        let expected: ReturnType<typeof readDictionary>
        try {
          expected = readDictionary(text)
        } catch {
          return
        }
        fc.pre(!/[0-9]\.0/.test(text))
        expect(serializeDictionary(parseDictionary(text))).toBe(serializeDictionary(expected))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('Decimals in the signature base (RFC 9421, 2.1 and 2.3)', () => {
  const rawHeaders = [
    'Host',
    'rs.example',
    'Priority',
    'u=1.0, i;q=2.00',
    'Example',
    'a=1.0;x=3.0,  b=(1.0 2)',
  ]
  const context = {
    method: 'GET',
    authority: 'rs.example',
    scheme: 'https',
    target: '/',
    rawHeaders,
  } as const
  const base = (input: string): string[] => {
    const member = parseLabels(`sig=${input}`)?.dictionary.get('sig')
    if (member === undefined || !isInnerList(member)) throw new TypeError('no list')
    return (signatureBase(member, context) as Buffer).toString().split('\n')
  }

  it.each([
    ['("@method");created=1;x=1.0', ['"@method": GET', '"@signature-params": ("@method");created=1;x=1.0']],
    ['("@method");x=-0.00;y=1', ['"@method": GET', '"@signature-params": ("@method");x=0.0;y=1']],
    ['("priority";sf)', ['"priority";sf: u=1.0, i;q=2.0', '"@signature-params": ("priority";sf)']],
    ['("example";key="a")', ['"example";key="a": 1.0;x=3.0', '"@signature-params": ("example";key="a")']],
    ['("example";key="b")', ['"example";key="b": (1.0 2)', '"@signature-params": ("example";key="b")']],
    ['("priority")', ['"priority": u=1.0, i;q=2.00', '"@signature-params": ("priority")']],
  ])('%s (H-35)', (input, lines) => {
    expect(base(input)).toEqual(lines)
  })
})
