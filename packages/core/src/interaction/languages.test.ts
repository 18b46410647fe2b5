import { describe, expect, it } from 'vitest'
import { testResource } from '../testing/resource.js'
import { createLanguages, type LanguageOptions, type Languages } from './languages.js'
import { englishMessages, fill } from './messages.js'

const scopes = new Map([['notes.read', 'Read your notes']])
const request = (accepted?: string) => ({
  method: 'GET',
  target: '/',
  rawHeaders: accepted === undefined ? [] : ['accept-LANGUAGE', accepted],
})
const languages = (options: LanguageOptions): Languages => createLanguages(options, scopes)

describe('the languages of the page', () => {
  it('are English where nothing is translated', () => {
    const only = languages({})
    expect(only.vary).toBe(false)
    expect(only.of(request('de'))).toMatchObject({
      tag: 'en',
      direction: 'ltr',
      messages: englishMessages,
      scopes,
    })
    expect(only.of(request('de')).untranslated.size).toBe(0)
  })

  it('have English for what is left out, and say for what', () => {
    const { messages, untranslated, tag } = languages({ messages: { DE: { approve: 'Zustimmen' } } }).of(
      request('de'),
    )
    expect(tag).toBe('de')
    expect([messages.approve, messages.decline]).toEqual(['Zustimmen', 'Decline'])
    expect([untranslated.has('approve'), untranslated.has('decline')]).toEqual([false, true])
  })

  it('have the language for what its region leaves out', () => {
    const { messages, scopes, siteName } = languages({
      messages: {
        de: {
          approve: 'Zustimmen',
          decline: 'Ablehnen',
          siteName: 'Notizen',
          scopes: { 'notes.read': 'Lesen' },
        },
        'de-AT': { approve: 'Passt' },
      },
    }).of(request('de-AT'))
    expect([messages.approve, messages.decline, siteName]).toEqual(['Passt', 'Ablehnen', 'Notizen'])
    expect(scopes.get('notes.read')).toBe('Lesen')
  })

  it('let English be worded otherwise', () => {
    const own = languages({ messages: { en: { approve: 'Go ahead' }, 'en-GB': { decline: 'Rather not' } } })
    expect(own.of(request()).messages.approve).toBe('Go ahead')
    const british = own.of(request('en-GB'))
    expect([british.messages.approve, british.messages.decline]).toEqual(['Go ahead', 'Rather not'])
    expect(british.untranslated.size).toBe(0)
  })

  it.each([
    ['ar', 'rtl'],
    ['he', 'rtl'],
    ['fa-IR', 'rtl'],
    ['ur', 'rtl'],
    ['dv', 'rtl'],
    ['az-Arab', 'rtl'],
    ['ar-Latn', 'ltr'],
    ['az', 'ltr'],
    ['ja', 'ltr'],
  ])('know that %s is written %s', (tag, direction) => {
    expect(languages({ messages: { [tag]: {} } }).of(request(tag)).direction).toBe(direction)
  })

  it('are one where one is set', () => {
    const one = languages({ messages: { de: {}, ar: {} }, language: 'AR' })
    expect([one.of(request('de')).tag, one.of(request()).tag, one.vary]).toEqual(['ar', 'ar', false])
  })
})

describe('a value in a sentence', () => {
  it('is put in as it is, whatever is in it', () => {
    const values = { agent: '$& {server} $1 {agent}', server: 's' }
    expect(fill('{agent} of {server}, {agent}', values)).toBe(
      '$& {server} $1 {agent} of s, $& {server} $1 {agent}',
    )
    expect(fill('{toString}', {})).toBe('{toString}')
  })
})

describe('the option for sentences', () => {
  const declare = (more: object) => () =>
    testResource({ scopes: { 'notes.read': 'Read' }, interaction: { login: () => 'mom', ...more } })

  it('may be left empty, and may have all of them', () => {
    expect(declare({ messages: {} })).not.toThrow()
    expect(declare({ messages: { 'zh-Hant': {}, de: englishMessages } })).not.toThrow()
    expect(declare({ messages: { de: { scopes: { 'notes.read': 'Lesen' } } } })).not.toThrow()
  })

  it.each([
    [
      { messages: { de: { aprove: 'x' } } },
      'option interaction.messages.de.aprove: is not known; did you mean approve?',
    ],
    [{ messages: { de: { constructor: 'x' } } }, 'option interaction.messages.de.constructor: is not known'],
    [{ messages: { de: { approve: '' } } }, 'option interaction.messages.de.approve: must not be empty'],
    [{ messages: { de: { approve: ' ' } } }, 'option interaction.messages.de.approve: must not be empty'],
    [{ messages: { de: { approve: 7 } } }, 'option interaction.messages.de.approve: '],
    [{ messages: { de: { approve: undefined } } }, 'option interaction.messages.de.approve: '],
    [
      { messages: { de: { approve: '{agent}' } } },
      'interaction.messages.de.approve: must have no placeholders',
    ],
    [{ messages: { de: { approve: 'Ja }' } } }, 'interaction.messages.de.approve: must have no placeholders'],
    [
      { messages: { de: { asksAgent: '{agent}' } } },
      'option interaction.messages.de.asksAgent: must have the placeholders {agent}, {server}, and no others',
    ],
    [{ messages: { de: { asksAgent: '{agent} {server} {user}' } } }, 'and no others'],
    [{ messages: { de: { asksAgent: '{agent} {server} {}' } } }, 'and no others'],
    [
      { messages: { de: { scopes: { 'notes.raed': 'x' } } } },
      'option interaction.messages.de.scopes.notes.raed: is no scope',
    ],
    [
      { messages: { de: { scopes: { 'notes.read': '' } } } },
      'option interaction.messages.de.scopes.notes.read: ',
    ],
    [{ messages: { de: { siteName: '' } } }, 'option interaction.messages.de.siteName: '],
    [{ messages: { de: 'x' } }, 'option interaction.messages.de: '],
    [{ messages: { de: undefined } }, 'option interaction.messages.de: '],
    [{ messages: { de_AT: {} } }, 'option interaction.messages.de_AT: must be a language tag'],
    [
      { messages: { 'de-u-nu-arab': {} } },
      'option interaction.messages.de-u-nu-arab: must be a language tag',
    ],
    [{ messages: { de: {}, DE: {} } }, 'option interaction.messages: must have each language once'],
    [{ messages: () => ({}) }, 'option interaction.messages: '],
    [{ language: 'de' }, 'option interaction.language: must be en, or a language of interaction.messages'],
    [{ language: 'de-AT', messages: { de: {} } }, 'option interaction.language: must be en, or'],
    [{ language: '' }, 'option interaction.language: must be a language tag'],
    [{ language: 7, messages: { de: {} } }, 'option interaction.language: '],
  ])('is not %j', (more, message) => {
    expect(declare(more)).toThrow(TypeError)
    expect(declare(more)).toThrow(message)
  })
})
