import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { importSigningJwk } from '../../crypto/keys.js'
import { Refusal } from '../../errors.js'
import type { HttpRequest } from '../../http/message.js'
import { checkWire } from '../../http/wire.js'
import { defaultLimits } from '../../limits.js'
import { testKeyEd25519 } from '../../testing/vectors.js'
import { type ReadSignature, readSignature, type SignaturePolicy, unsigned } from '../read.js'
import { signRequest } from '../sign.js'
import { usualReader } from './usual.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000 })

const now = 1_800_000_000
const key = importSigningJwk(testKeyEd25519)
const policyWith = (components: readonly string[]): SignaturePolicy => ({
  authority: 'rs.example',
  scheme: 'https',
  components,
  window: 60,
  schemes: ['jwt'],
  limits: defaultLimits,
})
const policies = [policyWith([]), policyWith(['@query', 'content-type'])]
const good = Object.entries(
  await signRequest(
    {
      method: 'GET',
      target: '/data?x=1',
      rawHeaders: [],
      authority: 'rs.example',
      scheme: 'https',
    },
    { key, signatureKey: { scheme: 'jwt', jwt: 'aaa.bbb-_.ccc' }, created: now },
  ),
).flat()
const [, goodInput, , goodSignature, , goodKey] = good as [string, string, string, string, string, string]

const plain = (outcome: ReadSignature | Refusal | typeof unsigned): unknown => {
  if (outcome === unsigned) return 'unsigned'
  if (outcome instanceof Refusal) return { code: outcome.code, details: outcome.details }
  const { base, signature, tokenAt, ...rest } = outcome
  if (tokenAt !== undefined && rest.key.scheme === 'jwt')
    expect(base.toString('latin1', tokenAt, tokenAt + rest.key.jwt.length)).toBe(rest.key.jwt)
  return { ...rest, base: base.toString('latin1'), signature: Buffer.from(signature).toString('hex') }
}
const parsed = (request: HttpRequest, policy: SignaturePolicy): unknown =>
  plain(checkWire(request) ?? readSignature(request, policy, now))

/** What the recogniser says, if it says anything, has to be what the parsers say. */
const agree = (request: HttpRequest): 'recognised' | 'left' => {
  let result: 'recognised' | 'left' = 'left'
  for (const policy of policies) {
    const usual = usualReader(policy).read(request, now)
    if (usual === undefined) continue
    result = 'recognised'
    expect(plain(usual)).toEqual(parsed(request, policy))
  }
  return result
}

// Fields of almost the usual shape: the pieces that matter, and the ones that must not pass for them.
const oneOf = (...values: string[]): fc.Arbitrary<string> => fc.constantFrom(...values)
const label = oneOf('sig', 'sig', 'sig', 'sig1', '*x', 'a.b-c_d', 'Sig', 'si g', '')
const component = oneOf(
  '"@method"',
  '"@authority"',
  '"@path"',
  '"signature-key"',
  '"@query"',
  '"@target-uri"',
  '"@scheme"',
  '"@request-target"',
  '"content-type"',
  '"x-list"',
  '"authorization"',
  '"host"',
  '"absent"',
  '"@query-param";name="x"',
  '"@status"',
  '"@signature-params"',
  '"signature-key";key="sig"',
  '"X-List"',
  '"x\\"y"',
  'token',
  '',
)
const list = fc.oneof(
  { weight: 3, arbitrary: fc.constant('"@method" "@authority" "@path" "signature-key"') },
  {
    weight: 2,
    arbitrary: fc.constant('"@method" "@authority" "@path" "@query" "signature-key" "content-type"'),
  },
  { weight: 2, arbitrary: fc.array(component, { maxLength: 8 }).map((items) => items.join(' ')) },
)
const integer = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: now - 70, max: now + 70 }).map(String) },
  {
    weight: 1,
    arbitrary: oneOf('0', '-1', '01800000000', '1800000000.0', '"1800000000"', '', '1', '9999999999999999'),
  },
)
const input = fc
  .tuple(
    label,
    list,
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(';created=') },
      { weight: 1, arbitrary: oneOf(';Created=', ' ;created=', ';created', '; created=') },
    ),
    integer,
    fc.option(fc.tuple(oneOf(';expires=', ';expires=', '; expires=', ';alg=', ';created='), integer), {
      nil: undefined,
    }),
    oneOf('', '', '', ';alg="ed25519"', ';nonce="n"', ', x=()', ' ', ','),
  )
  .map(
    ([name, items, created, at, more, rest]) =>
      `${name}=(${items})${created}${at}${more?.join('') ?? ''}${rest}`,
  )
const bytes = fc.uint8Array({ minLength: 62, maxLength: 66 })
const signature = fc
  .tuple(label, bytes, oneOf('', '', '', ';x', ', y=:AA==:', ' '), fc.boolean())
  .map(([name, value, rest, padded]) => {
    const text = Buffer.from(value).toString('base64')
    return `${name}=:${padded ? text : text.replace(/=+$/, '')}:${rest}`
  })
const jwt = fc.oneof(
  { weight: 3, arbitrary: fc.constant('aaa.bbb.ccc') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
)
const signatureKey = fc
  .tuple(
    label,
    oneOf('=jwt;jwt=', '=jwt;jwt=', '=jwt;jwt=', '=hwk;jwt=', '=jwt; jwt=', '=jwt;jwt'),
    jwt,
    oneOf('', '', '', ';cache', ', x=hwk', ' '),
  )
  .map(([name, middle, text, rest]) => `${name}${middle}"${text}"${rest}`)
const headerName = (name: string): fc.Arbitrary<string> =>
  oneOf(
    name,
    name.toLowerCase(),
    name.toUpperCase(),
    name.replace(/../g, (two) => two.toLowerCase().replace(/.$/, (last) => last.toUpperCase())),
  )
const line = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.tuple(headerName(name), value).map((pair) => pair)
const extra = fc.oneof(
  line('Content-Type', oneOf('application/json', ' text/plain ', 'caf\u00e9', 'tab\tbed')),
  line('X-List', oneOf('a', 'b, c', '', ' d')),
  line('Authorization', oneOf('Bearer x', 'AAuth y')),
  line('Content-Length', oneOf('0', '3', ' 0', '00')),
  line('Transfer-Encoding', oneOf('chunked')),
  line('Host', oneOf('rs.example', 'other.example')),
  line(':authority', oneOf('rs.example')),
  line('Signature', signature),
)
const request: fc.Arbitrary<HttpRequest> = fc
  .record({
    method: oneOf('GET', 'POST', 'get'),
    target: oneOf('/data?x=1', '/data', '/', '//x', '/a#b', '*', '/a?', '/caf\u00e9'),
    host: oneOf('rs.example', 'rs.example', 'rs.example', 'rs.example:443', 'RS.example', 'a b'),
    input: fc.option(
      fc.oneof({ weight: 1, arbitrary: fc.constant(goodInput) }, { weight: 2, arbitrary: input }),
      { freq: 9 },
    ),
    signature: fc.option(
      fc.oneof({ weight: 1, arbitrary: fc.constant(goodSignature) }, { weight: 1, arbitrary: signature }),
      { freq: 9 },
    ),
    key: fc.option(
      fc.oneof({ weight: 1, arbitrary: fc.constant(goodKey) }, { weight: 1, arbitrary: signatureKey }),
      { freq: 9 },
    ),
    extras: fc.array(extra, { maxLength: 3 }),
    hasContent: fc.option(fc.boolean(), { nil: undefined, freq: 2 }),
  })
  .map(({ method, target, host, input: i, signature: s, key: k, extras, hasContent }) => ({
    method,
    target,
    rawHeaders: [
      'Host',
      host,
      ...extras.flat(),
      ...(i === null ? [] : ['Signature-Input', i]),
      ...(s === null ? [] : ['Signature', s]),
      ...(k === null ? [] : ['Signature-Key', k]),
    ],
    ...(hasContent === undefined ? {} : { hasContent }),
  }))

describe('reading what is usual', () => {
  it('agrees with the parsers on generated requests: verdict, base and error', () => {
    let recognised = 0
    fc.assert(
      fc.property(request, (sent) => {
        if (agree(sent) === 'recognised') recognised++
      }),
      { numRuns: 5000 },
    )
    expect(recognised).toBeGreaterThan(100)
  })

  it('agrees with the parsers on a good request with one character changed, added or removed', () => {
    const change = fc.record({
      field: fc.constantFrom(1, 3, 5),
      at: fc.nat(400),
      with: fc.oneof(
        fc.constant(''),
        fc.string({ unit: 'binary', maxLength: 1 }),
        oneOf('"', ';', '\\', '=', ':', ' ', ','),
      ),
      removed: fc.nat(1),
    })
    let recognised = 0
    fc.assert(
      fc.property(change, ({ field, at, with: text, removed }) => {
        const rawHeaders = [...good]
        const value = rawHeaders[field] as string
        const place = at % (value.length + 1)
        rawHeaders[field] = `${value.slice(0, place)}${text}${value.slice(place + removed)}`
        const sent = { method: 'GET', target: '/data?x=1', rawHeaders: ['Host', 'rs.example', ...rawHeaders] }
        if (agree(sent) === 'recognised') recognised++
      }),
      { numRuns: 5000 },
    )
    expect(recognised).toBeGreaterThan(100)
  })

  it('recognises what agents send', () => {
    const sent = { method: 'GET', target: '/data?x=1', rawHeaders: ['Host', 'rs.example', ...good] }
    expect(agree(sent)).toBe('recognised')
    expect(agree({ ...sent, rawHeaders: ['Host', 'rs.example'] })).toBe('recognised')
    expect(usualReader(policies[0] as SignaturePolicy).read(sent, now)).toHaveProperty(
      'tokenAt',
      expect.any(Number),
    )
  })

  it('decodes every signature as it was encoded, in its one spelling only', () => {
    const read = (value: string) =>
      usualReader(policies[0] as SignaturePolicy).read(
        {
          method: 'GET',
          target: '/data?x=1',
          rawHeaders: [
            'Host',
            'rs.example',
            'Signature-Input',
            goodInput,
            'Signature',
            `sig=:${value}:`,
            'Signature-Key',
            goodKey,
          ],
        },
        now,
      )
    const first = new Set<unknown>()
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (signature) => {
        const outcome = read(Buffer.from(signature).toString('base64')) as ReadSignature
        expect(Buffer.from(outcome.signature).equals(signature)).toBe(true)
        first.add(outcome.signature)
      }),
    )
    // What was read stays what it was when the next is read.
    expect(first.size).toBeGreaterThan(1)
    const text = Buffer.alloc(64, 0xfb).toString('base64')
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\u00e9 ') {
      const value = `${text.slice(0, 85)}${last}==`
      const isOneSpelling = Buffer.from(value, 'base64').toString('base64') === value
      expect('base' in Object(read(value)), last).toBe(isOneSpelling)
    }
  })

  it('writes over nothing that was read before, however much is held at once', () => {
    const read = (path: string): ReadSignature =>
      usualReader(policies[0] as SignaturePolicy).read(
        { method: 'GET', target: path, rawHeaders: ['Host', 'rs.example', ...good] },
        now,
      ) as ReadSignature
    const paths = Array.from({ length: 1000 }, (_, n) => `/data/${n}${'x'.repeat(n % 300)}`)
    const held = paths.map(read)
    held.forEach(({ base, signature }, n) => {
      expect(base.toString('latin1')).toContain(`"@path": ${paths[n]}\n`)
      expect(Buffer.from(signature).toString('base64')).toBe(goodSignature.slice('sig=:'.length, -1))
    })
  })

  it('makes the base of each request of its own, whatever the last one was of', () => {
    const rawHeaders = ['Host', 'rs.example', ...good]
    const other = { ...policyWith([]), scheme: 'http' as const }
    const policyOf = new Map([
      ['https', policies[0] as SignaturePolicy],
      ['http', other],
    ])
    for (const scheme of ['https', 'https', 'http', 'http', 'https'])
      for (const method of ['GET', 'GET', 'POST', 'GET'])
        for (const target of ['/data?x=1', '/data?x=1', '/data', '/', `/${'y'.repeat(400)}`, '/data?x=1']) {
          const policy = policyOf.get(scheme) as SignaturePolicy
          const sent = { method, target, rawHeaders }
          const usual = usualReader(policy).read(sent, now)
          expect(plain(usual as ReadSignature)).toEqual(parsed(sent, policy))
        }
  })

  it('judges each request by what its own Signature-Input says, remembered or not', () => {
    const list = goodInput.slice(0, goodInput.indexOf(';created='))
    const longer = `${list.slice(0, -1)} "@query")`
    // The same last digit, the same length, times that are good, too old, too new and over; and what is for the parsers.
    const inputs = [
      ...[now, now - 10, now - 50, now - 100, now + 100].map((created) => `;created=${created}`),
      ...[now + 20, now + 10, now - 10, now].map((expires) => `;created=${now};expires=${expires}`),
      `;created=${now};nonce="${now}"`,
    ].flatMap((parameters) => [`${list}${parameters}`, `${longer}${parameters}`])
    for (const input of [...inputs, ...inputs.toReversed(), ...inputs.flatMap((one) => [one, one])])
      for (const method of ['GET', 'POST']) {
        const rawHeaders = ['Host', 'rs.example', ...good.map((text) => (text === goodInput ? input : text))]
        const result = agree({ method, target: '/data?x=1', rawHeaders })
        expect(result, input).toBe(input.includes('nonce') ? 'left' : 'recognised')
      }
    // A time is judged by the clock of now, whenever it was read.
    const sent = { method: 'GET', target: '/data?x=1', rawHeaders: ['Host', 'rs.example', ...good] }
    const codeAt = (seconds: number): unknown => {
      const read = usualReader(policies[0] as SignaturePolicy).read(sent, seconds)
      return read instanceof Refusal ? read.code : Object(read).created
    }
    expect([now, now + 3600, now - 3600, now].map(codeAt)).toEqual([
      now,
      'invalid_signature',
      'clock_skew',
      now,
    ])
  })

  it('keeps signatures apart that are held at once', () => {
    const sent = (byte: number): ReadSignature => {
      const rawHeaders = [...good]
      rawHeaders[3] = `sig=:${Buffer.alloc(64, byte).toString('base64')}:`
      return usualReader(policies[0] as SignaturePolicy).read(
        { method: 'GET', target: '/data?x=1', rawHeaders: ['Host', 'rs.example', ...rawHeaders] },
        now,
      ) as ReadSignature
    }
    const [one, other] = [sent(1), sent(2)]
    expect(Buffer.from(one.signature).equals(Buffer.alloc(64, 1))).toBe(true)
    expect(Buffer.from(other.signature).equals(Buffer.alloc(64, 2))).toBe(true)
  })
})
