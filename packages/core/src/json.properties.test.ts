import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { parseJsonObject } from './json.js'
import { hostileText } from './testing/arbitraries.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const runs = { numRuns: 800 }

describe('whatever a stranger sends, nothing throws', () => {
  it('in JSON: objects come back as JSON.parse has them, all else not at all [N-041]', () => {
    const text = fc.oneof(
      hostileText,
      fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value)),
      fc.json().map((value) => `{"a":${value},"b":${value}}`),
      fc.string({ unit: fc.constantFrom(...'{}[]:,"\\a1 u0'), maxLength: 30 }),
    )
    fc.assert(
      fc.property(text, (value) => {
        const parsed = parseJsonObject(value)
        if (parsed !== undefined)
          expect(parsed).toEqual(
            JSON.parse(value, (name, member) => (name === '__proto__' ? undefined : member)),
          )
      }),
      runs,
    )
  })

  it('in JSON: a member that occurs twice is found at any depth, however it is spelt', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 6 }),
        fc.jsonValue({ maxDepth: 2 }),
        fc.array(fc.constantFrom('{"x":', '[')),
        (name, value, path) => {
          const spelt = JSON.stringify(name)
          const escaped = `"${[...Array(name.length).keys()].map((i) => `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
          const twice = `{${spelt}:${JSON.stringify(value)},${escaped}:1}`
          const text = path.reduceRight(
            (inner, open) => (open === '[' ? `[${inner}]` : `${open}${inner}}`),
            twice,
          )
          expect(parseJsonObject(`{"outer":${text}}`)).toBeUndefined()
        },
      ),
      { numRuns: 300 },
    )
  })
})
