import { parseDictionary } from 'structured-headers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Components } from './components.js'

vi.mock('structured-headers', async (original) => {
  const actual = await original<typeof import('structured-headers')>()
  return { ...actual, parseDictionary: vi.fn(actual.parseDictionary) }
})

afterEach(() => vi.restoreAllMocks())

const components = (target: string, ...rawHeaders: string[]): Components =>
  new Components({ method: 'GET', authority: 'rs.example', scheme: 'https', target, rawHeaders })

const numbers = Array.from({ length: 28 }, (_, i) => i)

describe('what a request without any token can make us do', () => {
  it('is one parse of a field, however many of its members are covered', () => {
    const parse = vi.mocked(parseDictionary).mockClear()
    const message = components('/', 'X', numbers.map((i) => `k${i}=${i}`).join(','))
    for (const i of numbers) expect(message.value(['x', new Map([['key', `k${i}`]])])).toBe(String(i))
    expect(parse).toHaveBeenCalledTimes(1)
  })

  it('is one parse of a field that is malformed', () => {
    const parse = vi.mocked(parseDictionary).mockClear()
    const message = components('/', 'X', '"')
    for (const i of numbers)
      expect(message.value(['x', new Map([['key', `k${i}`]])])).toHaveProperty('identifier')
    expect(parse).toHaveBeenCalledTimes(1)
  })

  it.each(['x', 'content-digest'])('is no parse of a field of hundreds of pieces: %s', (name) => {
    const parse = vi.mocked(parseDictionary).mockClear()
    const message = components('/', name, `a=(${'b '.repeat(300)})`)
    expect(message.value([name, new Map([['key', 'a']])])).toHaveProperty('identifier')
    expect(message.value([name, new Map([['sf', true]])])).toHaveProperty('identifier')
    expect(parse).not.toHaveBeenCalled()
  })

  it('is one look at the fields, however many of them are covered', () => {
    const rawHeaders = numbers.flatMap((i) => [`n${String(i).padStart(2, '0')}`, ` ${i} `])
    let looks = 0
    const counted = new Proxy(rawHeaders, {
      get: (fields, at) => {
        if (at === '0') looks++
        return Reflect.get(fields, at)
      },
    })
    const message = components('/')
    const many = new Components({
      method: 'GET',
      authority: 'a',
      scheme: 'https',
      target: '/',
      rawHeaders: counted,
    })
    for (const i of numbers) expect(many.value([`n${String(i).padStart(2, '0')}`, new Map()])).toBe(String(i))
    expect(message.value(['n00', new Map()])).toHaveProperty('identifier')
    expect(looks).toBe(1)
  })

  it('is no parse of a query of thousands of parameters', () => {
    const parse = vi.spyOn(URLSearchParams.prototype, Symbol.iterator)
    const message = components(`/?a=1${'&b'.repeat(1024)}`)
    expect(message.value(['@query-param', new Map([['name', 'a']])])).toHaveProperty('identifier')
    expect(parse).not.toHaveBeenCalled()
    expect(components(`/?a=1${'&b'.repeat(1023)}`).value(['@query-param', new Map([['name', 'a']])])).toBe(
      '1',
    )
  })

  it('is one parse of the query, however many of its parameters are covered', () => {
    const parse = vi.spyOn(URLSearchParams.prototype, Symbol.iterator)
    const message = components(`/?${numbers.map((i) => `p${i}=${i}`).join('&')}`)
    for (const i of numbers)
      expect(message.value(['@query-param', new Map([['name', `p${i}`]])])).toBe(String(i))
    expect(parse).toHaveBeenCalledTimes(1)
  })
})

describe('@query-param, named in its one encoded form', () => {
  const message = components('/?a%20b=1&%C3%A9=c+d&twice=1&twice=1&empty&%2B=plus&%ZZ=raw&~=t')
  it.each([
    ['a%20b', '1'],
    ['%C3%A9', 'c%20d'],
    ['empty', ''],
    ['%2B', 'plus'],
    ['%25ZZ', 'raw'],
    ['%7E', 't'],
  ])('%s is found', (name, value) => {
    expect(message.value(['@query-param', new Map([['name', name]])])).toBe(value)
  })
  it.each(['a b', 'a+b', '%c3%a9', 'twice', 'absent', '+', '%ZZ', '~', '%00'])('%s is not', (name) => {
    expect(message.value(['@query-param', new Map([['name', name]])])).toHaveProperty('identifier')
  })
})
