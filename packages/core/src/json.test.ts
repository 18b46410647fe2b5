import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJsonObject } from './json.js'

// An object as text together with whether a name occurs twice in it, made without a parser.
interface Written {
  readonly text: string
  readonly duplicate: boolean
}
const spell = (name: string, escaped: readonly boolean[]): string =>
  [...Array(name.length).keys()]
    .map((i) => {
      const code = name.charCodeAt(i)
      const plain = code >= 0x20 && code !== 0x22 && code !== 0x5c && (code < 0xd800 || code > 0xdfff)
      return plain && escaped[i] !== true ? name.charAt(i) : `\\u${code.toString(16).padStart(4, '0')}`
    })
    .join('')
const written = fc.letrec<{ value: Written; object: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc
      .constantFrom('1', '"a"', '":"', '"\\":{"', 'null', '[]', '-1e3')
      .map((text) => ({ text, duplicate: false })),
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => ({
      text: `[${items.map((item) => item.text).join(' ,')}]`,
      duplicate: items.some((item) => item.duplicate),
    })),
  ),
  object: fc
    .array(
      fc.record({
        name: fc.constantFrom('a', 'b:', '1', '\u00e9', '\ud800', '"', '\\', ''),
        escaped: fc.array(fc.boolean(), { maxLength: 9 }),
        space: fc.constantFrom('', ' ', '\r\n\t'),
        value: tie('value'),
      }),
      { maxLength: 4 },
    )
    .map((members) => ({
      text: `{${members.map(({ name, escaped, space, value }) => `"${spell(name, escaped)}"${space}:${space}${value.text}`).join(`,`)}}`,
      duplicate:
        new Set(members.map(({ name }) => name)).size < members.length ||
        members.some(({ value }) => value.duplicate),
    })),
}))

const members = (count: number): string => Array.from({ length: count }, (_, i) => `"m${i}":0`).join()

describe('JSON objects from strangers', () => {
  it('are read as JSON.parse reads them, unless a name occurs twice, however it is spelt (KN-071)', () => {
    fc.assert(
      fc.property(written.object, ({ text, duplicate }) => {
        expect(parseJsonObject(text)).toEqual(duplicate ? undefined : JSON.parse(text))
      }),
      { numRuns: 1000 },
    )
  })

  it('reads any object that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        fc.pre(!JSON.stringify(value).includes('__proto__'))
        expect(parseJsonObject(JSON.stringify(value, null, 1))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it.each([
    ['{"__proto__":{"scope":"all"},"a":1}', { a: 1 }],
    ['{"a":[{"\\u005f_proto__":1,"b":2}]}', { a: [{ b: 2 }] }],
  ])('is read without its prototypes: %s', (text, expected) => {
    const value = parseJsonObject(text)
    expect(JSON.stringify(value)).toBe(JSON.stringify(expected))
    expect(Object.getPrototypeOf(Object.assign({}, value))).toBe(Object.prototype)
  })

  it.each([
    ['a duplicate member', '{"a":1,"a":2}'],
    ['a duplicate spelt with an escape', '{"iss":1,"\\u0069ss":2}'],
    ['a duplicate within', '{"a":{"b":1, "c":[{"d":1 , "d" :2}]}}'],
    ['a byte order mark', '\ufeff{}'],
    ['two prototypes', '{"__proto__":1,"__proto__":2}'],
    ['an array', '[]'],
    ['a string', '"a"'],
    ['null', 'null'],
    ['no JSON', '{'],
    ['nesting of 17 levels', `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`],
    ['more than 256 members and elements', `{"a":[${'0,'.repeat(255)}0]}`],
    ['many small objects', `{"a":[${'{},'.repeat(130)}0]}`],
    ['an object of more than 128 members', `{${members(129)}}`],
    ['an object of more than 128 members within', `{"a":[{},{${members(129)}}],"b":0}`],
    ['endless nesting', '['.repeat(100_000)],
  ])('%s is refused', (_name, text) => {
    expect(parseJsonObject(text)).toBeUndefined()
  })

  it('takes the same name in different objects, names that look like values, and 16 levels', () => {
    expect(parseJsonObject('{"a":{"a":"a"},"b":["a","a",{"a":1}]}')).toBeDefined()
    expect(parseJsonObject(`${'{"a":'.repeat(16)}1${'}'.repeat(16)}`)).toBeDefined()
    expect(parseJsonObject(`{"a":[${'0,'.repeat(254)}0]}`)).toBeDefined()
    expect(parseJsonObject(`{${members(128)}}`)).toBeDefined()
    expect(parseJsonObject(`{"a":{${members(100)}},"b":{${members(100)}}}`)).toBeDefined()
  })

  it('takes as many members and elements as the caller allows, no more', () => {
    const text = `{"a":[${'{},'.repeat(1000)}0]}`
    expect(parseJsonObject(text, 2002)).toBeDefined()
    expect(parseJsonObject(text, 2001)).toBeUndefined()
  })
})
