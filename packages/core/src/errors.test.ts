import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { challengeAnswer, refusalAnswer, unsignedAnswer } from './answer/challenge.js'
import { createHelp, guideAddress, requirementSections, unsignedSection } from './answer/help.js'
import { askable, type ErrorCode, errorTable, messageOf, Refusal } from './errors.js'
import type { Answer } from './http/message.js'

const help = createHelp(guideAddress)
const guide = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const sections = new Map(
  guide
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => [/^`([\w-]+)`/.exec(section)?.[1] ?? section, section]),
)

const unaskable = 'something was thrown that does not say what it is'

describe('the guide to errors', () => {
  it('has a section for every code and requirement, and for nothing else', () => {
    const named = [...errorTable.keys(), ...requirementSections, unsignedSection]
    expect([...sections.keys()].sort()).toEqual(named.sort())
  })

  it.each<[string, number, Answer | undefined]>([
    ...[...errorTable].map(([code, { status }]): [string, number, undefined] => [code, status, undefined]),
    ['not-signed', 401, unsignedAnswer('person-token', ['jwt'])],
    ['agent-token', 401, challengeAnswer('agent-token')],
    ['person-token', 401, challengeAnswer('person-token')],
    ['auth-token', 401, challengeAnswer('auth-token')],
  ])('says of %s what is so, by example (R-301) (R-066)', (code, status, answer) => {
    const section = sections.get(code) as string
    expect(section).toContain('**The caller:**')
    expect(section).toContain('**The operator:**')
    const [, example = ''] = /```http\n(.*?)\n```/s.exec(section) ?? []
    const [head = '', body = ''] = example.split('\n\n')
    const [line = '', ...fields] = head.split('\n')
    expect(line).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    const shown = JSON.parse(body) as Readonly<Record<string, unknown>>
    const { detail } = shown
    const details = typeof detail === 'string' ? { detail } : {}
    const actual = help.answer(answer ?? refusalAnswer(new Refusal(code as ErrorCode, details)))
    expect(shown).toEqual(JSON.parse(actual.body))
    expect(shown['help']).toBe(`${guideAddress}#${code}`)
    const headers = Object.fromEntries(fields.map((field) => field.split(/: (.*)/).slice(0, 2)))
    // The examples have further fields where the refusal they show has further details.
    for (const [name, value] of Object.entries(actual.headers)) expect(headers[name]).toContain(value)
  })

  it('is where the repository is', () => {
    const { repository } = JSON.parse(
      readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
    ) as { readonly repository: string }
    expect(guideAddress).toBe(`${repository}/blob/main/docs/errors.md`)
  })
})

describe('what was thrown', () => {
  const fails = (): never => {
    throw new Error('when asked')
  }
  it.each<[string, unknown, string]>([
    ['an error', new TypeError('no'), 'no'],
    ['a text', 'no', 'no'],
    ['a symbol', Symbol('no'), 'Symbol(no)'],
    ['nothing', undefined, 'undefined'],
    ['a proxy that throws', new Proxy({}, { getPrototypeOf: fails }), unaskable],
    ['an object that is no text', Object.create(null), unaskable],
    ['an error without words', Object.defineProperty(new Error(), 'message', { get: fails }), unaskable],
    ['an error with other things', Object.assign(new Error(), { message: 3 }), unaskable],
  ])('can be asked what it is: %s', (_, thrown, says) => {
    expect(messageOf(thrown)).toBe(says)
    expect(() => String(askable(thrown))).not.toThrow()
  })
})
