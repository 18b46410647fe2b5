import { describe, expect, it } from 'vitest'
import { judgeTimes } from './freshness.js'

describe('created of a signature', () => {
  it.each([
    [1000 - 60, undefined],
    [1000 - 61, ['invalid_signature', 'created lies too far behind this server’s clock']],
    [1000 + 60, undefined],
    [1000 + 61, ['clock_skew', 'created lies ahead of this server’s clock']],
  ])('of %i, when it is 1000, says which clock to look at', (created, expected) => {
    const refusal = judgeTimes(created, undefined, 60, 1000)
    expect(refusal?.code).toBe(expected?.[0])
    if (expected !== undefined) expect(refusal?.details.detail).toContain(expected[1])
  })
})
