import { expect, it, vi } from 'vitest'
import { defaultLimits } from '../../limits.js'
import { now, signed, token } from '../../testing/party.js'
import type { SignaturePolicy } from '../read.js'
import { baseComponents } from '../required.js'
import { compilePlan } from './plan.js'
import { usualReader } from './usual.js'

vi.mock('./plan.js', async (original) => {
  const real = await original<typeof import('./plan.js')>()
  return { ...real, compilePlan: vi.fn(real.compilePlan) }
})

const policy = (components: readonly string[], limits = defaultLimits): SignaturePolicy => ({
  authority: 'rs.example',
  scheme: 'https',
  components,
  window: 60,
  schemes: ['jwt'],
  limits,
})

it('compiles a list of components once for all routes, and judges it for each', async () => {
  const compile = vi.mocked(compilePlan).mockClear()
  const request = await signed(
    await token('aa-agent+jwt'),
    { components: [...baseComponents, 'x-one'] },
    {
      method: 'GET',
      target: '/',
      rawHeaders: ['Host', 'rs.example', 'X-One', '1'],
    },
  )
  const reads = (route: SignaturePolicy): boolean => usualReader(route).read(request, now) !== undefined
  expect(reads(policy([]))).toBe(true)
  expect(reads(policy(['x-one']))).toBe(true)
  expect(reads(policy(['x-one', 'content-digest']))).toBe(true)
  // What is not enough is for the parsers, who say why.
  expect(reads(policy(['x-two']))).toBe(false)
  expect(reads(policy([], { ...defaultLimits, components: 4 }))).toBe(false)
  expect(usualReader(policy(['content-digest'])).read({ ...request, hasContent: true }, now)).toBeUndefined()
  expect(compile).toHaveBeenCalledTimes(1)
})
