import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairLru } from './fair-lru.js'

const unbounded = Number.POSITIVE_INFINITY

const filled = (most: number, groups: Record<string, number>): FairLru<string> => {
  const cache = new FairLru<string>(most, unbounded)
  for (const [group, count] of Object.entries(groups)) {
    for (let i = 0; i < count; i++) cache.add(`${group}${i}`, group, `${group}${i}`, 1)
  }
  return cache
}

describe('a fair cache', () => {
  it('forgets what was used longest ago', () => {
    const cache = filled(3, { a: 3 })
    expect(cache.get('a0')).toBe('a0')
    cache.add('a3', 'a', 'a3', 1)
    expect(['a0', 'a1', 'a2', 'a3'].map((key) => cache.get(key))).toEqual(['a0', undefined, 'a2', 'a3'])
  })

  it('makes room in the group that has most: a flood pushes out its own', () => {
    const cache = filled(100, { small: 10, flood: 100_000 })
    expect(cache.size).toBe(100)
    for (let i = 0; i < 10; i++) expect(cache.get(`small${i}`)).toBe(`small${i}`)
    expect(cache.get('flood99999')).toBe('flood99999')
  })

  it('makes room in the group that weighs most, though it has fewer', () => {
    const cache = new FairLru<string>(1000, 1000)
    for (let i = 0; i < 50; i++) cache.add(`light${i}`, 'light', 'l', 4)
    for (let i = 0; i < 500; i++) cache.add(`heavy${i}`, 'heavy', 'h', 300)
    for (let i = 0; i < 50; i++) expect(cache.get(`light${i}`)).toBe('l')
    expect([cache.size, cache.weight]).toEqual([52, 800])
  })

  it('does not hold what is too heavy by itself, and drops nothing for it', () => {
    const cache = new FairLru<string>(10, 100)
    cache.add('a', 'a', 'a', 60)
    cache.add('b', 'b', 'b', 101)
    expect([cache.get('a'), cache.get('b'), cache.weight]).toEqual(['a', undefined, 60])
  })

  it('drops a group at once, and only that', () => {
    const cache = filled(100, { a: 20, b: 30 })
    cache.drop('a')
    cache.drop('nobody')
    expect([cache.size, cache.get('a0'), cache.get('b0')]).toEqual([30, undefined, 'b0'])
  })

  it('drops of a group what it is told, wherever it stands', () => {
    const cache = filled(100, { a: 5, b: 1 })
    cache.drop('a', (value) => value !== 'a2')
    expect([cache.size, cache.get('a2'), cache.get('a4'), cache.get('b0')]).toEqual([
      2,
      'a2',
      undefined,
      'b0',
    ])
    cache.drop('a', (value) => value === 'a2')
    expect(cache.size).toBe(1)
  })

  it('holds nothing when told so', () => {
    expect(filled(0, { a: 3 }).size).toBe(0)
  })

  it('never holds more than its bounds nor anything twice, and shares fairly, whatever happens', () => {
    const step = fc.record({
      act: fc.constantFrom('add', 'add', 'add', 'get', 'delete', 'drop'),
      group: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      n: fc.nat(30),
      weight: fc.integer({ min: 1, max: 9 }),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 8, max: 60 }),
        fc.array(step, { maxLength: 200 }),
        (most, mostWeight, steps) => {
          const cache = new FairLru<string>(most, mostWeight)
          // The same by brute force: every value in order of use.
          let model: { key: string; group: string; weight: number }[] = []
          const total = (): number => model.reduce((sum, { weight }) => sum + weight, 0)
          const weighs = (group: string): number =>
            model.reduce((sum, one) => sum + (one.group === group ? one.weight : 0), 0)
          for (const { act, group, n, weight } of steps) {
            const key = `${group}${n}`
            const held = model.find((one) => one.key === key)
            if (act === 'add' && held === undefined) {
              cache.add(key, group, key, weight)
              if (weight <= mostWeight) {
                while (model.length >= most || total() + weight > mostWeight) {
                  const heaviest = Math.max(...model.map((one) => weighs(one.group)))
                  // Among equals either may go; which one is seen by what has gone.
                  const candidates = model.filter(
                    (one, i) =>
                      weighs(one.group) === heaviest && model.findIndex((x) => x.group === one.group) === i,
                  )
                  const gone = candidates.find((one) => !cache.has(one.key))
                  expect(gone).toBeDefined()
                  model = model.filter((one) => one !== gone)
                }
                model.push({ key, group, weight })
              }
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
            expect([cache.size, cache.weight]).toEqual([model.length, total()])
          }
          for (const { key } of model) expect(cache.get(key)).toBe(key)
        },
      ),
    )
  })
})
