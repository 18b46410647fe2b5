import { describe, expect, it } from 'vitest'
import { malformed, sessionCredential } from './credential.js'

const read = (...lines: string[]) => sessionCredential(lines.flatMap((line) => ['Authorization', line]))

describe('Authorization: AAuth', () => {
  it('is one token68, the scheme in any case (R-205, R-208)', () => {
    expect(read('AAuth v1.kP0s-Jm.9f2c~Q==')).toBe('v1.kP0s-Jm.9f2c~Q==')
    expect(read('aauth   abc ')).toBe('abc')
  })

  it('is not what other schemes send', () => {
    expect(read()).toBe(undefined)
    expect(read('Bearer abc')).toBe(undefined)
    expect(read('AAuthX abc')).toBe(undefined)
  })

  it('is malformed when empty (N-126)', () => {
    expect([read('AAuth'), read('AAuth '), read('AAuth   ')]).toEqual([malformed, malformed, malformed])
  })

  it('is malformed with anything but one token68 (N-127)', () => {
    const bad = ['a b', 'a\tb', '\ta', 'a,b', 'a=b', '"a"', 'a\u0001', 'ä', '==', 'a, AAuth b', 'token="a"']
    expect(bad.map((value) => read(`AAuth ${value}`))).toEqual(bad.map(() => malformed))
  })

  it('is malformed beside another credential (N-128)', () => {
    expect(read('AAuth a', 'AAuth a')).toBe(malformed)
    expect(read('Bearer a', 'AAuth a')).toBe(malformed)
  })
})
