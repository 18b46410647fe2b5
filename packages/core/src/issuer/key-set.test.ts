import { randomBytes } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { importPublicJwk, KeyFault } from '../crypto/keys.js'
import { asKey, publicJwk } from '../testing/fake-town.js'
import { Fault } from './fault.js'
import { KeySet } from './key-set.js'
import { issuerLimits } from './limits.js'

vi.mock('../crypto/keys.js', async (original) => {
  const real = await original<typeof import('../crypto/keys.js')>()
  return { ...real, importPublicJwk: vi.fn(real.importPublicJwk) }
})

// For a point that was drawn at random to be on the curve takes 2^256 draws.
const offCurve = (kid: string): object => {
  const [x, y] = [randomBytes(32), randomBytes(32)].map((bytes) => bytes.toString('base64url'))
  return { kty: 'EC', crv: 'P-256', alg: 'ES256', kid, x, y }
}

function setOf(...keys: readonly unknown[]): KeySet {
  const set = KeySet.read({ keys }, 1024)
  if (set instanceof Fault) throw new Error(set.reason)
  return set
}

describe('a key set', () => {
  it('gives a key by its kid and imports it once', () => {
    const set = setOf(publicJwk('a'), publicJwk('b'))
    expect(asKey(set.get('a')).algorithm.name).toBe('Ed25519')
    expect(set.get('a')).toBe(set.get('a'))
    expect(asKey(set.get('b')).jkt).not.toBe(asKey(set.get('a')).jkt)
    expect(set.get('c')).toBeUndefined()
  })

  it('does not mind unusable siblings (KN-087)', () => {
    const strangers = [
      { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'AAAA' },
      { kty: 'oct', k: 'AAAA', kid: 'symmetric' },
      null,
      'a string',
      42,
      [],
      { kid: 5 },
      { kid: '' },
      {},
    ]
    const set = setOf(...strangers, publicJwk('mine'))
    expect(asKey(set.get('mine'))).toBeDefined()
    expect(set.get('pq')).toBeInstanceOf(KeyFault)
    expect(set.size).toBe(3)
  })

  it('says why a key is unusable', () => {
    const { alg: _, ...noAlg } = publicJwk('no-alg')
    const set = setOf(noAlg, { ...publicJwk('private'), d: 'AAAA' })
    expect(set.get('no-alg')).toMatchObject({ fault: 'unsupported' })
    expect(set.get('private')).toMatchObject({ fault: 'invalid' })
  })

  it('does not verify with a key that is meant for something else', () => {
    const set = setOf(
      { ...publicJwk('enc'), use: 'enc' },
      { ...publicJwk('sign'), key_ops: ['sign'] },
      { ...publicJwk('odd'), key_ops: 'verify' },
      { ...publicJwk('fine'), use: 'sig', key_ops: ['verify'] },
    )
    for (const kid of ['enc', 'sign', 'odd']) expect(set.get(kid)).toMatchObject({ fault: 'invalid' })
    expect(asKey(set.get('fine'))).toBeDefined()
  })

  it('takes the first usable key of a kid', () => {
    const [first, second] = [publicJwk('k'), publicJwk('k')]
    const unusable = { ...first, alg: 'EdDSA' }
    expect(asKey(setOf(unusable, first, second).get('k')).jkt).toBe(asKey(setOf(first).get('k')).jkt)
    expect(setOf(unusable, { ...second, crv: 'P-256' }).get('k')).toMatchObject({ fault: 'unsupported' })
  })

  it('is not fooled by the names of what every object has', () => {
    const set = setOf(publicJwk('__proto__'))
    expect(set.get('constructor')).toBeUndefined()
    expect(set.get('toString')).toBeUndefined()
    expect(asKey(set.get('__proto__'))).toBeDefined()
  })

  it('finds the last of many keys, and refuses too many as a whole', () => {
    const many = Array.from({ length: 255 }, (_, i) => ({ ...publicJwk('other'), kid: `k${i}` }))
    const { keysPerSet, jwksBytes } = issuerLimits
    const full = KeySet.read({ keys: [...many, publicJwk('last')] }, keysPerSet, jwksBytes) as KeySet
    expect(asKey(full.get('last'))).toBeDefined()
    expect(KeySet.read({ keys: [...many, {}, publicJwk('last')] }, keysPerSet)).toBeInstanceOf(Fault)
  })

  it('imports no more than four keys of one kid, and of others only those that are asked for', () => {
    const imports = vi.mocked(importPublicJwk).mockClear()
    const set = setOf(
      ...Array.from({ length: 200 }, () => offCurve('k')),
      ...Array.from({ length: 200 }, (_, i) => offCurve(`k${i}`)),
    )
    expect(imports).toHaveBeenCalledTimes(0)
    for (let i = 0; i < 3; i++) expect(set.get('k')).toMatchObject({ fault: 'invalid' })
    expect(imports).toHaveBeenCalledTimes(4)
  })

  it('imports nothing to find out which keys have stayed', () => {
    const jwk = publicJwk('k')
    const before = asKey(setOf(jwk).get('k'))
    const imports = vi.mocked(importPublicJwk).mockClear()
    expect(setOf(jwk, offCurve('k')).adopt('k', before.jkt, before)).toBe(true)
    expect(setOf(offCurve('k'), jwk).adopt('k', before.jkt, before)).toBe(false)
    expect(imports).toHaveBeenCalledTimes(0)
  })

  it('keeps sixteen keys imported, however many are asked for', () => {
    const set = setOf(...Array.from({ length: 40 }, (_, i) => publicJwk(`k${i}`)))
    const first = asKey(set.get('k0'))
    for (let i = 1; i < 40; i++) asKey(set.get(`k${i}`))
    expect(Array.from({ length: 40 }, (_, i) => set.imported(`k${i}`)).filter(Boolean)).toHaveLength(16)
    expect(asKey(set.get('k0'))).toMatchObject({ jkt: first.jkt })
    expect(set.adopt('k5', first.jkt, undefined)).toBe(false)
    expect(set.adopt('k0', first.jkt, undefined)).toBe(true)
  })

  it('counts what its keys weigh, and is refused as a whole when that is too much', () => {
    const heavy = Array.from({ length: 200 }, (_, i) => publicJwk(`${i}`.padEnd(1000)))
    expect(KeySet.read({ keys: heavy }, 256, 256 * 1024)).toMatchObject({ kind: 'unusable' })
    const junk = { ...publicJwk('k'), x5c: new Array(300).fill('x'.repeat(100)), more: { a: [{}] } }
    expect(setOf(junk).bytes).toBe(setOf(publicJwk('k')).bytes)
    expect(setOf(...Array.from({ length: 100 }, () => publicJwk('k'))).bytes).toBeLessThan(4000)
    // Tokens bring a copy of the name, which is kept while the key is in use; of two bytes a character if need be.
    const named = (kid: string): number => setOf(publicJwk(kid)).bytes
    expect(named('ü€'.repeat(500)) - named('k')).toBe(2 * 2 * 999)
  })

  it.each([{}, { keys: null }, { keys: {} }, { keys: 'k' }])('refuses %j', (document) => {
    expect(KeySet.read(document, 1024)).toMatchObject({ kind: 'unusable' })
  })

  it('keeps the object of a key that stays, and notices one that changed', () => {
    const jwk = publicJwk('k')
    const before = asKey(setOf(jwk).get('k'))
    const after = setOf(jwk)
    expect(after.adopt('k', before.jkt, before)).toBe(true)
    expect(after.get('k')).toBe(before)
    expect(setOf(publicJwk('k')).adopt('k', before.jkt, before)).toBe(false)
    expect(setOf().adopt('k', before.jkt, before)).toBe(false)
    expect(setOf({ ...jwk, use: 'enc' }).adopt('k', before.jkt, before)).toBe(false)
  })
})
