import { describe, expect, it } from 'vitest'
import { authZenPolicy } from './authzen.js'
import { cedarPolicy } from './cedar.js'
import { type CerbosClient, cerbosPolicy } from './cerbos.js'

describe('options of policy engines', () => {
  const declared: readonly (readonly [string, () => unknown, string])[] = [
    ['no address', () => authZenPolicy({ url: 'pdp' }), 'authZenPolicy: url: must be an http or https URL'],
    ['a file', () => authZenPolicy({ url: 'file:///x' }), 'authZenPolicy: url'],
    [
      'no time',
      () => authZenPolicy({ url: 'https://pdp.example', timeout: 0 }),
      'authZenPolicy: timeout: must be at least 1',
    ],
    [
      'no client',
      () => cerbosPolicy({ client: {} as CerbosClient }),
      'cerbosPolicy: client: must be a Cerbos client',
    ],
    ['no Cedar', () => cedarPolicy({ cedar: {} as never, policies: 'x' }), 'cedarPolicy: cedar: must be'],
    [
      'a misspelt option',
      () => authZenPolicy({ url: 'https://pdp.example', time: 1 } as { url: string }),
      'authZenPolicy: time: is not known; did you mean timeout?',
    ],
  ]
  it.each(declared)('refuse %s where the policy is declared', (_, declare, says) => {
    expect(declare).toThrow(TypeError)
    expect(declare).toThrow(says)
  })
})
