import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { defaultLimits, fixedLimits } from './limits.js'

const guide = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const stated = Object.fromEntries(
  [...guide.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, name, value]) => [name, Number(value)]),
)

describe('the guide to limits', () => {
  it('states every limit as it is (H-62)', () => {
    expect(stated).toEqual({ ...defaultLimits, ...fixedLimits })
  })
})
