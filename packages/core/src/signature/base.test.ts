import { type InnerList, parseDictionary } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { importSigningJwk } from '../crypto/keys.js'
import { requestB2, testKeyEd25519 } from '../testing/vectors.js'
import { signatureBase } from './base.js'
import { UnresolvedComponent } from './components.js'

const list = (text: string): InnerList => parseDictionary(`sig=${text}`).get('sig') as InnerList
const base = (
  text: string,
  request: Partial<typeof requestB2> & object = {},
): string | UnresolvedComponent => {
  const result = signatureBase(list(text), { ...requestB2, ...request })
  return result instanceof UnresolvedComponent ? result : result.toString()
}

describe('signature base', () => {
  it('reproduces RFC 9421 B.2.6, which is deterministic', async () => {
    const bytes = signatureBase(
      list(
        '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      ),
      requestB2,
    )
    const signature = await importSigningJwk(testKeyEd25519).sign(bytes as Buffer)
    expect(Buffer.from(signature).toString('base64')).toBe(
      'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==',
    )
  })

  it.each([
    ['"@method"', 'POST'],
    ['"@authority"', 'example.com'],
    ['"@scheme"', 'https'],
    ['"@path"', '/foo'],
    ['"@query"', '?param=Value&Pet=dog'],
    ['"@target-uri"', 'https://example.com/foo?param=Value&Pet=dog'],
    ['"@request-target"', '/foo?param=Value&Pet=dog'],
    ['"@query-param";name="Pet"', 'dog'],
    ['"content-type"', 'application/json'],
    ['"content-type";bs', ':YXBwbGljYXRpb24vanNvbg==:'],
  ])('resolves %s', (identifier, value) => {
    expect(base(`(${identifier})`)).toBe(`${identifier}: ${value}\n"@signature-params": (${identifier})`)
  })

  it('keeps the path as received and tells a missing query from none', () => {
    const target = '/a/../%7Eb//c'
    expect(base('("@path" "@query")', { target } as object)).toContain(`"@path": ${target}\n"@query": ?\n`)
  })

  it('encodes query parameters as RFC 9421 2.2.8 does', () => {
    const target =
      '/p?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=x&q=%21%27'
    const names =
      '("@query-param";name="var" "@query-param";name="bar" "@query-param";name="fa%C3%A7ade%22%3A%20")'
    expect(base(names, { target } as object)).toContain(
      [
        '"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value',
        '"@query-param";name="bar": with%20plus%20whitespace',
        '"@query-param";name="fa%C3%A7ade%22%3A%20": x',
      ].join('\n'),
    )
    expect(base('("@query-param";name="q")', { target } as object)).toContain(': %21%27\n')
  })

  it('takes a second question mark for a part of the query [H-15]', () => {
    expect(base('("@query-param";name="%3Fa")', { target: '/p??a=1' } as object)).toContain(': 1\n')
    expect(base('("@query-param";name="a")', { target: '/p??a=1' } as object)).toBeInstanceOf(
      UnresolvedComponent,
    )
  })

  it('joins all lines of a field, trimmed, and keeps what is inside', () => {
    const rawHeaders = ['X-A', '  one,  two ', 'x-b', '', 'x-a', '\tthree ']
    expect(base('("x-a" "x-b")', { rawHeaders } as object)).toBe(
      '"x-a": one,  two, three\n"x-b": \n"@signature-params": ("x-a" "x-b")',
    )
  })

  it('serialises parameters strictly and keeps unknown ones', () => {
    const text = '( "@method"  );created=1;x=tok;  y="s";z'
    expect(base(text)).toBe('"@method": POST\n"@signature-params": ("@method");created=1;x=tok;y="s";z')
  })

  it.each([
    ['"absent"'],
    ['"@status"'],
    ['"@nonsense"'],
    ['"@method";req'],
    ['"content-type";tr'],
    ['"content-type";key="a"'],
    ['"content-type";sf'],
    ['"content-digest";key="sha-256"'],
    ['"content-type";unknown'],
    ['"@query-param"'],
    ['"@query-param";name="absent"'],
  ])('cannot resolve %s', (identifier) => {
    expect(base(`(${identifier})`)).toBeInstanceOf(UnresolvedComponent)
  })

  it('refuses a query parameter that occurs twice and a value that is not ASCII', () => {
    expect(base('("@query-param";name="a")', { target: '/?a=1&a=2' } as object)).toBeInstanceOf(
      UnresolvedComponent,
    )
    expect(base('("x")', { rawHeaders: ['x', 'caf\u00e9'] } as object)).toBeInstanceOf(UnresolvedComponent)
  })
})
