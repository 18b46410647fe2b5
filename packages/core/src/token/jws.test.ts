import fc from 'fast-check'
import { compactVerify, importJWK, SignJWT } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { importPublicJwk, type VerificationKey } from '../crypto/keys.js'
import { claims, issuerKey, newKey, now } from '../testing/party.js'
import { type CompactJws, decodeJws, isSignedFor, signJws } from './jws.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const es256 = newKey('ES256', 'issuer-2')
const keys = [issuerKey, es256]
const verifies = (jws: CompactJws, key: VerificationKey): boolean =>
  isSignedFor(jws, key) &&
  jws.signature.length === key.algorithm.signatureBytes &&
  key.algorithm.verify(key.key, jws.signingInput, jws.signature)
const ours = (text: string, key: (typeof keys)[number]): boolean => {
  const jws = decodeJws(text, 512)
  return jws !== undefined && verifies(jws, importPublicJwk(key.publicJwk) as VerificationKey)
}
const theirs = async (text: string, key: (typeof keys)[number]): Promise<boolean> => {
  const imported = await importJWK(key.publicJwk)
  const options = { algorithms: ['Ed25519', 'ES256'] }
  return compactVerify(text, imported, options).then(
    () => true,
    () => false,
  )
}

const someKey = fc.constantFrom(...keys)
const somePayload = fc.oneof(
  fc.constantFrom(...Object.values(claims)),
  fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 })),
)

describe('our JWS held against jose', () => {
  it('jose accepts what we sign', async () => {
    await fc.assert(
      fc.asyncProperty(someKey, somePayload, async (key, payload) => {
        const text = await signJws('aa-resource+jwt', payload, key)
        expect(await theirs(text, key)).toBe(true)
        expect(ours(text, key)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })

  it('we accept what jose signs', async () => {
    for (const [alg, type] of [
      ['Ed25519', 'ed25519'],
      ['ES256', 'ec'],
    ] as const) {
      const { generateKeyPair, exportJWK } = await import('jose')
      const pair = await generateKeyPair(alg, { extractable: true })
      const jwk = { ...(await exportJWK(pair.publicKey)), alg }
      const text = await new SignJWT({ ...claims['aa-person+jwt'] })
        .setProtectedHeader({ alg, typ: 'aa-person+jwt', kid: type })
        .sign(pair.privateKey)
      const jws = decodeJws(text, 512)
      expect(jws?.header).toEqual({ alg, typ: 'aa-person+jwt', kid: type })
      expect(jws !== undefined && verifies(jws, importPublicJwk(jwk) as VerificationKey)).toBe(true)
    }
  })

  it('whatever we accept jose accepts: no change to the text gets through here alone [N-041] [N-047]', async () => {
    const characters = fc.constantFrom(...'ABCxyz019-_=.+/ \n\u00e9')
    const edit = fc.record({
      at: fc.nat(1000),
      remove: fc.nat(2),
      insert: fc.array(characters, { maxLength: 2 }),
    })
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(someKey, someKey, fc.array(edit, { maxLength: 2 }), async (key, verifier, edits) => {
        const text = edits.reduce(
          (current, { at, remove, insert }) => {
            const index = at % current.length
            return current.slice(0, index) + insert.join('') + current.slice(index + remove)
          },
          await signJws('aa-person+jwt', claims['aa-person+jwt'], key),
        )
        if (!ours(text, verifier)) return
        accepted++
        expect(await theirs(text, verifier)).toBe(true)
      }),
      { numRuns: 200 },
    )
    expect(accepted).toBeGreaterThan(0)
  })

  it('nor does any header [N-043] [N-044] [K-026] [K-025]', async () => {
    const header = fc.record(
      {
        alg: fc.constantFrom('Ed25519', 'ES256', 'EdDSA', 'none', 'HS256', 'ed25519', 'constructor', 7, null),
        crit: fc.constantFrom([], ['exp'], ['b64'], 'b64'),
        b64: fc.boolean(),
        jwk: fc.constant({ kty: 'OKP' }),
        typ: fc.string(),
      },
      { requiredKeys: ['alg'] },
    )
    await fc.assert(
      fc.asyncProperty(someKey, header, async (key, header) => {
        const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
        const input = `${encode(header)}.${encode({ iat: now })}`
        const signature = Buffer.from(await key.sign(Buffer.from(input))).toString('base64url')
        const text = `${input}.${signature}`
        // An extension that nobody here understands is refused by the reader of tokens, not by the signature.
        if (ours(text, key) && header.crit === undefined) expect(await theirs(text, key)).toBe(true)
        if (header.alg !== key.algorithm.name) expect(ours(text, key)).toBe(false)
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    ['a member that occurs twice', '{"alg":"Ed25519","alg":"Ed25519"}', (text: string) => text],
    [
      'spare bits in the signature',
      '{"alg":"Ed25519"}',
      (text: string) => text.replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1)),
    ],
  ])('we refuse more than jose does: %s [KN-054]', async (_, header, change) => {
    const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from('{}').toString('base64url')}`
    const signature = Buffer.from(await issuerKey.sign(Buffer.from(input))).toString('base64url')
    const text = change(`${input}.${signature}`)
    expect([await theirs(text, issuerKey), ours(text, issuerKey)]).toEqual([true, false])
  })
})
