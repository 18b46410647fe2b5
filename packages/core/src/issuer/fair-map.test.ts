import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FairMap } from './fair-map.js'
import { siteOf } from './site.js'

const space = (most: number, leaves: 'eldest' | 'newest') => {
  const left: string[] = []
  return { left, held: new FairMap<string>(most, leaves, (key) => left.push(key)) }
}

describe('a space that groups share', () => {
  it('makes room in the heaviest group, at its newest', () => {
    const { held, left } = space(100, 'newest')
    held.add('honest', 'a', '', 20)
    for (let index = 0; index < 4; index++) held.add(`made-up ${index}`, 'b', '', 20)
    expect(held.fits('b', 20)).toBe(false)
    expect(held.fits('c', 20)).toBe(true)
    held.add('late', 'c', '', 20)
    expect(left).toEqual(['made-up 3'])
    expect(held.get('honest')).toBe('')
  })

  it('has no place where nobody holds more than the newcomer would', () => {
    const { held } = space(2, 'newest')
    held.add('a', 'a', '', 1)
    held.add('b', 'b', '', 1)
    expect(held.fits('c', 1)).toBe(false)
  })

  it('takes nothing from whoever holds little, be it heavier than what comes', () => {
    const { held } = space(640, 'newest')
    held.add('honest', 'a', '', 9)
    for (let index = 0; index < 631; index++) held.add(`small ${index}`, `site ${index}`, '', 1)
    expect(held.fits('another', 1)).toBe(false)
    expect(held.has('honest')).toBe(true)
  })

  it('makes room for the first of a group with those that have more than one, down to what they keep from it', () => {
    const left: string[] = []
    const held = new FairMap<string>(6400, 'newest', (key) => left.push(key), 1 / 64, 1 / 320)
    // 70 groups of nine and one of ten are entitled to what they hold.
    for (let index = 0; index < 640; index++) held.add(`${index}`, `site ${Math.min(70, index % 71)}`, '', 10)
    expect(left).toEqual([])
    expect(held.fits('site 3', 10)).toBe(false)
    for (let index = 0; index < 250; index++) {
      expect(held.fits(`late ${index}`, 10)).toBe(true)
      held.add(`late ${index}`, `late ${index}`, '', 10)
      // With a second it is one like the others.
      expect(held.fits(`late ${index}`, 10)).toBe(false)
    }
    expect(left).toHaveLength(250)
    expect(left.some((key) => key.startsWith('late'))).toBe(false)
    for (let index = 250; held.fits(`late ${index}`, 10); index++)
      held.add(`late ${index}`, `late ${index}`, '', 10)
    const kept = Array.from({ length: 71 }, (_, site) =>
      [site, site + 71].map((index) => held.has(`${index}`)),
    )
    expect(kept.flat()).not.toContain(false)
    expect(held.size).toBe(640)
  })

  it('takes it from the group that came last, of those that hold the same', () => {
    const left: string[] = []
    const held = new FairMap<string>(60, 'newest', (key) => left.push(key), 1 / 2, 1 / 60)
    for (const name of ['a', 'b', 'c']) for (const index of [1, 2]) held.add(`${name}${index}`, name, '', 10)
    for (const name of ['d', 'e', 'f']) held.add(name, name, '', 10)
    expect(left).toEqual(['c2', 'b2', 'a2'])
    expect(held.fits('g', 10)).toBe(false)
  })

  it('takes nothing from who came first when others grow, be they many and none of them heavy', () => {
    const { held, left } = space(6400, 'newest')
    held.add('honest', 'a', '', 10)
    const names = Array.from({ length: 630 }, (_, index) => `${index}`)
    for (const name of names) held.add(name, `site ${Number(name) % 100}`, '', 10)
    for (const name of names) held.reweigh(name, 16)
    expect(held.weight).toBeLessThanOrEqual(6400)
    expect(left).not.toContain('honest')
  })

  it('gives up the eldest first where it is told so', () => {
    const { held, left } = space(3, 'eldest')
    for (const key of ['1', '2', '3', '4']) held.add(key, 'a', '', 1)
    held.add('5', 'b', '', 1)
    expect(left).toEqual(['1', '2'])
  })

  it('makes room for what grew, and keeps the ranks', () => {
    const { held, left } = space(100, 'newest')
    held.add('first', 'a', '', 30)
    held.add('second', 'a', '', 30)
    held.add('other', 'b', '', 30)
    held.reweigh('first', 50)
    expect(left).toEqual(['second'])
    expect(held.weight).toBe(80)
    held.reweigh('nobody', 50)
    expect(held.weight).toBe(80)
  })

  it('never weighs more than it may, and knows what it holds', () => {
    const step = fc.record({ key: fc.nat(20), group: fc.nat(3), weight: fc.integer({ min: 1, max: 12 }) })
    const leaves = fc.constantFrom('eldest' as const, 'newest' as const)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), leaves, (steps, which) => {
        const { held, left } = space(40, which)
        const there = new Map<string, number>()
        for (const { key, group, weight } of steps) {
          const name = `${group}/${key}`
          if (weight % 5 === 0) held.delete(name)
          else held.add(name, String(group), '', weight)
          if (weight % 5 === 0) there.delete(name)
          else there.set(name, weight)
          for (const gone of left.splice(0)) there.delete(gone)
          expect(held.weight).toBeLessThanOrEqual(40)
          expect(held.size).toBe(there.size)
          expect(held.weight).toBe([...there.values()].reduce((sum, one) => sum + one, 0))
          for (const one of there.keys()) expect(held.has(one)).toBe(true)
        }
      }),
    )
  })
})

it.each([
  ['https://ps.example', 'ps.example'],
  ['https://a.b.evil.example', 'evil.example'],
  ['https://a.shop.co.uk', 'shop.co.uk'],
  ['https://made-up.github.io', 'github.io'],
  ['https://intranet', 'intranet'],
  ['https://co.uk', 'co.uk'],
])('%s belongs to the site %s', (issuer, site) => {
  expect(siteOf(issuer)).toBe(site)
})
