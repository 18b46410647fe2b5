import { type InnerList, isInnerList, parseDictionary } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { signatureBase } from './base.js'
import { UnresolvedComponent } from './components.js'
import type { SignatureContext } from './context.js'

function base(input: string, request: SignatureContext): Buffer {
  const [list] = parseDictionary(input).values()
  if (list === undefined || !isInnerList(list)) throw new TypeError('not an Inner List')
  const bytes = signatureBase(list as InnerList, request)
  if (bytes instanceof UnresolvedComponent) throw new TypeError(`unresolved: ${bytes.identifier}`)
  return bytes
}

describe('RFC 9421, 2: values of components', () => {
  const dictionary = ['Example-Dict', ' a=1, b=2;x=1;y=2, c=(a   b    c), d']
  const request = {
    method: 'POST',
    authority: 'www.example.com',
    scheme: 'https',
    target: '/path?param=value',
    rawHeaders: [
      ...['Host', 'www.example.com'],
      ...['X-OWS-Header', '   Leading and trailing whitespace.   '],
      ...['Cache-Control', 'max-age=60'],
      ...['Cache-Control', '   must-revalidate'],
      ...['X-Empty-Header', ''],
      ...dictionary,
      ...['Example-Header', 'value, with, lots'],
      ...['Example-Header', 'of, commas'],
      ...['Priority', 'u=1,   i'],
    ],
  } as const
  const value = (identifier: string, target: string = request.target): string =>
    base(`sig=(${identifier})`, { ...request, target })
      .toString()
      .split('\n')[0]
      ?.slice(identifier.length + 2) ?? ''

  it.each([
    ['2.1', '"x-ows-header"', 'Leading and trailing whitespace.'],
    ['2.1', '"cache-control"', 'max-age=60, must-revalidate'],
    ['2.1', '"x-empty-header"', ''],
    ['2.1', '"example-dict"', 'a=1, b=2;x=1;y=2, c=(a   b    c), d'],
    ['2.1.1', '"priority";sf', 'u=1, i'],
    ['2.1.2', '"example-dict";key="a"', '1'],
    ['2.1.2', '"example-dict";key="d"', '?1'],
    ['2.1.2', '"example-dict";key="b"', '2;x=1;y=2'],
    ['2.1.2', '"example-dict";key="c"', '(a b c)'],
    ['2.1.3', '"example-header"', 'value, with, lots, of, commas'],
    ['2.1.3', '"example-header";bs', ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:'],
    ['2.2.1', '"@method"', 'POST'],
    ['2.2.2', '"@target-uri"', 'https://www.example.com/path?param=value'],
    ['2.2.3', '"@authority"', 'www.example.com'],
    ['2.2.4', '"@scheme"', 'https'],
    ['2.2.5', '"@request-target"', '/path?param=value'],
    ['2.2.6', '"@path"', '/path'],
    ['2.2.7', '"@query"', '?param=value'],
  ])('%s: %s is %s [H-31] [H-33] [H-34] [H-35] [H-36] [H-16] [H-17]', (_, identifier, expected) => {
    expect(value(identifier)).toBe(expected)
  })

  it.each([
    ['"@query"', '/path?param=value&foo=bar&baz=bat%2Dman', '?param=value&foo=bar&baz=bat%2Dman'],
    ['"@query"', '/path?queryString', '?queryString'],
    ['"@query"', '/path', '?'],
    ['"@query"', '/path?', '?'],
    ['"@query-param";name="baz"', '/path?param=value&foo=bar&baz=batman&qux=', 'batman'],
    ['"@query-param";name="qux"', '/path?param=value&foo=bar&baz=batman&qux=', ''],
    ['"@query-param";name="bar"', '/parameters?bar=with+plus+whitespace', 'with%20plus%20whitespace'],
    ['"@query-param";name="fa%C3%A7ade%22%3A%20"', '/parameters?fa%C3%A7ade%22%3A%20=something', 'something'],
  ])('2.2.7 and 2.2.8: %s of %s is %s [H-14] [H-15]', (identifier, target, expected) => {
    expect(value(identifier, target)).toBe(expected)
  })

  it('a structured type that is not known here cannot be serialised strictly, so it fails [H-34]', () => {
    expect(() => value('"example-dict";sf')).toThrow('unresolved')
  })
})
