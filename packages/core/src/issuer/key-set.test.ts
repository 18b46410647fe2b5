import { describe, expect, it } from 'vitest'
import { KeyFault } from '../crypto/keys.js'
import { asKey, publicJwk } from '../testing/fake-town.js'
import { Fault } from './fault.js'
import { KeySet } from './key-set.js'

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
    const many = Array.from({ length: 1023 }, (_, i) => ({ ...publicJwk('other'), kid: `k${i}` }))
    expect(asKey(setOf(...many, publicJwk('last')).get('last'))).toBeDefined()
    expect(KeySet.read({ keys: [...many, {}, publicJwk('last')] }, 1024)).toBeInstanceOf(Fault)
  })

  it.each([{}, { keys: null }, { keys: {} }, { keys: 'k' }])('refuses %j', (document) => {
    expect(KeySet.read(document, 1024)).toMatchObject({ kind: 'unusable' })
  })

  it('keeps the object of a key that stays, and notices one that changed', () => {
    const jwk = publicJwk('k')
    const before = asKey(setOf(jwk).get('k'))
    const after = setOf(jwk)
    expect(after.adopt('k', before)).toBe(true)
    expect(after.get('k')).toBe(before)
    expect(setOf(publicJwk('k')).adopt('k', before)).toBe(false)
    expect(setOf().adopt('k', before)).toBe(false)
    expect(setOf({ ...jwk, use: 'enc' }).adopt('k', before)).toBe(false)
  })
})
