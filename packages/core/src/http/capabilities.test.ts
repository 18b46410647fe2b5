import { describe, expect, it } from 'vitest'
import { declaredCapabilities, readCapabilities } from './capabilities.js'

const read = (...lines: string[]): string[] => [
  ...readCapabilities(lines.flatMap((line) => ['AAuth-Capabilities', line])),
]

describe('AAuth-Capabilities', () => {
  it('is a List of Tokens, over several lines too (R-296)', () => {
    expect(read('interaction, clarification')).toEqual(['interaction', 'clarification'])
    expect(read('interaction', 'payment')).toEqual(['interaction', 'payment'])
  })

  it('may hold values and parameters that nobody knows (R-297)', () => {
    expect(read('teleport, interaction;v=2;x="y", "interaction", 7, (clarification)')).toEqual([
      'interaction',
    ])
    expect(read('__proto__x, constructor')).toEqual([])
  })

  it.each([
    ['no field', []],
    ['an empty field', ['']],
    ['no List', ['interaction,,']],
    ['another case', ['Interaction']],
    ['too long a field', [`interaction, ${'x'.repeat(1100)}`]],
  ])('declares nothing: %s (R-298, R-299)', (_name, lines) => {
    expect(read(...lines)).toEqual([])
  })

  it('tells nothing declared from nothing that we know (R-299)', () => {
    expect(declaredCapabilities([])).toBeUndefined()
    expect(declaredCapabilities(['AAuth-Capabilities', 'teleport'])?.size).toBe(0)
  })
})
