import { expect, it } from 'vitest'
import { retryAfterSeconds, statedLifetime } from './lifetime.js'

const now = Date.parse('Sat, 21 Nov 2026 12:00:00 GMT')
const lifetimeOf = (headers: Record<string, string>): number | undefined =>
  statedLifetime((name) => new Headers(headers).get(name), now)

it.each<[number | undefined, Record<string, string>]>([
  [undefined, {}],
  [undefined, { 'cache-control': 'public' }],
  [300, { 'cache-control': 'max-age=300' }],
  [300, { 'cache-control': 'Public , MAX-AGE = "300"' }],
  [300, { 'cache-control': 'max-age=300, max-age=9' }],
  [300, { 'cache-control': 'max-age=300', expires: '0' }],
  [200, { 'cache-control': 'max-age=300', age: '100' }],
  [0, { 'cache-control': 'max-age=300', age: '999' }],
  [0, { 'cache-control': 'max-age=-5' }],
  [0, { 'cache-control': 'max-age=soon' }],
  [2 ** 31, { 'cache-control': 'max-age=99999999999999999999' }],
  [undefined, { 'cache-control': 's-maxage=300' }],
  [0, { 'cache-control': 'max-age=300, no-store' }],
  [0, { 'cache-control': 'no-cache' }],
  [0, { expires: '0' }],
  [0, { expires: 'Sat, 21 Nov 2026 11:00:00 GMT' }],
  [3600, { expires: 'Sat, 21 Nov 2026 13:00:00 GMT' }],
  [60, { expires: 'Sat, 21 Nov 2026 13:00:00 GMT', date: 'Sat, 21 Nov 2026 12:59:00 GMT' }],
])('reads %s from %j (R-081)', (lifetime, headers) => {
  expect(lifetimeOf(headers)).toBe(lifetime)
})

it('reads the seconds of Retry-After and no other form', () => {
  expect(retryAfterSeconds('120')).toBe(120)
  expect(retryAfterSeconds(' 7 ')).toBe(7)
  expect(retryAfterSeconds('-1')).toBeUndefined()
  expect(retryAfterSeconds('99999999999')).toBeUndefined()
  expect(retryAfterSeconds('Sat, 21 Nov 2026 13:00:00 GMT')).toBeUndefined()
  expect(retryAfterSeconds(null)).toBeUndefined()
})
