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
      `option scopes.data.read: must be a text that tells a person what it means${meaning === undefined ? ', it is undefined' : ''}`,
    )
  })

  // A town that was not awaited, a variable that is not set.
  it.each(['fetch', 'clock', 'scopes', 'store', 'logger', 'interaction', 'signatureWindow', 'replay'])(
    'says of %s that it is undefined',
    (name) => {
      expect(fault({ [name]: undefined })).toMatch(new RegExp(`^option ${name}: .*, it is undefined$`))
    },
  )

  it.each([
    [{ signatureWindow: 60_000 }, 'signatureWindow: must be a whole number of seconds, from 1 to 3600'],
    [
      { resourceTokenLifetime: '5m' },
      'resourceTokenLifetime: must be a whole number of seconds, from 1 to 300',
    ],
    [{ maxAgentTokenLifetime: 0.5 }, 'maxAgentTokenLifetime: must be a whole number of seconds, from 1 to'],
    [{ storeTimeout: 1 }, 'storeTimeout: must be a whole number of milliseconds, from 10 to 10000'],
    [{ policyTimeout: -1 }, 'policyTimeout: must be a whole number of milliseconds, from 0 to 600000'],
    [{ freshness: { withinMs: 0 } }, 'freshness.withinMs: must be a whole number of milliseconds, from 1'],
    [{ sessions: { lifetime: '7d' } }, 'sessions.lifetime: must be a whole number of seconds, 1 or more'],
    [{ sessions: { grace: -1 } }, 'sessions.grace: must be a whole number of seconds, 0 or more'],
  ])('says in which unit a number is: %o', (changes, message) => {
    expect(fault(changes)).toContain(`option ${message}`)
  })

  it.each([
    [{ replay: 'every' }, "replay: must be true, false or 'all'"],
    [{ paths: { revocation: true } }, 'paths.revocation: must be an absolute path, or false'],
    [{ crypto: { ed25519: true } }, 'crypto.ed25519: must be a function, or false'],
  ])('says what else it may be: %o', (changes, message) => {
    expect(fault(changes)).toBe(`option ${message}`)
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
