import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  base,
  challenge,
  decodeEven,
  encode,
  fromBytes,
  multiply,
  order,
  toBytes,
} from '../testing/curve25519.js'
import { newKey } from '../testing/party.js'
import { importPublicJwk, KeyFault, type VerificationKey } from './keys.js'
import { ed25519 } from './sodium.js'
import { createVerify } from './verify.js'

const openssl = createVerify({ mode: 'sync' })
const sodium = createVerify({ ed25519 })

const jwkOf = (x: Uint8Array): object => ({
  kty: 'OKP',
  crv: 'Ed25519',
  alg: 'Ed25519',
  x: Buffer.from(x).toString('base64url'),
})
/** What both say, which has to be the same. */
const verdict = (x: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  const key = importPublicJwk(jwkOf(x)) as VerificationKey
  const ours = openssl(key, message, signature)
  expect(sodium(key, message, signature)).toBe(ours)
  return ours as boolean
}
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

// RFC 8032, 7.1: TEST 1 to 3 and TEST SHA(abc).
const vectors = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
] as const

describe('Ed25519 by libsodium and by OpenSSL', () => {
  it.each(vectors)('accepts the vector of RFC 8032 with key %s', (key, message, signature) => {
    expect(verdict(hex(key), hex(message), hex(signature))).toBe(true)
  })

  it('refuses a vector with any one bit changed', () => {
    const [key, message, signature] = vectors[1]
    for (let bit = 0; bit < 512; bit++) {
      const changed = hex(signature)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(verdict(hex(key), hex(message), changed)).toBe(false)
    }
  })

  it('agrees on any message, key and damage', () => {
    const keys = Array.from({ length: 8 }, () => newKey())
    fc.assert(
      fc.property(
        fc.constantFrom(...keys),
        fc.uint8Array({ maxLength: 200 }),
        fc.option(fc.record({ at: fc.nat(63), xor: fc.integer({ min: 1, max: 255 }) })),
        (key, message, damage) => {
          const signature = Buffer.from(key.sign(message) as Uint8Array)
          if (damage !== null) signature[damage.at] = (signature[damage.at] as number) ^ damage.xor
          const x = Buffer.from(key.publicJwk['x'] as string, 'base64url')
          expect(verdict(x, message, signature)).toBe(damage === null)
        },
      ),
      { numRuns: 300 },
    )
  })

  const scalar = 123456789123456789n
  const key = encode(multiply(scalar, base))
  const message = Buffer.from('bread')

  it('refuses S that is not reduced, though the equation holds', () => {
    const nonce = 987654321n
    const r = encode(multiply(nonce, base))
    const s = (nonce + challenge(r, key, message) * scalar) % order
    expect(verdict(key, message, Buffer.concat([r, toBytes(s)]))).toBe(true)
    expect(verdict(key, message, Buffer.concat([r, toBytes(s + order)]))).toBe(false)
  })

  it('refuses R of small order, though the equation holds', () => {
    const r = encode({ x: 0n, y: 1n })
    const s = (challenge(r, key, message) * scalar) % order
    const signature = Buffer.concat([r, toBytes(s)])
    // Node 20 and 22 by themselves take it, 24 and 26 do not.
    expect(verdict(key, message, signature)).toBe(false)
  })

  const orderEight = decodeEven(hex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'))

  it('agrees on keys of mixed order: without the cofactor', () => {
    const mixed = encode(add(multiply(scalar, base), orderEight))
    const nonce = 5555555n
    const r = encode(multiply(nonce, base))
    const verdicts = new Set<boolean>()
    for (let i = 0; i < 64; i++) {
      const text = Buffer.from(`bread ${i}`)
      const k = challenge(r, mixed, text)
      const valid = verdict(mixed, text, Buffer.concat([r, toBytes((nonce + k * scalar) % order)]))
      expect(valid).toBe(k % 8n === 0n)
      verdicts.add(valid)
    }
    expect(verdicts.size).toBe(2)
  })

  it('never sees a key of small order, nor one that is not canonical', () => {
    const points = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((n) => encode(multiply(n, orderEight)))
    const aboveThePrime = [0n, 1n, 2n].map((n) => toBytes(2n ** 255n - 19n + n))
    for (const bytes of [...points, ...aboveThePrime]) {
      for (const sign of [0, 0x80]) {
        const x = Buffer.from(bytes)
        x[31] = (x[31] as number) ^ sign
        expect(importPublicJwk(jwkOf(x))).toBeInstanceOf(KeyFault)
      }
    }
    expect(fromBytes(toBytes(order))).toBe(order)
  })
})
