import { expect, it } from 'vitest'
import { publicJwk } from '../testing/fake-town.js'
import { issuerLimits } from './limits.js'
import { isDocumentName, issuerOptionsSchema, withDefaults } from './options.js'

const issuer = 'https://ps.example'
const document = { issuer, dwk: 'aauth-person.json' }

it.each<[unknown]>([
  [{}],
  [{ allow: [issuer], deny: [], admit: () => true }],
  [
    {
      pinned: [{ ...document, jwks: { keys: [publicJwk('k')] }, metadata: { scopes_supported: ['openid'] } }],
    },
  ],
  [{ prewarm: [document], keyHosts: { [issuer]: ['keys.example', 'keys.example:8443'] } }],
  [{ privateHosts: ['ps', 'ps.internal'], unavailable: 'refuse' }],
  [{ limits: { timeout: 2000, floor: 120_000, newcomersPerMinute: 10 } }],
])('accepts %j', (options) => {
  expect(issuerOptionsSchema.safeParse(options).success).toBe(true)
})

it.each<[string, unknown]>([
  ['trusted', { trusted: [] }],
  ['allow.0', { allow: ['ps.example'] }],
  ['allow.0', { allow: ['https://ps.example/'] }],
  ['deny.0', { deny: ['*'] }],
  ['admit', { admit: 'everyone' }],
  ['pinned.0.dwk', { pinned: [{ issuer, dwk: '../keys', jwks: { keys: [publicJwk('k')] } }] }],
  ['pinned.0.jwks', { pinned: [{ ...document, jwks: { keys: [] } }] }],
  ['pinned.0.jwks', { pinned: [{ ...document, jwks: { keys: [{ ...publicJwk('k'), alg: 'EdDSA' }] } }] }],
  ['pinned.0.jwks', { pinned: [{ ...document, jwks: { keys: [null] } }] }],
  ['pinned.0.jwks', { pinned: [{ ...document, jwks: null }] }],
  ['prewarm.0.issuer', { prewarm: [{ issuer: 'http://ps.example', dwk: 'aauth-person.json' }] }],
  ['keyHosts.https://ps.example.0', { keyHosts: { [issuer]: ['https://keys.example'] } }],
  ['privateHosts.0', { privateHosts: ['10.0.0.1'] }],
  ['privateHosts.0', { privateHosts: ['*.internal'] }],
  ['nat64Prefix', { nat64Prefix: '64:ff9b::/95' }],
  ['nat64Prefix', { nat64Prefix: 96 }],
  ['unavailable', { unavailable: 'pass' }],
  ['limits.floor', { limits: { floor: 1000 } }],
  ['limits.ceiling', { limits: { ceiling: 2 * issuerLimits.ceiling } }],
  ['limits.timeout', { limits: { timeout: 0 } }],
  ['limits.newcomers', { limits: { newcomers: 100 } }],
  ['limits.newcomerBytes', { limits: { newcomerBytes: 100_000 } }],
  ['limits.speed', { limits: { speed: 1 } }],
])('names %s', (name, options) => {
  const { error } = issuerOptionsSchema.safeParse(options)
  const [issue] = error?.issues ?? []
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys : [])]
  expect(path.join('.')).toBe(name)
})

it('fills in the limits that were not given', () => {
  expect(withDefaults({ timeout: 1, wait: undefined })).toEqual({ ...issuerLimits, timeout: 1 })
})

it.each([
  '../x',
  'x?y',
  'a/b',
  '%2e%2e',
  'aauth-person',
  'Aauth-person.json',
  '.json',
  'a.json/..',
  'a.json#',
  '',
])('takes %s for no document', (name) => {
  expect(isDocumentName(name)).toBe(false)
})
