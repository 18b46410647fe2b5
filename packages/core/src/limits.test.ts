import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { defaultLimits, fixedLimits } from './limits.js'
import { optionNames } from './server/options.js'

const guide = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const stated = Object.fromEntries(
  [...guide.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, value]) => [name, Number(value)]),
)

describe('the guide to limits', () => {
  it('states every limit as it is (H-62)', () => {
    expect(stated).toEqual({ ...defaultLimits, ...fixedLimits })
  })

  it('names options that there are', () => {
    const named = [...guide.matchAll(/\boptions?\s((?:`[\w.]+`(?:,? and |, )?)+)/g)]
      .flatMap(([, list = '']) => [...list.matchAll(/`([\w.]+)`/g)])
      .map(([, name = '']) => name)
    expect(named).toEqual(expect.arrayContaining(['limits', 'pending', 'revocationLimits']))
    expect(named.filter((name) => !optionNames().includes(name))).toEqual([])
    expect(optionNames('limits')).toEqual(Object.keys(defaultLimits))
  })
})
