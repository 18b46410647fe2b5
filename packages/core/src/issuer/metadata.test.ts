import { expect, it } from 'vitest'
import { Fault } from './fault.js'
import { admitJwksUri, type IssuerMetadata, readMetadata } from './metadata.js'

const issuer = 'https://ps.example'

it.each<[string, Record<string, unknown>]>([
  ['issuer_missing', {}],
  ['issuer_missing', { jwks: { keys: [] } }],
  ['issuer_mismatch', { issuer: 'https://ps.example/' }],
  ['issuer_mismatch', { issuer: 'https://PS.example' }],
  ['issuer_mismatch', { issuer: 'https://other.example' }],
  ['issuer_mismatch', { issuer: 'http://ps.example' }],
  ['issuer_mismatch', { issuer: null }],
  ['issuer_mismatch', { issuer: [issuer] }],
])('answers %s to %j', (kind, document) => {
  expect(readMetadata(document, issuer, 65_536)).toMatchObject({ kind })
})

it('keeps what the draft names, frozen, and nothing else of the document', () => {
  const document = {
    issuer,
    scopes_supported: ['openid', 5, {}, 'x'.repeat(2049)],
    localhost_callback_allowed: false,
    callback_endpoint: { a: {} },
    name: 'x'.repeat(2049),
    junk: new Array(1000).fill({}),
    toString: 'x',
  }
  const metadata = readMetadata(document, issuer, 65_536)
  expect(metadata).toEqual({ issuer, scopes_supported: ['openid'], localhost_callback_allowed: false })
  expect(Object.isFrozen((metadata as IssuerMetadata)['scopes_supported'])).toBe(true)
  expect(Object.isFrozen(metadata)).toBe(true)
})

it('takes no more memory than it may', () => {
  const metadata = (count: number): unknown =>
    readMetadata({ issuer, scopes_supported: new Array(count).fill('a') }, issuer, 4096)
  expect(metadata(80)).toHaveProperty('issuer')
  expect(metadata(120)).toMatchObject({ kind: 'unusable' })
})

it('has no prototype of the stranger’s', () => {
  const metadata = readMetadata({ issuer, scopes_supported: ['openid'] }, issuer, 65_536)
  expect(metadata).toEqual({ issuer, scopes_supported: ['openid'] })
  expect(Object.isFrozen(metadata)).toBe(true)
})

it.each<[unknown, string]>([
  [undefined, 'unusable'],
  [42, 'unusable'],
  ['', 'forbidden'],
  ['http://ps.example/jwks', 'forbidden'],
  ['https://other.example/jwks', 'forbidden'],
  ['https://ps.example.evil.example/jwks', 'forbidden'],
  ['https://evil.example/ps.example', 'forbidden'],
  ['https://ps.example:8443/jwks', 'forbidden'],
  ['https://ps.example@evil.example/jwks', 'forbidden'],
  ['https://me@ps.example/jwks', 'forbidden'],
  ['https://ps.example./jwks', 'forbidden'],
  ['https://127.0.0.1/jwks', 'forbidden'],
  ['https://2130706433/jwks', 'forbidden'],
  ['https://[::1]/jwks', 'forbidden'],
  ['https:\\\\ps.example\\jwks', 'forbidden'],
  ['https://ps.example/a b', 'forbidden'],
  ['https://ps.example/jwks#x', 'forbidden'],
  ['//ps.example/jwks', 'forbidden'],
  ['file:///etc/passwd', 'forbidden'],
  ['data:application/json,{}', 'forbidden'],
  [`https://ps.example/${'x'.repeat(3000)}`, 'forbidden'],
])('does not go to %s', (uri, kind) => {
  const found = admitJwksUri({ issuer, jwks_uri: uri }, [])
  expect(found).toBeInstanceOf(Fault)
  expect(found).toMatchObject({ kind })
})

it.each([
  'https://ps.example/jwks.json',
  'https://ps.example/a?b=c',
  'https://ps.example/',
  'https://ps.example',
])('goes to %s', (uri) => {
  expect(admitJwksUri({ issuer, jwks_uri: uri }, [])).toBeInstanceOf(URL)
})

it('goes to another host only where the operator admitted that very host and port', () => {
  const metadata = { issuer, jwks_uri: 'https://keys.example/jwks' }
  expect(admitJwksUri(metadata, ['keys.example'])).toBeInstanceOf(URL)
  expect(admitJwksUri(metadata, ['keys.example:8443'])).toBeInstanceOf(Fault)
  expect(
    admitJwksUri({ ...metadata, jwks_uri: 'https://keys.example:8443/' }, ['keys.example:8443']),
  ).toBeInstanceOf(URL)
  expect(
    admitJwksUri({ ...metadata, jwks_uri: 'https://more.keys.example/' }, ['keys.example']),
  ).toBeInstanceOf(Fault)
})
