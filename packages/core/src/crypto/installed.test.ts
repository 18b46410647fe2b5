import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ResourceOptions } from '../server/resource-options.js'
import { createResourceServer } from '../server/resource-server.js'
import { newKey } from '../testing/party.js'
import { testOptions } from '../testing/resource.js'
import { countCores } from './cores.js'
import { findSodium, isRight } from './installed.js'
import type { ed25519 } from './sodium.js'

let folder: string
/** A place whose `sodium-native` is this module. */
const placeWith = (name: string, module: string): string => {
  const package_ = join(folder, name, 'node_modules', 'sodium-native')
  mkdirSync(package_, { recursive: true })
  writeFileSync(join(package_, 'index.js'), module)
  return join(folder, name, 'package.json')
}
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-sodium-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('libsodium that is installed', () => {
  it('is found beside this package, and verifies', () => {
    const found = findSodium()
    expect(found).toBeDefined()
    expect(isRight(found as typeof ed25519)).toBe(true)
  })

  it('is not used where it cannot be loaded, has no such function, or takes what it should refuse', () => {
    const faulty = [
      placeWith('broken', 'throw new Error("no binary for this platform")'),
      placeWith('empty', 'module.exports = {}'),
      placeWith('lax', 'module.exports = { crypto_sign_verify_detached: () => true }'),
      placeWith('strict', 'module.exports = { crypto_sign_verify_detached: () => false }'),
      placeWith('vague', 'module.exports = { crypto_sign_verify_detached: () => 1 }'),
      'no place at all',
    ]
    for (const place of faulty) expect(findSodium(place), place).toBeUndefined()
  })

  it('is told of once, at the start, and by health(), unless an option says otherwise', async () => {
    const cores = countCores()
    const where = cores === 1 ? 'loop' : 'both'
    const start = async (options: Partial<ResourceOptions>) => {
      const told: unknown[] = []
      const server = createResourceServer({
        ...testOptions,
        ...options,
        onEvent: (event) => {
          if (event.name === 'verifier') told.push(event)
        },
      })
      const { crypto } = await server.health()
      server.close()
      return { told, crypto }
    }
    const found = { ed25519: 'libsodium', where, cores }
    expect(await start({})).toMatchObject({ told: [{ name: 'verifier', ...found }], crypto: found })
    expect(await start({ crypto: { mode: 'sync' } })).toMatchObject({
      told: [{ where: 'loop' }],
      crypto: { ed25519: 'libsodium', where: 'loop' },
    })
    expect(await start({ crypto: { ed25519: false } })).toEqual({
      told: [],
      crypto: { ed25519: 'node:crypto', where, cores },
    })
    expect(await start({ crypto: { mode: 'threads' } })).toEqual({
      told: [],
      crypto: { ed25519: 'node:crypto', where: 'threads', cores },
    })
    expect(await start({ crypto: { ed25519: () => newKey() === undefined } })).toEqual({
      told: [],
      crypto: { ed25519: 'option', where: 'loop', cores },
    })
    await expect(start({ crypto: { ed25519: true as never } })).rejects.toThrow('option crypto.ed25519: ')
  })
})

describe('the processors that this process may use', () => {
  it.each([
    [4, 'max 100000\n', 4],
    [4, '100000 100000\n', 1],
    [4, '150000 100000\n', 2],
    [4, '50000 100000\n', 1],
    [2, '800000 100000\n', 2],
    [1, 'max 100000', 1],
    [8, undefined, 8],
    [8, '', 8],
    [8, 'garbage here', 8],
    [8, '-1 100000', 8],
    [8, '0 100000', 8],
    [0, undefined, 1],
  ])('are %d, by quota %j: %d', (bound, quota, cores) => {
    expect(countCores(bound, quota ?? '')).toBe(cores)
  })

  it('are counted here', () => {
    expect(countCores()).toBeGreaterThanOrEqual(1)
  })
})
