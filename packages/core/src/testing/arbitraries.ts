import fc from 'fast-check'
import type { HttpRequest } from '../http/message.js'

const chars = (from: string): fc.Arbitrary<string> => fc.constantFrom(...from)
const text = (from: string, maxLength: number, minLength = 0): fc.Arbitrary<string> =>
  fc.string({ unit: chars(from), minLength, maxLength })

const token = 'abcdefghijklmnopqrstuvwxyz0123456789-'
// What Node lets through in a request target, short of what is refused before any signature is looked at.
const targetChars = 'abcXYZ019-._~!$&\'()*+,;=:@%/[]{}|\\^`<>"'

/** A request target as it may stand on the wire: no part of it is normalised. */
export const target: fc.Arbitrary<string> = fc
  .tuple(text(targetChars, 24), fc.option(text(`${targetChars}?`, 24), { nil: undefined }))
  .map(([path, query]) => `/${path}${query === undefined ? '' : `?${query}`}`)
  .filter((value) => !value.startsWith('//'))

/** A field name that is none of those with a meaning here. */
const fieldName: fc.Arbitrary<string> = text(token, 10, 1).map((name) => `x-${name}`)

const printable = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i)).join('')

/** A field line as Node hands it over. */
export const fieldLine: fc.Arbitrary<string> = text(printable, 24)

/** Some fields, of which each may have several lines, mixed. */
export const fields: fc.Arbitrary<string[]> = fc
  .array(fc.tuple(fieldName, fieldLine), { maxLength: 5 })
  .chain((lines) => fc.shuffledSubarray([...lines, ...lines.slice(0, 2)], { minLength: lines.length }))
  .map((lines) => lines.flatMap(([name, value], i) => [i % 2 === 0 ? name : name.toUpperCase(), value]))

/** An unsigned request to `rs.example`. */
export const request: fc.Arbitrary<HttpRequest> = fc
  .record({ method: fc.constantFrom('GET', 'POST', 'DELETE', 'PURGE'), target, fields })
  .map(({ method, target, fields }) => ({ method, target, rawHeaders: ['Host', 'rs.example', ...fields] }))

const derived = ['@query', '@scheme', '@target-uri', '@request-target']

/** Components of this request to cover beside the base ones; all can be resolved. */
export function componentsOf({ target, rawHeaders }: HttpRequest): fc.Arbitrary<string[]> {
  const names = [...new Set(rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()))]
  const question = target.indexOf('?')
  const parameters = question === -1 ? [] : [...new URLSearchParams(target.slice(question))]
  const single = parameters
    .map(([name]) => encode(name))
    .filter((name, _, all) => all.indexOf(name) === all.lastIndexOf(name))
  return fc.shuffledSubarray([
    ...derived,
    ...names,
    ...names.map((name) => `"${name}";bs`),
    ...single.map((name) => `"@query-param";name="${name}"`),
  ])
}

// RFC 9421, 2.2.8, written once more, so that the two can disagree.
function encode(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[A-Za-z0-9*\-._]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

/** A label. */
export const label: fc.Arbitrary<string> = fc
  .tuple(chars('abcxyz*'), text(`${token}_.*`, 8))
  .map(([first, rest]) => first + rest)

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }).map((value) => Buffer.from(value).toString('latin1')),
  text(`${printable}\t`, 60),
  // Mostly what structured fields are made of.
  text('sig=jwt;("@method" signature-key),:?%@*/.1-5aeZ_\\', 60),
)

const number = fc.oneof(
  fc.integer().map(String),
  fc.constantFrom(
    '0',
    '-0',
    '1.0',
    '-1.5',
    '999999999999999',
    '-999999999999999',
    '999999999999.999',
    '0.001',
  ),
)
const string = fc.oneof(
  text('abc "\\', 8).map((value) => JSON.stringify(value)),
  fc.constant('""'),
)
const bareItem = fc.oneof(
  number,
  string,
  label,
  fc.constantFrom(
    '?0',
    '?1',
    ':AAAA:',
    '::',
    ':AA==:',
    ':A:',
    '@1659578233',
    '@-1',
    '%"f%c3%bc"',
    '%""',
    '*',
    'jwt',
  ),
)
const parameters = fc
  .array(
    fc.tuple(
      fc.oneof(label, fc.constantFrom('created', 'expires', 'keyid', 'jwt', 'alg')),
      fc.option(bareItem, { nil: undefined }),
    ),
    { maxLength: 4 },
  )
  .map((list) =>
    list.map(([name, value]) => (value === undefined ? `;${name}` : `;${name}=${value}`)).join(''),
  )
const item = fc.tuple(bareItem, parameters).map(([value, rest]) => value + rest)
const component = fc.constantFrom(
  '"@method"',
  '"@authority"',
  '"@path"',
  '"signature-key"',
  '"@query"',
  '"x-a"',
  '"@query-param";name="a"',
  '"x-a";sf',
  '"x-a";key="k"',
  '"signature-key";key="sig"',
)
const innerList = fc
  .tuple(fc.array(fc.oneof(component, item), { maxLength: 6 }), parameters)
  .map(([items, rest]) => `(${items.join(' ')})${rest}`)
const base = '("@method" "@authority" "@path" "signature-key")'
const member = fc.oneof(
  item,
  innerList,
  parameters.map((rest) => `${base};created=1800000000${rest}`),
  parameters.map((rest) => `jwt;jwt="a.b.c"${rest}`),
)

/** A field that may be a Dictionary, nearly one, or nothing of the kind. */
export const dictionaryLike: fc.Arbitrary<string> = fc.oneof(
  anything,
  fc
    .array(fc.tuple(fc.constantFrom('sig', 'sig', 'sig', 'b', '*x'), member), { maxLength: 4 })
    .map((members) => members.map(([name, value]) => `${name}=${value}`).join(', ')),
)

/** `Signature-Input` values that are well formed and cover enough, with anything a Structured Field may hold beside. */
export const soundInput: fc.Arbitrary<string> = fc
  .tuple(fc.array(fc.oneof(component, item), { maxLength: 4 }), parameters, fc.nat(4))
  .map(([items, rest, at]) => {
    const components = ['"@method"', '"@authority"', '"@path"', '"signature-key"', '"@query"']
    components.splice(at, 0, ...items)
    return `sig=(${components.join(' ')});created=1800000000${rest}`
  })

/** `Signature-Key` values of a scheme that is accepted, with any parameters. */
export const soundKey: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('jwt', 'jwks_uri'), parameters)
  .map(([scheme, rest]) => `sig=${scheme};jwt="a.b.c"${rest}`)

/** Any text a stranger may send. */
export const hostileText: fc.Arbitrary<string> = anything
