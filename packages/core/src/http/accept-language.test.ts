import { describe, expect, it } from 'vitest'
import { createLanguageChooser } from './accept-language.js'

const choose = createLanguageChooser(['en', 'de', 'pt-BR', 'zh-Hant', 'ar', 'de-AT'])

describe('the language for an Accept-Language field', () => {
  it.each([
    ['de', 'de'],
    ['DE', 'de'],
    ['de-AT', 'de-AT'],
    ['de-CH-1996', 'de'],
    ['fr, de;q=0.5', 'de'],
    ['de;q=0.5, ar', 'ar'],
    ['de;q=0.5, ar;q=0.5', 'de'],
    ['de ; q=0.5 , ar;q=0.500', 'de'],
    ['ar;q=0.001, de;q=0.002', 'de'],
    ['ar;Q=0.2, de;Q=0.3', 'de'],
    // Another region, but not another script.
    ['pt', 'pt-BR'],
    ['pt-PT', 'pt-BR'],
    ['zh-TW', 'zh-Hant'],
    ['zh-CN', 'en'],
    ['zh', 'en'],
    ['*', 'en'],
    ['fr, *;q=0.5', 'en'],
    ['en;q=0, *', 'de'],
    ['de;q=0', 'en'],
    ['de;q=0, de-CH', 'en'],
    ['en;q=0', 'de'],
    ['fr', 'en'],
    ['', 'en'],
    [undefined, 'en'],
  ])('for %j is %s', (field, language) => {
    expect(choose(field)).toBe(language)
  })

  it.each([
    'de;q=2',
    'de;q=0.1234',
    'de;q=-1',
    'de;q=',
    'de;level=1',
    'd\u00e9',
    'de_AT',
    'abcdefghi',
    '__proto__',
    'constructor',
    'toString',
    ';q=1',
    '-',
    'x',
    'i',
    'de\u0000',
  ])('passes over what is malformed: %j', (field) => {
    expect(choose(field)).toBe('en')
    expect(choose(`${field}, ar;q=0.1`)).toBe('ar')
  })

  it('reads only the beginning of a long field', () => {
    expect(choose(`${'fr,'.repeat(31)}de`)).toBe('de')
    expect(choose(`${'fr,'.repeat(32)}de`)).toBe('en')
    expect(choose(`fr${' '.repeat(2000)},de`)).toBe('en')
    expect(choose(`${'a-'.repeat(100_000)},de`)).toBe('en')
  })

  it('is the only one there is, whatever is asked for', () => {
    expect(createLanguageChooser(['ar'])('de, ar;q=0')).toBe('ar')
  })
})
