import { readFileSync } from 'node:fs'
import { LRUCache } from 'lru-cache'
import { describe, expect, it } from 'vitest'
import { atMost, defaultLimits, fixedLimits } from './limits.js'
import { optionNames } from './server/options.js'

const guide = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const stated = Object.fromEntries(
  [...guide.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, value]) => [name, Number(value)]),
)

describe('the guide to limits', () => {
  it('states every limit as it is (H-62)', () => {
    expect(stated).toEqual({ ...defaultLimits, ...fixedLimits })
  })

  it('names options that there are', () => {
    const named = [...guide.matchAll(/\boptions?\s((?:`[\w.]+`(?:,? and |, )?)+)/g)]
      .flatMap(([, list = '']) => [...list.matchAll(/`([\w.]+)`/g)])
      .map(([, name = '']) => name)
    expect(named).toEqual(expect.arrayContaining(['limits', 'pending', 'revocationLimits']))
    expect(named.filter((name) => !optionNames().includes(name))).toEqual([])
    expect(optionNames('limits')).toEqual(Object.keys(defaultLimits))
  })
})

it('bounds a cache by number, which forgets what was used longest ago', () => {
  const cache = new LRUCache<string, number>(atMost(1000))
  for (let n = 0; n < 1000; n++) cache.set(`${n}`, n)
  expect(cache.size).toBe(1000)
  expect(cache.get('0')).toBe(0)
  cache.set('another', 0)
  expect(cache.size).toBe(1000)
  expect(cache.has('0')).toBe(true)
  expect(cache.has('1')).toBe(false)
})
