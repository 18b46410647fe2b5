import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createResourceServer } from '../server/resource-server.js'
import { newJwks } from '../testing/jwk.js'
import type { SigningKeys } from './signing-keys.js'

const keysOf = (signingKeys: SigningKeys): readonly string[] => {
  const server = createResourceServer({ resource: 'https://rs.example', signingKeys })
  const names = server.keys.list().map(({ kid, alg, jkt }) => `${kid === jkt ? 'thumbprint' : kid} ${alg}`)
  server.close()
  return names
}
const faultOf = (signingKeys: unknown): string => {
  try {
    keysOf(signingKeys as SigningKeys)
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    return (error as Error).message
  }
  return 'no fault'
}

const ed25519 = generateKeyPairSync('ed25519')
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: KeyObject, type: 'pkcs8' | 'spki' | 'sec1' = 'pkcs8'): string =>
  key.export({ format: 'pem', type: type as 'pkcs8' }) as string
const first = { ...newJwks('Ed25519').privateJwk, kid: 'first' }
const second = { ...newJwks('ES256').privateJwk, kid: 'second' }
const both = ['first Ed25519', 'second ES256']
const json = JSON.stringify

describe('signingKeys takes', () => {
  it.each<[string, SigningKeys, readonly string[]]>([
    ['a JWK', first, ['first Ed25519']],
    ['a list of JWKs', [first, second], both],
    ['a JWK Set', { keys: [first, second] }, both],
    ['JSON text of a JWK', json(first), ['first Ed25519']],
    ['JSON text of a list', json([first, second]), both],
    ['JSON text of a JWK Set', json({ keys: [first, second] }), both],
    ['JSON text in a list', [json(first), second], both],
    ['text with blanks around it', `\n  ${json(first, undefined, 2)}\n`, ['first Ed25519']],
    ['a PEM of Ed25519', pem(ed25519.privateKey), ['thumbprint Ed25519']],
    ['a PEM of P-256', pem(p256.privateKey), ['thumbprint ES256']],
    [
      'several PEMs in one text',
      `${pem(ed25519.privateKey)}\n${pem(p256.privateKey)}`,
      ['thumbprint Ed25519', 'thumbprint ES256'],
    ],
    [
      'a list of PEMs',
      [pem(ed25519.privateKey), pem(p256.privateKey)],
      ['thumbprint Ed25519', 'thumbprint ES256'],
    ],
    [
      'a PEM whose line breaks are written out',
      pem(ed25519.privateKey).replaceAll('\n', '\\n'),
      ['thumbprint Ed25519'],
    ],
    ['a PEM with CR LF', pem(p256.privateKey).replaceAll('\n', '\r\n'), ['thumbprint ES256']],
    ['a PEM of SEC 1, as openssl ecparam writes it', pem(p256.privateKey, 'sec1'), ['thumbprint ES256']],
    ['a JWK without kid', { ...first, kid: undefined }, ['thumbprint Ed25519']],
    [
      'a signer',
      { publicJwk: { ...first, d: undefined }, sign: () => new Uint8Array(64) },
      ['first Ed25519'],
    ],
  ])('%s', (_, given, expected) => {
    const { d: _d, ...rest } = first as Record<string, unknown>
    const isSigner = typeof given === 'object' && 'sign' in given
    expect(keysOf(isSigner ? { ...given, publicJwk: rest } : given)).toEqual(expected)
  })

  it('in a rotation what it takes at the start, one at a time', () => {
    const server = createResourceServer({ resource: 'https://rs.example', signingKeys: first })
    server.keys.publish(json(second))
    server.keys.publish(pem(ed25519.privateKey))
    expect(server.keys.list().map(({ alg }) => alg)).toEqual(['Ed25519', 'ES256', 'Ed25519'])
    expect(() => server.keys.publish({ keys: [first, second] })).toThrow(
      'keys.publish: takes one key at a time',
    )
    expect(() => server.keys.publish('')).toThrow('keys.publish: is empty text')
    server.close()
  })
})

describe('what is wrong with signingKeys is told, and nothing of what it holds', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const { d, ...publicJwk } = first as Record<string, unknown>
  const encrypted = ed25519.privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  })
  it.each<[string, unknown, string]>([
    [
      'a variable that is not set',
      undefined,
      'option signingKeys: is undefined: is the environment variable set?',
    ],
    ['one in a list', [undefined], 'option signingKeys[0]: is undefined: is the environment variable set?'],
    ['a hole in a list', Object.assign([first], { 2: second }), 'option signingKeys[1]: is undefined'],
    ['an empty one', ' ', 'option signingKeys: is empty text: is the environment variable set?'],
    ['an empty list', [], 'option signingKeys: is an empty list'],
    ['an empty set', { keys: [] }, 'option signingKeys.keys: must be a list of private JWKs'],
    ['null', null, 'option signingKeys: is null'],
    ['a number', 7, 'option signingKeys: is a number'],
    ['a function', () => first, 'option signingKeys: is a function; call it'],
    ['a promise', Promise.resolve(first), 'option signingKeys: is a promise; await it first'],
    ['bytes', Buffer.from(json(first)), 'option signingKeys: is bytes; read it as text'],
    ['a KeyObject', ed25519.privateKey, 'option signingKeys: is a KeyObject; export it as a JWK'],
    ['a list within a list', [[first]], 'option signingKeys[0]: is a list within a list'],
    ['JSON of JSON', json(json(first)), 'take away one pair of quotes'],
    [
      'text that is neither',
      'MC4CAQAwBQYDK2VwBCIEIA',
      'is text of 22 characters that is neither JSON nor PEM',
    ],
    ['half of a JSON text', json(first).slice(0, -5), 'that is neither JSON nor PEM'],
    ['half of a PEM', pem(ed25519.privateKey).slice(0, 60), 'is a PEM without its end'],
    [
      'a PEM with nothing in it',
      '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----',
      'cannot be read as a private key',
    ],
    ['a public PEM', pem(ed25519.publicKey, 'spki'), 'is a PEM of a public key; a private key is needed'],
    ['an encrypted PEM', encrypted, 'is an encrypted PEM; decrypt it first'],
    ['a PEM of RSA', pem(rsa.privateKey), 'is a PEM of a key of type rsa; accepted are Ed25519 and ES256'],
    ['a PEM of P-384', pem(p384.privateKey), 'of type ec on secp384r1; accepted are Ed25519 and ES256'],
    [
      'the second PEM',
      pem(ed25519.privateKey) + pem(rsa.privateKey),
      'option signingKeys[1]: is a PEM of a key of type rsa',
    ],
    ['a public JWK', publicJwk, 'option signingKeys: must be a private JWK, and this one is public'],
    [
      'a public JWK in a set',
      { keys: [second, publicJwk] },
      'option signingKeys.keys[1]: must be a private JWK, and this one is public',
    ],
    ['text in a set', { keys: [json(first)] }, 'option signingKeys.keys[0]: is text; a JWK Set holds JWKs'],
    [
      'another alg',
      { ...first, alg: 'RS256' },
      'alg must be Ed25519 (kty OKP) or ES256 (kty EC), and is RS256',
    ],
    ['no alg', { ...first, alg: undefined }, 'and there is none'],
    ['an object that is no JWK', {}, 'option signingKeys: must be a private JWK: it has no kty'],
    [
      'a signer of another alg',
      { publicJwk: { ...publicJwk, alg: 'PS256' }, sign: () => new Uint8Array(64) },
      'and is PS256',
    ],
  ])('%s', (_, given, message) => {
    const fault = faultOf(given)
    expect(fault).toContain(message)
    expect(fault).not.toContain((d as string).slice(0, 8))
    for (const key of [ed25519, rsa, p384]) {
      const line = pem(key.privateKey).split('\n')[1] as string
      expect(fault).not.toContain(line.slice(0, 24))
    }
  })

  it('keeps a secret that stands where a name should', () => {
    const secret = d as string
    for (const given of [
      secret,
      { ...first, alg: secret },
      { ...first, kty: secret },
      { ...first, d: `${secret}=` },
      { [secret]: 1 },
      [secret],
    ])
      expect(faultOf(given)).not.toContain(secret.slice(0, 8))
  })
})
