import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Refusal } from '../errors.js'
import { newKey } from '../testing/party.js'
import { algorithms } from './algorithms.js'
import { importPublicJwk, type VerificationKey } from './keys.js'
import { createVerify } from './verify.js'

const data = Buffer.from('bread')
const party = (alg: 'Ed25519' | 'ES256') => {
  const signer = newKey(alg)
  return {
    key: importPublicJwk(signer.publicJwk) as VerificationKey,
    signature: signer.sign(data) as Uint8Array,
  }
}
const { key, signature } = party('Ed25519')

describe('where a signature is verified', () => {
  it.each(['Ed25519', 'ES256'] as const)('comes to the same in the loop and in the pool: %s', async (alg) => {
    const signed = party(alg)
    for (const mode of ['sync', 'threads', 'auto'] as const) {
      const verify = createVerify({ mode })
      expect(await verify(signed.key, data, signed.signature)).toBe(true)
      expect(await verify(signed.key, Buffer.from('milk'), signed.signature)).toBe(false)
      expect(await verify(signed.key, data, signed.signature.subarray(1))).toBe(false)
      expect(await verify(signed.key, data, new Uint8Array(64))).toBe(false)
      expect(await verify(signed.key, data, new Uint8Array(64).fill(255))).toBe(false)
    }
  })

  it('reads r and s of any length (ES256)', async () => {
    const signer = newKey('ES256')
    const publicKey = importPublicJwk(signer.publicJwk) as VerificationKey
    const { verify } = algorithms.get('ES256') as { verify: typeof publicKey.algorithm.verify }
    // One signature in 256 has a leading zero in r, one in 256 in s, and half of either a set sign bit.
    for (let i = 0; i < 600; i++) {
      expect(verify(publicKey.key, data, signer.sign(data) as Uint8Array)).toBe(true)
    }
  })

  it('is the loop for whoever comes alone, the pool for the second in a turn', async () => {
    const verify = createVerify()
    expect(verify(key, data, signature)).toBe(true)
    const second = verify(key, data, signature)
    expect(second).toBeInstanceOf(Promise)
    // As long as the pool has work, more of it goes there.
    await setImmediate()
    const third = verify(key, data, signature)
    await Promise.all([second, third])
    await setImmediate()
    expect(verify(key, data, signature)).toBe(true)
  })

  it('is the loop with one processor: the first at once, the others of its turn in a row', async () => {
    const order: number[] = []
    const counted = {
      ...key,
      algorithm: {
        ...key.algorithm,
        verify: (...given: Parameters<typeof key.algorithm.verify>) => {
          order.push(given[1].length)
          return key.algorithm.verify(...given)
        },
        verifyLater: () => {
          throw new Error('there is no processor for a thread')
        },
      },
    }
    const verify = createVerify({}, { cores: 1, sodium: undefined })
    expect(verify(counted, data, signature)).toBe(true)
    const texts = Array.from({ length: 20 }, (_, n) => Buffer.alloc(n))
    const later = texts.map((text) => verify(counted, text, signature))
    expect(later.every((one) => one instanceof Promise)).toBe(true)
    expect(order).toHaveLength(1)
    await setImmediate()
    // A millisecond of work, then the loop gets its turn.
    expect(order).toHaveLength(9)
    expect(await Promise.all(later)).toEqual(texts.map(() => false))
    expect(order.slice(1)).toEqual(texts.map(({ length }) => length))
    await setImmediate()
    expect(verify(counted, data, signature)).toBe(true)
  })

  it('with one processor is bounded, and hands on what a verification throws', async () => {
    let isBroken = false
    const broken = {
      ...key,
      algorithm: {
        ...key.algorithm,
        verify: (...given: Parameters<typeof key.algorithm.verify>) => {
          if (isBroken) throw new Error('broken')
          return key.algorithm.verify(...given)
        },
      },
    }
    const verify = createVerify({ maxWaiting: 2 }, { cores: 1, sodium: undefined })
    expect(verify(broken, data, signature)).toBe(true)
    const waiting = [verify(broken, data, signature), verify(broken, data, signature)]
    expect(verify(broken, data, signature)).toMatchObject({ code: 'overloaded' })
    isBroken = true
    expect(await Promise.allSettled(waiting)).toMatchObject([
      { status: 'rejected', reason: { message: 'broken' } },
      { status: 'rejected', reason: { message: 'broken' } },
    ])
    isBroken = false
    await setImmediate()
    expect(verify(broken, data, signature)).toBe(true)
  })

  it('is by libsodium in the loop where it is installed, and by node:crypto in the pool', async () => {
    let asked = 0
    const sodium = () => {
      asked++
      return true
    }
    const wrong = Buffer.alloc(64, 7)
    for (const mode of ['sync', 'auto'] as const)
      expect(createVerify({ mode }, { cores: 1, sodium })(key, data, wrong)).toBe(true)
    expect(asked).toBe(2)
    const rows = createVerify({}, { cores: 1, sodium })
    expect(await Promise.all([rows(key, data, wrong), rows(key, data, wrong)])).toEqual([true, true])
    const both = createVerify({}, { cores: 2, sodium })
    expect(both(key, data, wrong)).toBe(true)
    expect(await both(key, data, wrong)).toBe(false)
    expect(await createVerify({ mode: 'threads' }, { cores: 2, sodium })(key, data, wrong)).toBe(false)
    expect(createVerify({ mode: 'sync', ed25519: false }, { cores: 1, sodium })(key, data, wrong)).toBe(false)
    expect(createVerify({ ed25519: () => false }, { cores: 1, sodium })(key, data, signature)).toBe(false)
    const p256 = party('ES256')
    expect(createVerify({ mode: 'sync' }, { cores: 1, sodium })(p256.key, data, p256.signature)).toBe(true)
    expect(asked).toBe(5)
  })

  it('answers 503 when too many wait, and serves again when they are done', async () => {
    const verify = createVerify({ mode: 'threads', maxWaiting: 2 })
    const waiting = [verify(key, data, signature), verify(key, data, signature)]
    const refused = verify(key, data, signature) as Refusal
    expect(refused).toBeInstanceOf(Refusal)
    expect([refused.code, refused.details.retryAfter]).toEqual(['overloaded', 1])
    expect(await Promise.all(waiting)).toEqual([true, true])
    expect(await verify(key, data, signature)).toBe(true)
  })

  it('hands a verifier of the user the raw key, and takes nothing but true', async () => {
    const seen: number[] = []
    const held: number[] = []
    for (const answer of [true, false, 1, 'yes', undefined]) {
      const verify = createVerify({
        ed25519: (publicKey) => {
          seen.push(publicKey.length)
          held.push(publicKey.buffer.byteLength)
          return answer as boolean
        },
      })
      expect(verify(key, data, signature)).toBe(answer === true)
    }
    expect(new Set(seen)).toEqual(new Set([32]))
    // It is kept as long as the key, so nothing larger may be kept with it.
    expect(new Set(held)).toEqual(new Set([32]))
    const throwing = createVerify({
      ed25519: () => {
        throw new Error('broken')
      },
    })
    expect(() => throwing(key, data, signature)).toThrow('broken')
    // ES256 is none of its business.
    const p256 = party('ES256')
    expect(await throwing(p256.key, data, p256.signature)).toBe(true)
  })
})
