import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { refusalAnswer } from './answer/challenge.js'
import { errorTable, Refusal } from './errors.js'

const guide = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
const sections = new Map(
  guide
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => [/^`(\w+)`/.exec(section)?.[1] ?? section, section]),
)

describe('the guide to errors', () => {
  it('has a section for every code, and for nothing else', () => {
    expect([...sections.keys()].sort()).toEqual([...errorTable.keys()].sort())
  })

  it.each([...errorTable])('says of %s what is so, by example (R-301) (R-066)', (code, { status }) => {
    const section = sections.get(code) as string
    expect(section).toContain('**The caller:**')
    expect(section).toContain('**The operator:**')
    const [, example = ''] = /```http\n(.*?)\n```/s.exec(section) ?? []
    const [head = '', body = ''] = example.split('\n\n')
    const [line = '', ...fields] = head.split('\n')
    expect(line).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    const shown = JSON.parse(body) as Readonly<Record<string, unknown>>
    const { detail } = shown
    const actual = refusalAnswer(new Refusal(code, typeof detail === 'string' ? { detail } : {}))
    expect(shown).toEqual(JSON.parse(actual.body))
    const headers = Object.fromEntries(fields.map((field) => field.split(/: (.*)/).slice(0, 2)))
    // The examples have further fields where the refusal they show has further details.
    for (const [name, value] of Object.entries(actual.headers)) expect(headers[name]).toContain(value)
  })
})
