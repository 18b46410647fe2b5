import { randomBytes } from 'node:crypto'
import { createMemoryStore, type Store } from '@countersign/core'
import { describe, expect, it } from 'vitest'
import { markKey } from '../../core/src/denial/denials.js'
import { revokedMarkKey } from '../../core/src/revocation/revocations.js'
import { writeNextVersion, writeVersion } from '../../core/src/store/versions.js'
import { isMarkKey, partsOf } from './parts.js'
import { slotOf, slots } from './slot.js'

const names = Array.from({ length: 6400 }, (_, number) => `revoked:https://ps.example/token-${number}`)

describe('the parts of a cluster', () => {
  it('are 64, each one slot, spaced by a sixty-fourth of all slots', () => {
    for (const prefix of ['countersign:', '', 'a{b', 'a}b{', 'a}']) {
      const { prefixes, count } = partsOf(prefix, true)
      expect([count, prefixes.length]).toEqual([64, 64])
      for (const [part, tagged] of prefixes.entries()) {
        expect(tagged.startsWith(`${prefix}{`)).toBe(true)
        for (const key of ['epoch', 'revoked:{a}', 'x}y{z']) expect(slotOf(tagged + key)).toBe(slotOf(tagged))
        expect(Math.floor(slotOf(tagged) / (slots / 64))).toBe(part)
      }
    }
  })

  it('have about as many keys each', () => {
    const parts = partsOf('countersign:', true)
    const counts = new Array<number>(64).fill(0)
    for (const name of names) (counts[parts.of(name)] as number)++
    expect(Math.min(...counts)).toBeGreaterThan(60)
    expect(Math.max(...counts)).toBeLessThan(140)
  })

  it('are all reached by the keys of a health check', () => {
    const { of } = partsOf('countersign:', true)
    expect(new Set(Array.from({ length: 1024 }, (_, number) => of(`health:${number}`))).size).toBe(64)
  })

  it('never change, because processes of different versions share them', () => {
    const { prefixes, of } = partsOf('countersign:', true)
    const keys = ['revoked:a', 'deny:token:a', 'replay:Zm9v', 'health:0', 'session-ended:user:ü']
    expect(keys.map((key) => `${prefixes[of(key)]}${key}`)).toMatchInlineSnapshot(`
      [
        "countersign:{70}revoked:a",
        "countersign:{41}deny:token:a",
        "countersign:{50}replay:Zm9v",
        "countersign:{1}health:0",
        "countersign:{110}session-ended:user:ü",
      ]
    `)
  })

  it('hold both marks that every request reads together', () => {
    const { of } = partsOf('countersign:', true)
    expect([of(revokedMarkKey), of(markKey)]).toEqual([0, 0])
    expect([revokedMarkKey, markKey].map(isMarkKey)).toEqual([true, true])
    for (const key of ['revoked:a:mark', 'mark', ':mark:', 'revoked:mark:', 'revoked:mark2', 'a:marked'])
      expect(isMarkKey(key)).toBe(false)
  })

  it('hold a call that waits and its end together, and all versions of what is under one key', async () => {
    const { of } = partsOf('countersign:', true)
    const written = new Set<string>()
    const store: Store = createMemoryStore()
    const noted: Store = {
      get: (key) => store.get(key),
      put: (key, ...rest) => {
        written.add(key)
        return store.put(key, ...rest)
      },
      claim: (key, ...rest) => {
        written.add(key)
        return store.claim(key, ...rest)
      },
      delete: (key) => store.delete(key),
    }
    for (let n = 0; n < 50; n++) {
      const key = `deny:key:${n}`
      for (const text of ['a', 'b', 'c']) await writeNextVersion(noted, key, () => [text, 60])
      const [first] = [await writeVersion(noted, `replay:${n}`, undefined, 'used', 60)]
      await writeVersion(noted, `replay:${n}`, first, 'unused', 60)
      const id = randomBytes(16).toString('base64url')
      for (const name of ['', ':ended', ':ended::2', ':settled', ':answer'])
        await noted.put(`pending:${id}${name}`, '1', 60)
      const keysOf = (start: string): string[] =>
        [...written].filter((name) => name === start || name.startsWith(`${start}:`))
      for (const [start, count] of [
        [key, 3],
        [`replay:${n}`, 2],
        [`pending:${id}`, 5],
      ] as const) {
        expect(keysOf(start)).toHaveLength(count)
        expect(new Set(keysOf(start).map(of)).size).toBe(1)
      }
    }
    const parts = new Set([...written].map(of))
    expect(parts.size).toBeGreaterThan(40)
    // Counted slots and rounds are no versions.
    for (const start of ['revoking:zC5d:29000000', 'session-renewed:7e4bb7a1-6f5c-4b7e-8a61-3c2d7c2f6a10'])
      expect(new Set(Array.from({ length: 100 }, (_, n) => of(`${start}:${n}`))).size).toBeGreaterThan(20)
  })

  it('are only one if the prefix, or that of the client, has a tag already, and with one Redis', () => {
    for (const [prefix, isCluster, before] of [
      ['{shop}:', true, ''],
      ['a{shop}b{c}', true, ''],
      ['}{shop}', true, ''],
      ['countersign:', true, '{shop}'],
      // Together they form a tag.
      ['a}', true, '{'],
      ['countersign:', false, ''],
      ['{}', false, ''],
    ] as const) {
      const parts = partsOf(prefix, isCluster, before)
      expect(parts).toMatchObject({ count: 1, prefixes: [prefix] })
      expect(parts.of('revoked:a')).toBe(0)
    }
  })

  it('include the prefix of the client', () => {
    const { prefixes } = partsOf('countersign:', true, 'a{b')
    for (const [part, tagged] of prefixes.entries())
      expect(Math.floor(slotOf(`a{b${tagged}`) / (slots / 64))).toBe(part)
  })

  it('are impossible if empty braces make the slot depend on the whole key', () => {
    for (const [prefix, before] of [
      ['{}', ''],
      ['a{}b{c}', ''],
      ['a', 'b{}'],
      ['}a', '{'],
    ] as const)
      expect(() => partsOf(prefix, true, before)).toThrow(/^option prefix: /)
  })
})
