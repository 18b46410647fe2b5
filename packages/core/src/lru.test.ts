import { LRUCache } from 'lru-cache'
import { expect, it } from 'vitest'
import { atMost } from './lru.js'

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
