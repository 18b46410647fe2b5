import { describe, expect, it } from 'vitest'
import { grant, inputOf } from '../testing/policy-input.js'
import { plainJson } from './plain.js'
import { questionOf } from './question.js'

const circle: { more?: object } = {}
circle.more = circle
/** As a parser of YAML has it: each list has the next ten times, and all of it fits into a line. */
let shared: unknown = 'x'
for (let level = 0; level < 30; level++) shared = Array(10).fill(shared)

describe('what a parser has made of what a stranger has sent', () => {
  it.each<[string, unknown, string]>([
    ['a whole number as a BigInt', 99999999999999999999n, 'a BigInt'],
    ['bytes', { name: Buffer.from('admin') }, 'bytes'],
    ['an array of bytes', [Uint8Array.of(1)], 'bytes'],
    ['a map, of which JSON has nothing', new Map([['copies', 101]]), 'a map or a set'],
    ['a set', [new Set([1])], 'a map or a set'],
    ['a circle', circle, 'nested more than 32 levels deep'],
    ['much of little', shared, 'longer than'],
    ['one long name many times', Array(10_000).fill({ ['x'.repeat(50_000)]: 1 }), 'longer than'],
    ['a member that is assigned', JSON.parse('{"__proto__":{"copies":101}}'), 'a member called __proto__'],
  ])('is refused, and no fault of the application’s: %s', (_, content, says) => {
    const told = () => plainJson('context', { content })
    expect(told).toThrow(says)
    expect(told).toThrow(
      expect.objectContaining({ refusal: expect.objectContaining({ code: 'access_denied' }) }),
    )
  })

  it('is a fault of the application’s where one of its own functions throws', () => {
    const content = {
      toJSON() {
        throw new TypeError('no such column')
      },
    }
    expect(() => plainJson('context', { content })).toThrow(/^no such column$/)
  })

  it('is no more than a million characters in all parts together, names among them', async () => {
    const text = 'x'.repeat(600_000)
    const asked = (options: object) => questionOf(inputOf(grant), options)
    const refused = { refusal: { code: 'access_denied' } }
    const resource = () => ({ type: 'note', id: '1', properties: { text } })
    await expect(asked({ resource, context: () => ({ text }) })).rejects.toMatchObject(refused)
    await expect(asked({ action: () => text + text })).rejects.toMatchObject(refused)
    await expect(
      asked({ resource: () => ({ type: 'note', id: text + text, properties: {} }) }),
    ).rejects.toMatchObject(refused)
    expect((await asked({ resource })).resource.properties).toEqual({ text })
  })
})
