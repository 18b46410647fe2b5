import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairLru } from './fair-lru.js'

const filled = (most: number, groups: Record<string, number>): FairLru<string> => {
  const cache = new FairLru<string>(most)
  for (const [group, count] of Object.entries(groups)) {
    for (let i = 0; i < count; i++) cache.add(`${group}${i}`, group, `${group}${i}`)
  }
  return cache
}

describe('a fair cache', () => {
  it('forgets what was used longest ago', () => {
    const cache = filled(3, { a: 3 })
    expect(cache.get('a0')).toBe('a0')
    cache.add('a3', 'a', 'a3')
    expect(['a0', 'a1', 'a2', 'a3'].map((key) => cache.get(key))).toEqual(['a0', undefined, 'a2', 'a3'])
  })

  it('makes room in the group that has most: a flood pushes out its own', () => {
    const cache = filled(100, { small: 10, flood: 100_000 })
    expect(cache.size).toBe(100)
    for (let i = 0; i < 10; i++) expect(cache.get(`small${i}`)).toBe(`small${i}`)
    expect(cache.get('flood99999')).toBe('flood99999')
  })

  it('drops a group at once, and only that', () => {
    const cache = filled(100, { a: 20, b: 30 })
    cache.drop('a')
    cache.drop('nobody')
    expect([cache.size, cache.get('a0'), cache.get('b0')]).toEqual([30, undefined, 'b0'])
  })

  it('holds nothing when told so', () => {
    expect(filled(0, { a: 3 }).size).toBe(0)
  })

  it('never holds more than its bound nor anything twice, and shares fairly, whatever happens', () => {
    const step = fc.record({
      act: fc.constantFrom('add', 'add', 'add', 'get', 'delete', 'drop'),
      group: fc.constantFrom('a', 'b', 'c'),
      n: fc.nat(30),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 200 }), (most, steps) => {
        const cache = new FairLru<string>(most)
        // The same by brute force: every value in order of use.
        let model: { key: string; group: string }[] = []
        for (const { act, group, n } of steps) {
          const key = `${group}${n}`
          const held = model.find((one) => one.key === key)
          if (act === 'add' && held === undefined) {
            cache.add(key, group, key)
            if (model.length >= most) {
              const counts = new Map<string, number>()
              for (const one of model) counts.set(one.group, (counts.get(one.group) ?? 0) + 1)
              const largest = Math.max(...counts.values())
              const gone = model.filter((one) => cache.get(one.key) === undefined)
              expect(gone.length).toBe(1)
              expect(counts.get(gone[0]?.group as string)).toBe(largest)
              expect(model.find((one) => one.group === gone[0]?.group)).toBe(gone[0])
              model = model.filter((one) => one !== gone[0])
            } else for (const one of model) cache.get(one.key)
            model.push({ key, group })
            cache.get(key)
          } else if (act === 'get') {
            expect(cache.get(key)).toBe(held?.key)
            if (held !== undefined) model = [...model.filter((one) => one !== held), held]
          } else if (act === 'delete') {
            cache.delete(key)
            model = model.filter((one) => one !== held)
          } else if (act === 'drop') {
            cache.drop(group)
            model = model.filter((one) => one.group !== group)
          }
          expect(cache.size).toBe(model.length)
        }
      }),
    )
  })
})
