import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../store/memory-store.js'
import { now } from '../testing/party.js'
import { resendingStore } from '../testing/resending-store.js'
import { createRevocations } from './revocations.js'

describe('a revocation that takes effect again', () => {
  it('does not shorten one that was repeated with a later end', async () => {
    let time = now
    const clock = (): number => time * 1000
    const { store, writes } = resendingStore(clock)
    const [one, two] = [createRevocations(store, clock), createRevocations(store, clock)]
    const token = { iss: 'https://ps.example', jti: 'one' }
    await one.record({ ...token, exp: now + 60 })
    const earlier = [...writes]
    await two.record({ ...token, exp: now + 3600 })
    for (const write of earlier) write()
    time += 3599
    expect([await one.has(token), await two.has(token)]).toEqual([true, true])
  })
})

describe('the key of a revocation', () => {
  const clock = (): number => now * 1000
  const longIssuer = `https://${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example`
  it.each([
    [
      'usual',
      'https://ps.example',
      '0b9f3c52-2c1c-4d59-9d6e-6d4c0b4c4b11',
      'revoked:https://ps.example/0b9f',
    ],
    ['a long jti', 'https://ps.example', 'x'.repeat(128), 'revoked:'],
    ['a long issuer', longIssuer, 'one', 'revoked:'],
    ['both', longIssuer, 'x'.repeat(512), 'revoked:'],
    ['another alphabet', 'https://ps.example', 'ü\n\ud800'.repeat(100), 'revoked:'],
    ['the name of the mark', 'https://ps.example', 'mark', 'revoked:https://ps.example/mark'],
  ])('has a name of no more than 137 bytes: %s', async (_, iss, jti, begins) => {
    const memory = createMemoryStore({ clock })
    const keys: string[] = []
    const store = {
      get: (key: string) => memory.get(key),
      put: (key: string, value: string, ttl: number) => {
        keys.push(key)
        memory.put(key, value, ttl)
      },
      claim: (key: string, value: string, ttl: number) => {
        keys.push(key)
        return memory.claim(key, value, ttl)
      },
      delete: (key: string) => memory.delete(key),
    }
    const revocations = createRevocations(store, clock)
    await revocations.record({ iss, jti, exp: now + 600 })
    const [entry = '', mark] = keys
    expect([entry.startsWith(begins), mark, entry === mark]).toEqual([true, 'revoked:mark', false])
    expect(Buffer.byteLength(entry)).toBeLessThanOrEqual(137)
    expect(await revocations.has({ iss, jti })).toBe(true)
    expect(await revocations.has({ iss, jti: `${jti}x` })).toBe(false)
    expect(await revocations.has({ iss: 'https://other.example', jti })).toBe(false)
  })
})
