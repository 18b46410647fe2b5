import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memberText, parameterTexts, parseLabels } from './structured-fields.js'

// A Dictionary as text together with what it says, made without the parser under test.

interface Value {
  readonly text: string
  /** Only RFC 9651 has the type. */
  readonly recent?: boolean
}
interface Parameter {
  readonly spaces: string
  readonly name: string
  readonly value: Value | undefined
}
type Item = readonly [value: Value, parameters: readonly Parameter[]]
interface Member {
  readonly label: string
  /** `undefined`: the member is the Boolean true, and has no value in the text. */
  readonly value: Value | readonly Item[] | undefined
  readonly parameters: readonly Parameter[]
}

const token = fc.stringMatching(/^[A-Za-z*][:/!#$%&'*+.^_`|~A-Za-z0-9-]{0,5}$/)
const text = fc.string({ unit: fc.constantFrom(...'ab"\\;,()=%@?: '), maxLength: 6 })
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: -999_999, max: 999_999 }).map((number) => ({ text: String(number) })),
  fc.constantFrom('1.0', '0.125', '-0', '01', '1.50').map((decimal) => ({ text: decimal })),
  token.map((word) => ({ text: word })),
  text.map((content) => ({ text: `"${content.replace(/["\\]/g, '\\$&')}"` })),
  fc.uint8Array({ maxLength: 4 }).map((bytes) => ({ text: `:${Buffer.from(bytes).toString('base64')}:` })),
  fc.constantFrom('?0', '?1').map((flag) => ({ text: flag })),
)
const recent: fc.Arbitrary<Value> = text.map((content) => ({
  text: `%"${content.replace(/[%"]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)}"`,
  recent: true,
}))
// Few names, so that some occur twice.
const name = fc.constantFrom('a', 'b', 'created', 'key', '*x', 'l-1')
const parameter = (values: fc.Arbitrary<Value>): fc.Arbitrary<Parameter> =>
  fc.record({
    spaces: fc.constantFrom('', '', ' ', '  '),
    name,
    value: fc.option(values, { nil: undefined }),
  })
const member = (values: fc.Arbitrary<Value>): fc.Arbitrary<Member> => {
  const parameters = fc.array(parameter(values), { maxLength: 3 })
  const list = fc.array(fc.tuple(values, parameters), { maxLength: 3 })
  return fc.record({ label: name, value: fc.option(fc.oneof(values, list), { nil: undefined }), parameters })
}
const members = (values: fc.Arbitrary<Value>): fc.Arbitrary<readonly Member[]> =>
  fc.array(member(values), { minLength: 1, maxLength: 4 })

const write = (parameters: readonly Parameter[]): string =>
  parameters
    .map(({ spaces, name, value }) => `;${spaces}${name}${value === undefined ? '' : `=${value.text}`}`)
    .join('')

function writeMember({ label, value, parameters }: Member): string {
  const rest = write(parameters)
  if (value === undefined) return label + rest
  if ('text' in value) return `${label}=${value.text}${rest}`
  return `${label}=( ${value.map(([item, own]) => item.text + write(own)).join('  ')} )${rest}`
}

const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length
const parametersOf = ({ value, parameters }: Member): readonly (readonly Parameter[])[] =>
  Array.isArray(value) ? [parameters, ...(value as readonly Item[]).map(([, own]) => own)] : [parameters]
const isSound = (dictionary: readonly Member[]): boolean =>
  isUnique(dictionary.map(({ label }) => label)) &&
  dictionary.every((one) => parametersOf(one).every((list) => isUnique(list.map((entry) => entry.name))))

describe('Dictionaries of signatures, against every text that RFC 8941 allows', () => {
  it('are read whole, each parameter as it is spelt, unless a label or a parameter occurs twice (KN-010, KN-011)', () => {
    fc.assert(
      fc.property(members(value), fc.constantFrom(',', ', ', ' ,\t'), (dictionary, comma) => {
        const fields = parseLabels(dictionary.map(writeMember).join(comma))
        expect(fields !== undefined).toBe(isSound(dictionary))
        if (fields === undefined) return
        for (const { label, parameters } of dictionary) {
          const spelt = parameters.map(({ name, value }) => [name, value?.text ?? '?1'])
          expect([...parameterTexts(memberText(fields, label))]).toEqual(spelt)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('are malformed with a type of RFC 9651, wherever it stands', () => {
    fc.assert(
      fc.property(members(fc.oneof(value, recent)), (dictionary) => {
        const written = dictionary.map(writeMember).join(', ')
        fc.pre(/%"/.test(written.replace(/(?<!%)"(?:[^"\\]|\\.)*"/g, '')))
        expect(parseLabels(written)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})

describe('what two readers of one text could see differently', () => {
  it.each([
    // A backslash escapes nothing in a Display String: a scanner for strings runs past its end.
    'sig=("@method");created=1;x=%"\\";created=2;y=%"\\"',
    'sig=1;x=%"\\",sig=2;y=%"\\"',
    'sig=("a" "b";key="x";key="y");z=%"\\"',
    'sig=("a");created=@1',
    'sig=("a");z=%"("',
    // Spaces may follow a semicolon, also within the inner list, where they separate items as well.
    'sig=("a";key="x"; key="y")',
    'sig=("a";key="x";  key="y" "b")',
    'sig=jwt;jwt="one";jwt="two"',
    'sig=:AA==:;a;a=?0',
  ])('is refused: %s', (written) => {
    expect(parseLabels(written)).toBeUndefined()
  })

  it.each([
    ['sig=("a";key="x" "a";key="y");created=1', { created: '1' }],
    ['sig=("a;b,c)(" "\\"; d=");created=1;tag="\\\\";n=1.0', { created: '1', tag: '"\\\\"', n: '1.0' }],
    ['sig=jwt;jwt="@%;,"; x', { jwt: '"@%;,"', x: '?1' }],
  ])('is not there: %s', (written, parameters) => {
    const fields = parseLabels(written)
    expect(fields && Object.fromEntries(parameterTexts(memberText(fields, 'sig')))).toEqual(parameters)
  })

  it('never throws, whatever the text', () => {
    const noise = fc.string({ unit: fc.constantFrom(...'ab1"\\;,()=%@?:*. \t\u00e9\u007f\n'), maxLength: 40 })
    fc.assert(
      fc.property(noise, (anything) => {
        const fields = parseLabels(anything)
        if (fields !== undefined) expect(fields.texts).toHaveLength(fields.dictionary.size)
      }),
      { numRuns: 5000 },
    )
  })
})
