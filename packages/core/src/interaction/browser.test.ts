import { describe, expect, it } from 'vitest'
import { createBrowser, newSecret } from './browser.js'

const mine = newSecret()
const other = newSecret()
const name = '__Host-aauth-interaction'
const secretOf = (...cookies: string[]): string | undefined =>
  createBrowser(false).secretOf({
    method: 'GET',
    target: '/',
    rawHeaders: cookies.flatMap((cookie) => ['Cookie', cookie]),
  })

describe('the cookie of the interaction page', () => {
  it.each([
    [`${name}=${mine}`],
    [`a=b; ${name}=${mine}; c=d`],
    [`a=b;${name}=${mine} ;c=d`],
    [`${'a=b; '.repeat(3000)}${name}=${mine}`],
    [`${name}=; ${name}=${mine}`],
    ['a=b', `${name}=${mine}`],
    [`${name}=${mine}; ${name}=${other}`],
  ])('is found in %.60s', (...cookies) => {
    expect(secretOf(...cookies)).toBe(mine)
  })

  it.each([
    [''],
    [`x${name}=${mine}`],
    [`a=${name}=${mine}`],
    [`${name}=${mine}x`],
    [`${name}=${mine.slice(1)}`],
    [`${name.toLowerCase()}=${mine}`],
    [`aauth-interaction=${mine}`],
  ])('is not in %.60s', (cookie) => {
    expect(secretOf(cookie)).toBeUndefined()
  })
})
