import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJsonObject } from './json.js'

describe('JSON objects from strangers', () => {
  it('reads any object that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
        expect(parseJsonObject(JSON.stringify(value, null, 1))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it.each([
    ['a duplicate member', '{"a":1,"a":2}'],
    ['a duplicate spelt with an escape', '{"iss":1,"\\u0069ss":2}'],
    ['a duplicate within', '{"a":{"b":1, "c":[{"d":1 , "d" :2}]}}'],
    ['an array', '[]'],
    ['a string', '"a"'],
    ['null', 'null'],
    ['no JSON', '{'],
    ['nesting of 17 levels', `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`],
    ['endless nesting', '['.repeat(100_000)],
  ])('%s is refused', (_name, text) => {
    expect(parseJsonObject(text)).toBeUndefined()
  })

  it('takes the same name in different objects, names that look like values, and 16 levels', () => {
    expect(parseJsonObject('{"a":{"a":"a"},"b":["a","a",{"a":1}]}')).toBeDefined()
    expect(parseJsonObject(`${'{"a":'.repeat(16)}1${'}'.repeat(16)}`)).toBeDefined()
  })
})
