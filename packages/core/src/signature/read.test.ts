import { describe, expect, it } from 'vitest'
import { importPublicJwk, importSigningJwk, type VerificationKey } from '../crypto/keys.js'
import { Refusal } from '../errors.js'
import type { HttpRequest } from '../http/message.js'
import { defaultLimits } from '../limits.js'
import { testKeyEd25519 } from '../testing/vectors.js'
import { type ReadSignature, readSignature, type SignaturePolicy, unsigned } from './read.js'
import { type SignOptions, signRequest } from './sign.js'
import { verifySignature } from './verify.js'

const now = 1_800_000_000
const key = importSigningJwk(testKeyEd25519)
const publicKey = importPublicJwk(key.publicJwk) as VerificationKey
const policy: SignaturePolicy = {
  authority: 'rs.example',
  scheme: 'https',
  components: [],
  window: 60,
  schemes: ['jwt'],
  limits: defaultLimits,
}
const request: HttpRequest = { method: 'GET', target: '/data?x=1', rawHeaders: ['Host', 'rs.example'] }

const sign = async (
  options: Partial<SignOptions> = {},
  sent: HttpRequest = request,
): Promise<HttpRequest> => {
  const fields = await signRequest(
    { ...sent, authority: policy.authority, scheme: 'https' },
    { key, signatureKey: { scheme: 'jwt', jwt: 'a.b.c' }, created: now, ...options },
  )
  return { ...sent, rawHeaders: [...sent.rawHeaders, ...Object.entries(fields).flat()] }
}
const replace = (signed: HttpRequest, name: string, change: (value: string) => string): HttpRequest => ({
  ...signed,
  rawHeaders: signed.rawHeaders.map((value, i) =>
    i % 2 === 1 && signed.rawHeaders[i - 1]?.toLowerCase() === name ? change(value) : value,
  ),
})
const without = (signed: HttpRequest, name: string): HttpRequest => ({
  ...signed,
  rawHeaders: signed.rawHeaders.filter((_, i) => signed.rawHeaders[i - (i % 2)]?.toLowerCase() !== name),
})
const verdict = (signed: HttpRequest, changed: Partial<SignaturePolicy> = {}): string => {
  const read = readSignature(signed, { ...policy, ...changed }, now)
  if (read === unsigned) return 'unsigned'
  if (read instanceof Refusal) return read.code
  return verifySignature(read, publicKey)?.code ?? 'verified'
}

describe('reading a signature', () => {
  it('verifies what our own signer makes', async () => {
    expect(verdict(await sign())).toBe('verified')
    expect(
      verdict(await sign({ components: ['@query', '@method', '@authority', '@path', 'signature-key'] })),
    ).toBe('verified')
  })

  it('tells an unsigned request from a broken one (R-043)', async () => {
    const signed = await sign()
    expect(verdict(request)).toBe('unsigned')
    for (const name of ['signature', 'signature-input', 'signature-key']) {
      expect(verdict(without(signed, name))).toBe('invalid_signature')
    }
  })

  it.each(['@method', '@authority', '@path', 'signature-key'])(
    'wants %s covered (R-044)',
    async (missing) => {
      const components = ['@method', '@authority', '@path', 'signature-key'].filter(
        (name) => name !== missing,
      )
      const read = readSignature(await sign({ components }), policy, now) as Refusal
      expect(read.code).toBe('invalid_input')
      expect(read.details.requiredInput).toEqual(['@method', '@authority', '@path', 'signature-key'])
    },
  )

  it('takes no component with parameters for the bare one (N-016)', async () => {
    const components = ['@method', '@authority', '@path', '"signature-key";key="sig"']
    expect(verdict(await sign({ components }))).toBe('invalid_input')
  })

  it('wants announced components, those of content only where there is content (G-25)', async () => {
    const components = ['@query', 'content-digest']
    expect(verdict(await sign(), { components })).toBe('invalid_input')
    const covered = ['@method', '@authority', '@path', '@query', 'signature-key']
    expect(verdict(await sign({ components: covered }), { components })).toBe('verified')
    const post = { ...request, method: 'POST', rawHeaders: [...request.rawHeaders, 'Content-Length', '3'] }
    expect(verdict(await sign({ components: covered }, post), { components })).toBe('invalid_input')
  })

  it('wants authorization covered when a session token is sent (R-048)', async () => {
    const sent = { ...request, rawHeaders: [...request.rawHeaders, 'Authorization', 'AAuth abc'] }
    expect(verdict(await sign({}, sent))).toBe('invalid_input')
    const components = ['@method', '@authority', '@path', 'signature-key', 'authorization']
    expect(verdict(await sign({ components }, sent))).toBe('verified')
  })

  it.each([
    [now - 60, undefined, 'verified'],
    [now - 61, undefined, 'invalid_signature'],
    [now + 60, undefined, 'verified'],
    [now + 61, undefined, 'clock_skew'],
    [now, now + 1, 'verified'],
    [now, now, 'invalid_signature'],
  ])('judges created %d and expires %s (R-050, R-072)', async (created, expires, expected) => {
    expect(verdict(await sign({ created, ...(expires === undefined ? {} : { expires }) }))).toBe(expected)
  })

  it.each([
    ['no created', ';created=1800000000', ''],
    ['created as String', 'created=1800000000', 'created="1800000000"'],
    ['created as Decimal', 'created=1800000000', 'created=1800000000.0'],
    ['created twice', 'created=1800000000', 'created=1;created=1800000000'],
    ['a component twice', '"@path"', '"@path" "@path"'],
    ['an upper-case name', '"@path"', '"@path" "Host"'],
    ['@signature-params listed', '"@path"', '"@path" "@signature-params"'],
    ['an absent component', '"@path"', '"@path" "absent"'],
    ['a parameter of a component twice', '"@path"', '"@path" "host";bs;bs'],
    ['no list', 'sig=(', 'sig="a", x=('],
    ['a duplicate label', 'sig=(', 'sig=(), sig=('],
    ['no Dictionary', 'sig=(', '=('],
  ])('refuses %s in Signature-Input', async (_name, from, to) => {
    expect(verdict(replace(await sign(), 'signature-input', (value) => value.replace(from, to)))).toBe(
      'invalid_signature',
    )
  })

  it.each([
    ['a label of its own', 'signature', () => 'other=:AAAA:'],
    ['a String', 'signature', () => 'sig="AAAA"'],
    ['63 bytes', 'signature', () => `sig=:${Buffer.alloc(63).toString('base64')}:`],
    ['no Dictionary', 'signature-key', () => 'sig='],
    ['another label', 'signature-key', () => 'other=jwt;jwt="a.b.c"'],
    ['an Inner List', 'signature-key', () => 'sig=(jwt)'],
    ['a bare member', 'signature-key', () => 'sig'],
  ])('refuses %s in %s', async (_name, field, change) => {
    expect(verdict(replace(await sign(), field, change))).toBe('invalid_signature')
  })

  it.each(['hwk', 'jwks_uri', 'jkt-jwt', 'cached', 'x509', 'constructor'])(
    'does not take scheme %s (R-054)',
    async (scheme) => {
      const signed = replace(await sign(), 'signature-key', () => `sig=${scheme};x5t=:AAAA:;jwt="a"`)
      const read = readSignature(signed, policy, now) as Refusal
      expect([read.code, read.details.acceptScheme]).toEqual(['unsupported_scheme', ['jwt']])
    },
  )

  it('refuses a jwt parameter that is missing or no String (N-030)', async () => {
    expect(verdict(replace(await sign(), 'signature-key', () => 'sig=jwt'))).toBe('invalid_jwt')
    expect(verdict(replace(await sign(), 'signature-key', () => 'sig=jwt;jwt=a'))).toBe('invalid_jwt')
  })

  it('goes by the first label with an accepted scheme and ignores the others (G-22)', async () => {
    const both = replace(
      await sign({ label: 'good' }),
      'signature-input',
      (value) => `bad=("x";odd), ${value}`,
    )
    const signed = replace(both, 'signature-key', (value) => `bad=made-up, ${value}`)
    const read = readSignature(signed, policy, now)
    expect((read as ReadSignature).label).toBe('good')
  })

  it('bounds what it parses', async () => {
    const signed = await sign()
    for (const name of ['signature-input', 'signature', 'signature-key']) {
      expect(verdict(replace(signed, name, (value) => `${value}, x="${'a'.repeat(13_000)}"`))).toBe(
        'invalid_signature',
      )
    }
  })

  it.each([
    ['method', { method: 'POST' }],
    ['path', { target: '/data/../data?x=1' }],
  ])('notices a changed %s (N-032)', async (_name, change) => {
    expect(verdict({ ...(await sign()), ...change })).toBe('invalid_signature')
  })

  it('holds to the configured authority (G-27)', async () => {
    expect(verdict(await sign(), { authority: 'evil.example' })).toBe('invalid_signature')
  })

  it('tells whoever signs with another algorithm what is accepted, although the signature is longer [R-054] [R-060]', async () => {
    const longer = replace(await sign(), 'signature', () => `sig=:${Buffer.alloc(96).toString('base64')}:`)
    expect(verdict(longer)).toBe('invalid_signature')
    expect(verdict(replace(longer, 'signature-key', () => 'sig=hwk;kty="EC"'))).toBe('unsupported_scheme')
    const uncovered = await sign({ components: ['@method', '@path', 'signature-key'] })
    expect(
      verdict(replace(uncovered, 'signature', () => `sig=:${Buffer.alloc(96).toString('base64')}:`)),
    ).toBe('invalid_input')
  })
})
