import { describe, expect, it } from 'vitest'
import type { EpochCommands } from './epoch-keys.js'
import { Founding } from './founding.js'

type Part = EpochCommands & { readonly keys: Map<string, string>; isDown: boolean; isFull: boolean }

/** A minimal part. */
function newPart(...entries: readonly (readonly [string, string])[]): Part {
  const keys = new Map(entries)
  const part: Part = {
    keys,
    isDown: false,
    isFull: false,
    ready: () => true,
    get: async (name) => {
      if (part.isDown) throw new Error('down')
      return keys.get(name)
    },
    claim: async (name, value) => {
      if (part.isDown || part.isFull) throw new Error('no room')
      if (keys.has(name)) return false
      keys.set(name, value)
      return true
    },
    put: async () => {},
    claimUnconfirmed: async () => false,
    putUnconfirmed: async () => {},
  }
  return part
}

describe('whether the parts of a cluster have been begun', () => {
  it('is known from any of them, and then nothing is written', async () => {
    for (const said of [
      ['epoch:everywhere', '1'],
      ['epoch', 'lost'],
      ['epoch', 'restoring:1'],
      ['epoch', 'accepted:1'],
    ] as const) {
      const parts = [newPart(), newPart(said), newPart()]
      expect(await new Founding(parts).hasBegun()).toBe(true)
      expect(parts.map(({ keys }) => keys.size)).toEqual([0, 1, 0])
    }
  })

  it('is true once all of them have been begun, whichever process began the first ones', async () => {
    const parts = [newPart(), newPart(['epoch', 'new:by another']), newPart()]
    expect(
      await Promise.all([new Founding(parts), new Founding(parts)].map((one) => one.hasBegun())),
    ).toEqual([true, true])
    for (const { keys } of parts) expect([...keys.keys()].sort()).toEqual(['epoch', 'epoch:everywhere'])
    expect(parts[1]?.keys.get('epoch')).toBe('new:by another')
  })

  it('is unknown while one that could tell is down, and read again later', async () => {
    const parts = [newPart(), newPart(['epoch:everywhere', '1'])] as const
    const founding = new Founding(parts)
    parts[1].isDown = true
    await expect(founding.hasBegun()).rejects.toThrow('down')
    expect(parts[0].keys.size).toBe(0)
    parts[1].isDown = false
    expect(await founding.hasBegun()).toBe(true)
    // Once true, always true.
    parts[1].isDown = true
    expect(await founding.hasBegun()).toBe(true)
  })

  it('is known as soon as one says so, even if others hang', async () => {
    const hanging = { ...newPart(), get: () => new Promise<undefined>(() => {}) }
    expect(await new Founding([hanging, newPart(['epoch:everywhere', '1'])]).hasBegun()).toBe(true)
  })

  it('is false if one cannot be begun, and then no part says so', async () => {
    const parts = [newPart(), newPart()] as const
    parts[1].isFull = true
    const founding = new Founding(parts)
    expect(await founding.hasBegun()).toBe(false)
    expect([...parts[0].keys.keys()]).toEqual(['epoch'])
    parts[1].isFull = false
    expect(await founding.hasBegun()).toBe(true)
  })
})
