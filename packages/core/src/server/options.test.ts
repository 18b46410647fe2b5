import { describe, expect, it } from 'vitest'
import { testKeyEd25519 } from '../testing/vectors.js'
import { readOptions } from './options.js'
import type { ResourceOptions } from './resource-options.js'

const good: ResourceOptions = {
  resource: 'https://rs.example',
  signingKeys: [testKeyEd25519],
  scopes: { 'data.read': 'Read' },
}
const fault = (changes: object): string => {
  try {
    readOptions({ ...good, ...changes })
    return 'accepted'
  } catch (error) {
    return error instanceof TypeError ? error.message : `not a TypeError: ${error}`
  }
}

describe('options', () => {
  it('fills in the defaults', () => {
    expect(readOptions(good)).toMatchObject({
      authority: 'rs.example',
      signatureWindow: 60,
      resourceTokenLifetime: 300,
      maxAgentTokenLifetime: 86_400,
      paths: { jwks: '/.well-known/jwks.json' },
    })
    expect(readOptions({ resource: 'https://rs.example' }).accessMode).toBeUndefined()
  })

  it('says what is wrong with a name that may not be', () => {
    expect(fault({ scopes: { 'with space': 'x' } })).toBe('option scopes.with space: is no scope')
  })

  it.each([[['data.read']], ['data.read'], [new Set(['data.read'])], [7], [null]])(
    'says what scopes are, given %o',
    (scopes) => {
      expect(fault({ scopes })).toBe(
        "option scopes: must be an object of each scope and what it means to a person: { 'notes.read': 'Read your notes' }",
      )
    },
  )

  it.each([true, 7, null, undefined, { en: 'Read' }])('says what a scope means, given %o', (meaning) => {
    expect(fault({ scopes: { 'data.read': meaning } })).toBe(
      'option scopes.data.read: must be a text that tells a person what it means',
    )
  })

  it('says how a client of Redis becomes a store', () => {
    expect(fault({ store: { get() {}, set() {} } })).toContain(
      'createRedisStore(client) of @countersign/redis',
    )
  })

  it.each([
    [{ resource: 'https://rs.example/' }, 'resource'],
    [{ resource: 'http://rs.example' }, 'resource'],
    [{ resource: 'https://rs.example:8443' }, 'resource'],
    [{ resource: 'https://RS.example' }, 'resource'],
    [{ resource: 'https://127.0.0.1' }, 'resource'],
    [{ resource: undefined }, 'resource'],
    [{ signingKeys: [{ ...testKeyEd25519, alg: 'EdDSA' }] }, 'signingKeys[0]'],
    [{ signingKeys: [testKeyEd25519, testKeyEd25519] }, 'signingKeys'],
    [{ signingKeys: undefined }, 'signingKeys'],
    [{ scopes: { 'with space': 'x' } }, 'scopes'],
    [{ accessServer: 'as.example' }, 'accessServer'],
    [{ accessMode: 'aauth-access-token' }, 'accessMode'],
    [{ signatureWindow: 0 }, 'signatureWindow'],
    [{ additionalSignatureComponents: ['Content-Type'] }, 'additionalSignatureComponents'],
    [{ display: { tosUri: 'http://rs.example/tos' } }, 'display.tosUri'],
    [{ paths: { jwks: 'jwks.json' } }, 'paths.jwks'],
    [{ resourceTokenLifetime: 301 }, 'resourceTokenLifetime'],
    [{ store: { get() {} } }, 'store'],
    [{ clock: 7 }, 'clock'],
    [{ limits: { token: -1 } }, 'limits.token'],
    [{ signatureWindows: 60 }, 'signatureWindows'],
  ])('%o is a TypeError that names %s', (changes, name) => {
    expect(fault(changes)).toContain(`option ${name}`)
  })

  it('lets no listener decide about a request', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    const { report } = readOptions({
      ...good,
      onEvent: () => {
        throw new Error('listener')
      },
    })
    expect(() => report({ name: 'challenged', requirement: 'agent-token' })).not.toThrow()
    expect((await warned).message).toContain('listener')
  })
})
