import { createKey } from '@countersign/devkit'
import { type Case, overSockets, served, signatureError } from './harness.js'

const ed25519 = createKey('Ed25519')
const es256 = createKey('ES256')
const okp = ed25519.cnf
const ec = es256.cnf
const rsa = { kty: 'RSA', n: 'sXchOuV8', e: 'AQAB' }
const hex = (text: string): string => Buffer.from(text, 'hex').toString('base64url')

const unsupported = signatureError('unsupported_algorithm')
const invalid = signatureError('invalid_key')
const badToken = signatureError('invalid_jwt')

/** A grant whose confirmation key is this, in a request signed by an honest key. */
const confirming = (ids: string, name: string, jwk: unknown, answer: Case['answer']): Case => ({
  ids,
  name,
  request: async (world) =>
    world.compose({ key: ed25519, token: await world.grant({ claims: { cnf: { jwk } } }) }),
  answer,
  fetches: 0,
})
const cnf = (ids: string, name: string, value: unknown): Case => ({
  ids,
  name,
  request: async (world) => world.compose({ token: await world.grant({ claims: { cnf: value } }) }),
  answer: badToken,
})

const algorithm =
  'R-034, R-060, R-062, R-063, R-064, K-020, K-022, K-029, K-030, K-039, K-121, K-122, K-123, KN-142'

overSockets('what a confirmation key says of itself', {}, [
  confirming('R-111, R-038', 'an honest key', okp, served),
  confirming(
    `N-076, KN-030, KN-077, R-038, ${algorithm}, K-021, HC-47`,
    'no alg',
    { ...okp, alg: undefined },
    unsupported,
  ),
  confirming(
    `N-077, KN-031, HC-55, R-035, K-026, ${algorithm}`,
    'alg EdDSA',
    { ...okp, alg: 'EdDSA' },
    unsupported,
  ),
  ...['none', 'NONE', ''].map((alg) =>
    confirming('KN-032, R-035, K-025', `alg "${alg}"`, { ...okp, alg }, unsupported),
  ),
  ...['ed25519', 'es256', 'ecdsa-p256-sha256', 'ED25519'].map((alg) =>
    confirming('KN-035, K-023', `alg ${alg}, of another registry or case`, { ...okp, alg }, unsupported),
  ),
  ...['RSA-OAEP', 'dir', 'ECDH-ES', 'A128KW'].map((alg) =>
    confirming('KN-036', `alg ${alg}, no signature at all`, { ...okp, alg }, unsupported),
  ),
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty'].map((alg) =>
    confirming('KN-037, HC-18, R-039', `alg ${alg}`, { ...okp, alg }, unsupported),
  ),
  ...[['Ed25519'], 1, true, { toString: 'Ed25519' }].map((alg) =>
    confirming('KN-044, R-039', `alg ${JSON.stringify(alg)}`, { ...okp, alg }, unsupported),
  ),
  confirming(
    'N-078, KN-041, R-039, K-032',
    'AKP with ML-DSA-44',
    { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' },
    unsupported,
  ),
  confirming(
    'N-078, KN-041, R-039, K-032',
    'AKP with ML-DSA-65',
    { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AAAA' },
    unsupported,
  ),
  confirming(
    'N-079, KN-033, R-035, K-028',
    'oct with HS256',
    { kty: 'oct', alg: 'HS256', k: 'AAAA' },
    unsupported,
  ),
  confirming('KN-034, R-035, K-028', 'RSA with HS256', { ...rsa, alg: 'HS256' }, unsupported),
  confirming('KN-043, HC-59, K-029', 'RSA with PS256', { ...rsa, alg: 'PS256' }, unsupported),
  confirming('KN-043, HC-59', 'RSA with RS256', { ...rsa, alg: 'RS256' }, unsupported),
  confirming('KN-042, R-039, K-032', 'a kty nobody knows', { ...okp, kty: 'XYZ' }, unsupported),
  ...['constructor', '__proto__'].map((kty) =>
    confirming('KN-042, HC-18, R-039', `kty ${kty}`, { ...okp, kty }, unsupported),
  ),
  confirming('R-039', 'Ed448', { kty: 'OKP', crv: 'Ed448', alg: 'Ed448', x: 'AAAA' }, unsupported),
  confirming('R-039', 'ES384', { ...ec, crv: 'P-384', alg: 'ES384' }, unsupported),
  confirming('N-080, KN-039, R-036, K-031', 'ES256 over P-384', { ...ec, crv: 'P-384' }, invalid),
  confirming('N-081, R-036, K-031', 'Ed25519 over EC', { ...ec, alg: 'Ed25519' }, invalid),
  confirming('R-036, K-031', 'ES256 over OKP', { ...okp, alg: 'ES256' }, invalid),
  confirming('KN-038, R-036, K-031', 'ES256 over RSA', { ...rsa, alg: 'ES256' }, invalid),
  confirming('KN-040, R-036', 'Ed25519 over X25519', { ...okp, crv: 'X25519' }, invalid),
  confirming('KN-040, R-036', 'Ed25519 over Ed448', { ...okp, crv: 'Ed448' }, invalid),
  confirming(
    'K-035',
    'members nobody knows',
    { ...okp, use: 'sig', key_ops: ['verify'], ext: true, foo: 1, kid: 'k' },
    served,
  ),
])

/** Every encoding, canonical and not, of the points of order 1, 2, 4 and 8 (RFC 7748, 7; RFC 8032, 5.1.3). */
const weak = [
  `01${'00'.repeat(31)}`,
  `01${'00'.repeat(30)}80`,
  `ec${'ff'.repeat(30)}7f`,
  `ec${'ff'.repeat(31)}`,
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  `ed${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(31)}`,
  `ee${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(31)}`,
]
/** Non-canonical encodings of other points. */
const beyondPrime = [`f0${'ff'.repeat(30)}7f`, `${'ff'.repeat(31)}7f`, 'ff'.repeat(32)]
const x = okp['x'] as string
const otherLast = (text: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) as string) ^ 1]
}

overSockets('the material of a confirmation key', {}, [
  ...weak.map((point) =>
    confirming(
      'KN-055, HC-58, R-060',
      `the small-order point ${point.slice(0, 6)}…${point.slice(-2)}`,
      { ...okp, x: hex(point) },
      invalid,
    ),
  ),
  ...beyondPrime.map((point) =>
    confirming(
      'KN-055, HC-58',
      `a y beyond the prime, ${point.slice(0, 6)}…${point.slice(-2)}`,
      { ...okp, x: hex(point) },
      invalid,
    ),
  ),
  ...[0, 31, 33, 64].map((length) =>
    confirming(
      'N-074, KN-052, R-111',
      `x of ${length} bytes`,
      { ...okp, x: Buffer.alloc(length, 9).toString('base64url') },
      invalid,
    ),
  ),
  ...[
    ['padding', `${x}=`],
    ['a space', ` ${x}`],
    ['a line break', `${x}\n`],
    ['another alphabet', `+/${x.slice(2)}`],
    ['spare bits', otherLast(x)],
    ['no base64 at all', '!!!'],
  ].map(([name, value]) =>
    confirming('N-074, KN-054, HC-57, R-111', `x with ${name}`, { ...okp, x: value }, invalid),
  ),
  ...[1, null, ['AAAA'], {}].map((value) =>
    confirming('N-074, KN-056', `x that is ${JSON.stringify(value)}`, { ...okp, x: value }, invalid),
  ),
  confirming('KN-053, R-111', 'a point off its curve', { ...ec, y: ec['x'] }, invalid),
  confirming('KN-053', 'the origin', { ...ec, x: hex('00'.repeat(32)), y: hex('00'.repeat(32)) }, invalid),
  confirming('KN-053, KN-052', 'a y of 31 bytes', { ...ec, y: hex('07'.repeat(31)) }, invalid),
  ...['d', 'k', 'p', 'oth', 'priv'].map((member) =>
    confirming('N-075, KN-059, HC-29', `the private member ${member}`, { ...okp, [member]: 'AAAA' }, invalid),
  ),
  ...['kty', 'crv', 'x'].map((member) =>
    confirming(
      'N-073, KN-051, R-111, R-124, R-139',
      `OKP without ${member}`,
      { ...okp, [member]: undefined },
      badToken,
    ),
  ),
  confirming('N-073, KN-051, R-111', 'EC without y', { ...ec, y: undefined }, badToken),
  confirming('N-073, KN-051, R-111', 'RSA without e', { ...rsa, e: undefined, alg: 'RS256' }, badToken),
  ...[undefined, null, 'key', 1, []].map((jwk) =>
    cnf('N-072, KN-076, R-111, K-083', `cnf.jwk that is ${JSON.stringify(jwk)}`, { jwk }),
  ),
  ...[undefined, null, 'key', [], { kid: 'a' }, { jkt: 'a' }].map((value) =>
    cnf('N-072, KN-076, R-105, R-111, K-083', `cnf that is ${JSON.stringify(value)}`, value),
  ),
])

overSockets('signatures of the other algorithm’s form', {}, [
  {
    ids: 'KN-047, HC-27, H-61, K-024',
    name: 'ES256 in DER',
    request: async (world) => {
      const token = await world.grant({ claims: { cnf: { jwk: ec } } })
      const der = (raw: Uint8Array): Buffer => {
        const integer = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from([2, 33, 0]), bytes])
        const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
        return Buffer.concat([Buffer.from([0x30, body.length]), body])
      }
      return world.compose({ token, key: { sign: async (data) => der(await es256.sign(data)) } })
    },
    answer: signatureError('invalid_signature'),
  },
  {
    ids: 'H-56, K-037, R-034',
    name: 'ES256 key, Ed25519 signature',
    request: async (world) =>
      world.compose({ key: ed25519, token: await world.grant({ claims: { cnf: { jwk: ec } } }) }),
    answer: signatureError('invalid_signature'),
  },
  ...[
    ['all zeros', Buffer.alloc(64)],
    ['all ones', Buffer.alloc(64, 0xff)],
  ].map(
    ([name, bytes]): Case => ({
      ids: 'KN-009, H-59, R-061',
      name: `ES256 signature of ${name}`,
      request: async (world) =>
        world.compose({
          key: { sign: () => bytes as Buffer },
          token: await world.grant({ claims: { cnf: { jwk: ec } } }),
        }),
      answer: signatureError('invalid_signature'),
    }),
  ),
])
