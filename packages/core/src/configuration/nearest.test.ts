import { describe, expect, it } from 'vitest'
import { didYouMean, nearest } from './nearest.js'

const names = ['signingKeys', 'scopes', 'policy', 'revocationLimits', 'observe', 'or', 'clock']

describe('the name that was meant', () => {
  it.each([
    ['signingKey', 'signingKeys'],
    ['signing_keys', 'signingKeys'],
    ['scoeps', 'scopes'],
    ['Policy', 'policy'],
    ['polcy', 'policy'],
    ['revocation', 'revocationLimits'],
    ['colck', 'clock'],
    ['store', undefined],
    ['banana', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
    ['__proto__', undefined],
  ])('%s: %s', (name, meant) => {
    expect(nearest(name, names)).toBe(meant)
  })

  it('is said at the end of an error, where there is one', () => {
    expect(didYouMean('observ', names)).toBe('; did you mean observe?')
    expect(didYouMean('banana', names)).toBe('')
  })
})
