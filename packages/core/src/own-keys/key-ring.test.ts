import { createPublicKey, generateKeyPairSync, type JsonWebKey, sign, verify } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { AAuthEvent, UntimedEvent } from '../events.js'
import { createResourceServer } from '../server/resource-server.js'
import { newJwks } from '../testing/jwk.js'
import { now } from '../testing/party.js'
import { ecdsaFromDer } from './external-signer.js'
import { OwnKeyRing } from './key-ring.js'
import type { SigningKeyOption } from './signing-keys.js'

let time = now
const clock = (): number => time * 1000
const events: UntimedEvent<AAuthEvent>[] = []
beforeEach(() => {
  time = now
  events.length = 0
})
const ring = (...keys: readonly SigningKeyOption[]): OwnKeyRing =>
  new OwnKeyRing(keys.length === 0 ? undefined : keys, {
    clock,
    lifetime: 360,
    report: (event) => void events.push(event),
  })

const pair = (alg: 'Ed25519' | 'ES256') =>
  alg === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = (kid: string, alg: 'Ed25519' | 'ES256' = 'Ed25519'): JsonWebKey => ({
  ...newJwks(alg).privateJwk,
  kid,
})
const publicOf = ({ d: _, ...rest }: JsonWebKey): JsonWebKey => rest
const states = (keys: OwnKeyRing): string[] => keys.list().map(({ kid, state }) => `${kid} ${state}`)

describe('a rotation', () => {
  it('publishes, waits out caches, promotes, waits and retires', () => {
    const keys = ring(jwk('old'))
    keys.publish(jwk('new'))
    expect(states(keys)).toEqual(['old signing', 'new next'])
    expect(keys.publicJwks.map(({ kid }) => kid)).toEqual(['old', 'new'])
    expect(keys.signing?.kid).toBe('old')

    time += 359
    expect(() => keys.promote('new')).toThrow(
      new RangeError(`key new may sign from ${new Date((now + 360) * 1000).toISOString()} on`),
    )
    time += 1
    keys.promote('new')
    expect(states(keys)).toEqual(['new signing', 'old previous'])
    expect(keys.signing?.kid).toBe('new')
    expect(keys.publicJwks).toHaveLength(2)

    time += 359
    expect(() => keys.retire('old')).toThrow(RangeError)
    time += 1
    keys.retire('old')
    expect(states(keys)).toEqual(['new signing'])
    expect(events).toEqual([
      { name: 'key-rotation', act: 'published', kid: 'new', forced: false },
      { name: 'key-rotation', act: 'promoted', kid: 'new', forced: false },
      { name: 'key-rotation', act: 'retired', kid: 'old', forced: false },
    ])
  })

  it('waits for nothing when a key has leaked, and says so', () => {
    const keys = ring(jwk('old'))
    keys.publish(jwk('new'))
    keys.promote('new', { force: true })
    keys.retire('old', { force: true })
    expect(keys.publicJwks.map(({ kid }) => kid)).toEqual(['new'])
    expect(events.slice(1)).toMatchObject([{ forced: true }, { forced: true }])
  })

  it('can be taken back', () => {
    const keys = ring(jwk('old'))
    keys.publish(jwk('new'))
    time += 360
    keys.promote('new')
    keys.promote('old')
    expect(states(keys)).toEqual(['old signing', 'new previous'])
  })

  it('changes nothing when it is said twice', () => {
    const keys = ring(jwk('old'), jwk('new'))
    time += 360
    keys.promote('new')
    keys.promote('new')
    expect(states(keys)).toEqual(['new signing', 'old previous'])
    expect(() => keys.publish(keyOf('new'))).toThrow('two keys have the same kid new')
  })

  const keyOf = (kid: string): JsonWebKey => jwk(kid)

  it('never leaves the key that signs unpublished, and knows its keys', () => {
    const keys = ring(jwk('old'), jwk('new'))
    expect(() => keys.retire('old', { force: true })).toThrow('key old signs: promote another key first')
    expect(() => keys.promote('other')).toThrow('there is no key other')
    expect(() => keys.retire('other')).toThrow('there is no key other')
  })
})

describe('what is refused at the start', () => {
  const good = jwk('a')
  const halves = { ...publicOf(jwk('b')), d: good.d }
  const rsa = {
    ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
    alg: 'RS256',
  }
  const signer = (publicJwk: object) => ({ publicJwk, sign: () => new Uint8Array(64) })
  it.each<[string, readonly SigningKeyOption[], RegExp]>([
    [
      'halves that do not belong together',
      [halves],
      /signingKeys\[0\]: must be a private JWK whose private and public members/,
    ],
    ['a public key', [publicOf(good)], /signingKeys\[0\]: must be a private JWK/],
    ['no alg', [{ ...good, alg: undefined }], /alg must be Ed25519/],
    ['a polymorphic alg', [{ ...good, alg: 'EdDSA' }], /alg must be Ed25519/],
    ['RSA', [rsa], /alg must be Ed25519/],
    ['a symmetric key', [{ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }], /alg must be Ed25519/],
    ['an alg of another curve', [{ ...good, alg: 'ES256' }], /kty or crv disagrees/],
    ['a key for encryption', [{ ...good, use: 'enc' }], /use must be sig/],
    ['a key that may only verify', [{ ...good, key_ops: ['verify'] }], /key_ops must include sign/],
    ['one kid twice', [good, jwk('a')], /signingKeys\[1\]: two keys have the same kid a/],
    ['one key twice', [good, { ...good, kid: 'b' }], /signingKeys\[1\]: the keys a and b are the same/],
    ['a signer with a private JWK', [signer(good)], /publicJwk: the key has a private member/],
    [
      'a signer without alg',
      [signer({ ...publicOf(good), alg: undefined })],
      /publicJwk: the key’s alg must be/,
    ],
    ['a weak point', [signer({ ...publicOf(good), x: 'A'.repeat(43) })], /small-order/],
  ])('%s', (_, keys, message) => {
    expect(() => ring(...keys)).toThrow(TypeError)
    expect(() => ring(...keys)).toThrow(message)
    expect(() => createResourceServer({ resource: 'https://rs.example', signingKeys: keys })).toThrow(message)
  })
})

describe('a key that lives elsewhere', () => {
  it.each(['Ed25519', 'ES256'] as const)('signs with %s', async (alg) => {
    const { privateKey, publicKey } = pair(alg)
    const publicJwk = { ...publicKey.export({ format: 'jwk' }), alg, kid: 'kms-1' }
    const keys = ring({
      publicJwk,
      sign: async (data) =>
        alg === 'Ed25519' ? sign(null, data, privateKey) : ecdsaFromDer(sign('sha256', data, privateKey)),
    })
    await keys.prove()
    const data = Buffer.from('a resource token')
    const signature = (await keys.signing?.sign(data)) as Uint8Array
    expect(signature).toHaveLength(64)
    const key = createPublicKey({ key: publicJwk, format: 'jwk' })
    const good =
      alg === 'Ed25519'
        ? verify(null, data, key, signature)
        : verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
    expect(good).toBe(true)
    expect(keys.publicJwks).toEqual([publicJwk])
  })

  const { privateKey, publicKey } = pair('ES256')
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: 'kms-1' }
  it.each([
    [
      'another key',
      () => sign('sha256', Buffer.from('x'), { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      /private half/,
    ],
    ['DER', (data: Uint8Array) => sign('sha256', data, privateKey), /64 bytes, r \|\| s/],
    ['nothing', () => undefined as never, /64 bytes/],
    ['an error', () => Promise.reject(new Error('KMS is down')), /KMS is down/],
  ])('is found out when it answers with %s', async (_, answer, message) => {
    const keys = ring({ publicJwk, sign: answer })
    await expect(keys.prove()).rejects.toThrow(message)
    await expect(keys.signing?.sign(Buffer.from('a'))).rejects.toThrow(message)
  })

  it('has five seconds', async () => {
    vi.useFakeTimers()
    const keys = ring({ publicJwk, sign: () => new Promise(() => {}) })
    const proof = expect(keys.prove()).rejects.toThrow('gave no answer within 5000 ms')
    await vi.advanceTimersByTimeAsync(5000)
    await proof
    vi.useRealTimers()
  })
})

describe('a signature in DER', () => {
  it('is read whatever the length of its numbers', () => {
    const { privateKey, publicKey } = pair('ES256')
    for (let index = 0; index < 200; index++) {
      const data = Buffer.from(String(index))
      const raw = ecdsaFromDer(sign('sha256', data, privateKey))
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true)
    }
  })

  it.each(['', '30', '3006020101020101ff', '3005020101020101', '300602010102', '3082000602010102010130'])(
    'is refused when it is none: %s',
    (hex) => {
      expect(() => ecdsaFromDer(Buffer.from(hex, 'hex'))).toThrow(TypeError)
    },
  )
})

describe('our key set', () => {
  it('shows a rotation at once, and no private member', async () => {
    const server = createResourceServer({ resource: 'https://rs.example', signingKeys: [jwk('old')], clock })
    const shown = async (): Promise<string[]> => {
      const request = { method: 'GET', target: '/.well-known/jwks.json', rawHeaders: ['Host', 'rs.example'] }
      const answer = await server.handle(request)
      const { keys } = JSON.parse(answer?.body as string) as { keys: Record<string, string>[] }
      for (const key of keys) expect(Object.keys(key)).not.toContain('d')
      return keys.map(({ kid }) => kid as string)
    }
    expect(await shown()).toEqual(['old'])
    server.keys.publish(jwk('new'))
    expect(await shown()).toEqual(['old', 'new'])
    server.keys.promote('new', { force: true })
    server.keys.retire('old', { force: true })
    expect(await shown()).toEqual(['new'])
    server.close()
  })
})
