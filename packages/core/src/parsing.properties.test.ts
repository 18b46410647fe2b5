import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { importPublicJwk, KeyFault } from './crypto/keys.js'
import { Refusal } from './errors.js'
import { checkContentDigest } from './http/content-digest.js'
import { checkWire } from './http/wire.js'
import { isServerIdentifier, parseAgentIdentifier } from './identifiers.js'
import { defaultLimits } from './limits.js'
import { readSignature, type SignaturePolicy, unsigned } from './signature/read.js'
import { dictionaryLike, fields, hostileText, soundInput, soundKey, target } from './testing/arbitraries.js'
import { claims, now } from './testing/party.js'
import { decodeJws } from './token/jws.js'
import { readToken } from './token/read.js'
import type { TokenPolicy } from './token/types.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const runs = { numRuns: 800 }
const policy: SignaturePolicy = {
  authority: 'rs.example',
  scheme: 'https',
  components: ['@query', 'content-digest'],
  window: 60,
  schemes: ['jwt', 'jwks_uri'],
  limits: defaultLimits,
}
const tokenPolicy: TokenPolicy = {
  resource: 'https://rs.example',
  accessServer: undefined,
  window: 60,
  maxAgentTokenLifetime: 86_400,
  maxTokenLength: defaultLimits.token,
  maxTokenMembers: defaultLimits.tokenMembers,
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? '').toString('base64url')
const base64urlText = fc.string({ unit: fc.constantFrom(...'ABCxyz019-_=+/.'), maxLength: 40 })

describe('whatever a stranger sends, nothing throws', () => {
  const codes =
    /^invalid_signature$|^invalid_input$|^invalid_jwt$|^invalid_key$|^unsupported_scheme$|^clock_skew$/
  const readFields = (target: string, rawHeaders: readonly string[]): string => {
    const read = readSignature({ method: 'GET', target, rawHeaders }, policy, now)
    if (read === unsigned) return 'unsigned'
    if (read instanceof Refusal) {
      expect(read.code).toMatch(codes)
      return read.details.detail ?? read.code
    }
    return 'read'
  }

  it('in the three signature fields [HC-29] [K-007]', () => {
    fc.assert(
      fc.property(
        dictionaryLike,
        dictionaryLike,
        dictionaryLike,
        target,
        fields,
        (input, signature, key, target, more) => {
          readFields(target, [
            'Signature-Input',
            input,
            'Signature',
            signature,
            'Signature-Key',
            key,
            ...more,
          ])
        },
      ),
      runs,
    )
  })

  it('in well-formed fields, whatever they cover and carry [HC-29] [H-39] [H-20]', () => {
    const outcomes = new Set<string>()
    const signature = fc.oneof(fc.constant(`sig=:${'A'.repeat(86)}==:`), dictionaryLike)
    fc.assert(
      fc.property(
        soundInput,
        signature,
        fc.oneof(soundKey, dictionaryLike),
        fields,
        (input, signature, key, more) => {
          const rawHeaders = [
            'Signature-Input',
            input,
            'Signature',
            signature,
            'Signature-Key',
            key,
            'X-A',
            'a=1',
            ...more,
          ]
          outcomes.add(readFields('/x?a=1', rawHeaders))
        },
      ),
      { ...runs, seed: 1 },
    )
    // The generator reaches the whole depth of the reading.
    expect(outcomes).toContain('read')
    expect(outcomes.size).toBeGreaterThan(5)
  })

  it('in the request line and in Host [H-11] [H-21]', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (target, host) => {
        const refusal = checkWire({ method: 'GET', target, rawHeaders: ['Host', host] })
        if (refusal === undefined) expect(target).toMatch(/^\/(?!\/)[^#]*$/s)
        else expect(refusal.code).toBe('invalid_request')
      }),
      runs,
    )
  })

  it('in a token: text, parts, header and claims of any shape [N-041]', () => {
    const anyToken = fc.oneof(
      hostileText,
      fc.tuple(base64urlText, base64urlText, base64urlText).map((parts) => parts.join('.')),
      fc
        .tuple(fc.jsonValue(), fc.jsonValue())
        .map(([header, payload]) => `${encode(header)}.${encode(payload)}.AAAA`),
      fc
        .tuple(
          fc.constantFrom(...Object.keys(claims), 'constructor', '__proto__', 7, null),
          fc.constantFrom(...Object.values(claims)),
          fc.constantFrom(
            'iss',
            'sub',
            'aud',
            'exp',
            'iat',
            'nbf',
            'jti',
            'dwk',
            'cnf',
            'ps',
            'scope',
            'tenant',
            '__proto__',
          ),
          fc.jsonValue({ maxDepth: 3 }),
        )
        .map(([typ, good, name, value]) => {
          const payload = JSON.stringify(good).replace('{', `{"${name}x":0,`)
          const changed = JSON.stringify({ ...JSON.parse(payload), [name]: value })
          return `${encode({ typ, alg: 'Ed25519', kid: 'k' })}.${Buffer.from(changed).toString('base64url')}.AAAA`
        }),
    )
    fc.assert(
      fc.property(anyToken, (jwt) => {
        const read = readToken(jwt, tokenPolicy, now)
        if (read instanceof Refusal) expect(read.code).toMatch(/^invalid_jwt$|^expired_jwt$|^clock_skew$/)
        else expect(decodeJws(jwt, defaultLimits.tokenMembers)?.payload['iss']).toBe(read.query.issuer)
      }),
      runs,
    )
  })

  it('in a key [KN-054] [KN-061]', () => {
    const anyKey = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          kty: fc.constantFrom('OKP', 'EC', 'RSA', 'oct', 'AKP', 'constructor', 7),
          crv: fc.constantFrom('Ed25519', 'P-256', 'X25519', '__proto__'),
          alg: fc.constantFrom('Ed25519', 'ES256', 'EdDSA', 'none', 'HS256', 'constructor', null),
          x: fc.oneof(
            base64urlText,
            fc
              .uint8Array({ minLength: 30, maxLength: 34 })
              .map((bytes) => Buffer.from(bytes).toString('base64url')),
          ),
          y: fc.oneof(
            base64urlText,
            fc
              .uint8Array({ minLength: 32, maxLength: 32 })
              .map((bytes) => Buffer.from(bytes).toString('base64url')),
          ),
          d: fc.constant('AA'),
          n: base64urlText,
        },
        { requiredKeys: [] },
      ),
    )
    fc.assert(
      fc.property(anyKey, (jwk) => {
        const key = importPublicJwk(jwk)
        if (!(key instanceof KeyFault)) expect(key.jkt).toMatch(/^[A-Za-z0-9_-]{43}$/)
      }),
      runs,
    )
  })

  it('in Content-Digest [H-58]', () => {
    const value = fc.oneof(
      dictionaryLike,
      hostileText.map((text) => `sha-256=${text}`),
    )
    fc.assert(
      fc.property(value, fc.uint8Array({ maxLength: 8 }), (text, content) => {
        // Nothing of this is a digest of that.
        expect(checkContentDigest(text, content)?.code).toBe('invalid_signature')
      }),
      runs,
    )
  })

  it('in an identifier [R-023] [R-025]', () => {
    const like = fc.oneof(
      hostileText,
      hostileText.map((text) => `https://${text}`),
      hostileText.map((text) => `aauth:${text}`),
    )
    fc.assert(
      fc.property(like, (text) => {
        if (isServerIdentifier(text)) expect(new URL(text).origin).toBe(text)
        const agent = parseAgentIdentifier(text)
        if (agent !== undefined) expect(isServerIdentifier(`https://${agent.domain}`)).toBe(true)
      }),
      runs,
    )
  })
})
