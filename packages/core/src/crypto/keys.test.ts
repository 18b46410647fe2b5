import { generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it } from 'vitest'
import { testKeyEd25519 } from '../testing/vectors.js'
import { importPublicJwk, importSigningJwk, KeyFault } from './keys.js'

const { d: _, ...ed25519 } = testKeyEd25519
const p256 = {
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  alg: 'ES256',
}
const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })
const fault = (jwk: unknown): string => {
  const key = importPublicJwk(jwk)
  return key instanceof KeyFault ? key.fault : 'accepted'
}
const hex = (text: string): string => Buffer.from(text, 'hex').toString('base64url')

describe('public keys', () => {
  it.each([
    ['Ed25519', ed25519],
    ['ES256', p256],
  ])('accepts %s and computes its thumbprint as jose does', async (_name, jwk) => {
    const key = importPublicJwk(jwk)
    expect(key).not.toBeInstanceOf(KeyFault)
    expect((key as { jkt: string }).jkt).toBe(await calculateJwkThumbprint(jwk))
  })

  it.each([
    ['no object', 'key', 'incomplete'],
    ['no kty', { ...ed25519, kty: undefined }, 'incomplete'],
    ['OKP without x', { ...ed25519, x: undefined }, 'incomplete'],
    ['OKP without crv', { ...ed25519, crv: undefined }, 'incomplete'],
    ['EC without y', { ...p256, y: undefined }, 'incomplete'],
    ['RSA without e', { kty: 'RSA', n: 'AQAB', alg: 'RS256' }, 'incomplete'],
    ['no alg', { ...ed25519, alg: undefined }, 'unsupported'],
    ['EdDSA', { ...ed25519, alg: 'EdDSA' }, 'unsupported'],
    ['none', { ...ed25519, alg: 'none' }, 'unsupported'],
    ['a registry name', { ...ed25519, alg: 'ed25519' }, 'unsupported'],
    ['constructor', { ...ed25519, alg: 'constructor' }, 'unsupported'],
    ['an array as alg', { ...ed25519, alg: ['Ed25519'] }, 'unsupported'],
    ['oct', { kty: 'oct', k: 'AAAA', alg: 'HS256' }, 'unsupported'],
    ['AKP', { kty: 'AKP', pub: 'AAAA', alg: 'ML-DSA-65' }, 'unsupported'],
    ['an unknown kty', { ...ed25519, kty: 'XYZ' }, 'unsupported'],
    ['RSA', { kty: 'RSA', n: 'AQAB', e: 'AQAB', alg: 'RS256' }, 'unsupported'],
    ['ES256 over RSA', { kty: 'RSA', n: 'AQAB', e: 'AQAB', alg: 'ES256' }, 'invalid'],
    ['ES256 over P-384', { ...p256, crv: 'P-384' }, 'invalid'],
    ['Ed25519 over EC', { ...p256, alg: 'Ed25519' }, 'invalid'],
    ['Ed25519 over X25519', { ...x25519, alg: 'Ed25519' }, 'invalid'],
    ['a private member', testKeyEd25519, 'invalid'],
    ['x of 31 bytes', { ...ed25519, x: Buffer.alloc(31, 7).toString('base64url') }, 'invalid'],
    ['padded x', { ...ed25519, x: `${ed25519.x}=` }, 'invalid'],
    ['x with spare bits', { ...ed25519, x: `${ed25519.x.slice(0, -1)}t` }, 'invalid'],
    ['x with a space', { ...ed25519, x: ` ${ed25519.x}` }, 'invalid'],
    ['x as a number', { ...ed25519, x: 1 }, 'invalid'],
    ['a point off the curve', { ...p256, y: p256.x }, 'invalid'],
    ['the identity point', { ...ed25519, x: hex(`01${'00'.repeat(31)}`) }, 'invalid'],
    ['the identity with sign', { ...ed25519, x: hex(`01${'00'.repeat(30)}80`) }, 'invalid'],
    [
      'a point of order 8',
      { ...ed25519, x: hex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa') },
      'invalid',
    ],
    ['a non-canonical y', { ...ed25519, x: hex(`ed${'ff'.repeat(30)}7f`) }, 'invalid'],
  ])('%s is refused', (_name, jwk, expected) => {
    expect(fault(jwk)).toBe(expected)
  })
})

describe('signing keys', () => {
  it('publishes public members, alg and kid only', () => {
    expect(importSigningJwk({ ...testKeyEd25519, use: 'sig' }).publicJwk).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      alg: 'Ed25519',
      kid: 'test-key-ed25519',
      x: testKeyEd25519.x,
    })
  })

  it('names a key without kid by its thumbprint', () => {
    const { kid: _kid, ...rest } = testKeyEd25519
    const key = importSigningJwk(rest)
    expect(key.kid).toBe(key.jkt)
  })

  it.each([
    ['a public key', ed25519],
    ['a key without alg', { ...testKeyEd25519, alg: undefined }],
    [
      'halves that do not match',
      { ...testKeyEd25519, x: generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x },
    ],
    ['a number', 7],
  ])('refuses %s at start-up', (_name, jwk) => {
    expect(() => importSigningJwk(jwk)).toThrow(TypeError)
  })
})
