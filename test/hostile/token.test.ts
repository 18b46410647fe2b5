import { createHmac } from 'node:crypto'
import { createKey, type MintOverrides } from '@countersign/devkit'
import { type Case, overSockets, type RawResponse, served, signatureError, type World } from './harness.js'

type Kind = 'agent' | 'person' | 'grant'
const routeOf = { agent: '/agent', person: '/person', grant: '/data' } as const

const presented = (
  kind: Kind,
  ids: string,
  name: string,
  overrides: MintOverrides | ((world: World) => MintOverrides),
  answer: Case['answer'] = signatureError('invalid_jwt'),
): Case => ({
  ids,
  name: `${kind} token: ${name}`,
  request: async (world) => {
    const token = await world[kind](typeof overrides === 'function' ? overrides(world) : overrides)
    return world.compose({ target: routeOf[kind], token })
  },
  answer,
  fetches: 0,
})
const everyKind = (
  ids: string,
  name: string,
  overrides: Parameters<typeof presented>[3],
  answer?: Case['answer'],
): Case[] =>
  (['agent', 'person', 'grant'] as const).map((kind) => presented(kind, ids, name, overrides, answer))
const text = (ids: string, name: string, token: string): Case => ({
  ids,
  name,
  request: (world) => world.compose({ token }),
  answer: signatureError('invalid_jwt'),
  fetches: 0,
})
const part = (value: string): string => Buffer.from(value).toString('base64url')

/** A grant whose payload is this very text, signed by the person server. */
const grantText = (
  ids: string,
  name: string,
  change: (payload: string) => string,
  answer: Case['answer'] = signatureError('invalid_jwt'),
): Case => ({
  ids,
  name,
  request: async (world) => {
    const [header = '', payload = ''] = (await world.grant()).split('.')
    const input = `${header}.${part(change(Buffer.from(payload, 'base64url').toString()))}`
    const signature = await world.town.ps.keys.current.sign(Buffer.from(input))
    return world.compose({ token: `${input}.${Buffer.from(signature).toString('base64url')}` })
  },
  answer,
  fetches: 0,
})
const form = 'N-037, KN-070, K-080, R-057'
const header = part('{"typ":"aa-auth+jwt","alg":"Ed25519","kid":"ps-1"}')

overSockets('tokens that are none', {}, [
  ...[
    '',
    'a',
    'a.b',
    '..',
    '...',
    'a.b.c.d',
    'a..c',
    '.b.c',
    `${header}.${part('{}')}`,
    `${header}.${part('{}')}.`,
  ].map((token) => text(form, `"${token.slice(0, 12)}"`, token)),
  text(form, 'an encrypted one', 'a.b.c.d.e'),
  text(form, 'base64 that is not of the URL kind', `${header}.${part('{}')}.ab+/`),
  text(form, 'padding', `${header}.${part('{}')}=.AAAA`),
  text(form, 'spare bits', `${header}.${part('{}').slice(0, -1)}x.AAAA`),
  ...['', '[]', '"a"', 'null', '1', '{', '{}x', "{'a':1}", '\ufeff{}'].map((payload) =>
    text('N-037, KN-071', `a payload of ${payload || 'nothing'}`, `${header}.${part(payload)}.AAAA`),
  ),
  ...['[]', 'null', '{"typ":"aa-auth+jwt","typ":"aa-auth+jwt","alg":"Ed25519","kid":"ps-1"}'].map((json) =>
    text('N-037, KN-071', `a header of ${json.slice(0, 30)}`, `${part(json)}.${part('{}')}.AAAA`),
  ),
  text(
    'N-037, KN-071',
    'bytes that are no UTF-8',
    `${header}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AAAA`,
  ),
  text('H-62, R-330', 'nesting of ten thousand levels', `${header}.${part('[')}${'W1tb'.repeat(2000)}.AAAA`),
  grantText('KN-071', 'a claim twice', (payload) => payload.replace('{', '{"exp":9999999999,')),
  grantText('KN-071, R-330', 'a claim twice, deep inside', (payload) =>
    payload.replace('"jwk":{', '"jwk":{"kty":"OKP",'),
  ),
  grantText('KN-071, R-330', 'a claim twice, once escaped', (payload) =>
    payload.replace('{', '{"\\u0065xp":1,'),
  ),
  grantText('KN-073', 'exp beyond any number', (payload) => payload.replace(/"exp":\d+/, '"exp":1e400')),
  grantText('R-330', 'a claim seventeen levels deep', (payload) =>
    payload.replace('{', `{"x":${'['.repeat(17)}${']'.repeat(17)},`),
  ),
  grantText(
    'R-112, R-330',
    'a claim ten levels deep',
    (payload) => payload.replace('{', `{"x":${'['.repeat(10)}${']'.repeat(10)},`),
    served,
  ),
])

const stamp = 'R-057, R-059'
overSockets('headers of tokens', {}, [
  ...everyKind(`N-038, KN-072, R-100, K-081, ${stamp}`, 'no typ', { header: { typ: undefined } }),
  ...[
    'JWT',
    'at+jwt',
    'AA-AUTH+JWT',
    'application/aa-auth+jwt',
    'aa-subscribe+jwt',
    'constructor',
    '__proto__',
  ].map((typ) =>
    presented('grant', `N-039, KN-072, HC-18, R-100, K-081, ${stamp}`, `typ ${typ}`, { header: { typ } }),
  ),
  presented('grant', 'KN-072', 'typ that is a number', { header: { typ: 1 } }),
  presented('grant', 'KN-072', 'typ that is a list', { header: { typ: ['aa-auth+jwt'] } }),
  ...everyKind('N-041, KN-079, HC-48, R-037, R-035, K-025', 'alg none and no signature', {
    header: { alg: 'none' },
    signature: () => new Uint8Array(),
  }),
  presented('grant', 'N-042, R-037, K-028', 'alg HS256 keyed with the issuer’s public key', (world) => ({
    header: { alg: 'HS256' },
    signature: (input) =>
      createHmac('sha256', String(world.town.ps.keys.current.publicJwk['x'])).update(input).digest(),
  })),
  ...['EdDSA', 'ed25519', 'RS256', 'HS512', 'constructor', '', 'ES384'].map((alg) =>
    presented('grant', 'N-043, HC-55, R-037, K-026, R-035', `alg ${alg}`, { header: { alg } }),
  ),
  presented('grant', 'N-043', 'alg that is a list', { header: { alg: ['Ed25519'] } }),
  presented('grant', 'N-043', 'no alg', { header: { alg: undefined } }),
  presented('grant', 'N-044, KN-080, HC-60, K-037', 'alg that is not the issuer key’s', {
    header: { alg: 'ES256' },
  }),
  presented('grant', 'N-046, KN-081, HC-60', 'crit', { header: { crit: ['exp'] } }),
  presented('grant', 'N-046, KN-081', 'an empty crit', { header: { crit: [] } }),
  ...everyKind(
    'N-047, KN-078, HC-48, R-102, K-086',
    'a signature of somebody else',
    (world) => ({ key: createKey('Ed25519', world.town.ps.keys.current.kid) }),
    signatureError('invalid_jwt'),
  ).slice(1),
  presented('grant', 'N-047, R-102', 'a signature of all zeros', { signature: () => new Uint8Array(64) }),
  presented('grant', 'N-047', 'a signature too short', { signature: () => new Uint8Array(63) }),
  ...everyKind('N-048, HC-47, R-102', 'no kid', { header: { kid: undefined } }),
  presented('grant', 'N-048', 'an empty kid', { header: { kid: '' } }),
  presented('grant', 'N-048', 'kid that is a number', { header: { kid: 1 } }),
  presented('grant', 'KN-082, HC-56, R-076', 'a key of its own in jwk, jku and x5u', (world) => {
    const key = createKey('Ed25519', world.town.ps.keys.current.kid)
    return {
      key,
      header: {
        jwk: key.publicJwk,
        jku: 'https://evil.example/jwks.json',
        x5u: 'https://evil.example/x.pem',
      },
    }
  }),
  {
    ids: 'N-040, R-100',
    name: 'our own resource token, played back',
    request: async (world) => {
      const challenge = await world.send(await world.compose({ token: await world.person() }))
      return world.compose({ token: resourceToken(challenge) })
    },
    answer: signatureError('invalid_jwt'),
  },
])

overSockets('claims that every token has', {}, [
  ...(['iss', 'dwk', 'jti', 'iat', 'exp'] as const).flatMap((claim) =>
    everyKind(
      `${{ iss: 'N-053', dwk: 'N-063', jti: 'N-068, HC-44', iat: 'N-067', exp: 'N-066, KN-073, HC-42, K-082' }[claim]}, R-105, K-085, ${stamp}`,
      `no ${claim}`,
      { claims: { [claim]: undefined } },
    ),
  ),
  ...[
    'http://ps.example',
    'https://ps.example:443',
    'https://ps.example/',
    'https://ps.example/x',
    'https://PS.example',
    'https://b\u00fccher.example',
    'https://127.0.0.1',
    'https://[::1]',
    'https://0x7f.1',
    'https://2130706433',
    'https://a@ps.example',
    'https://ps.example?x',
    'https://ps.example#x',
    'https://ps.example.',
    'ps.example',
    'https://',
    'https://ps..example',
    'https://-ps.example',
  ].map((iss) =>
    presented(
      'grant',
      'N-053, N-054, N-055, N-056, KN-100, KN-101, KN-107, HC-46, R-023, R-097, R-104',
      `iss ${iss}`,
      { claims: { iss, ps: iss } },
    ),
  ),
  presented('grant', 'R-104', 'iss that is a number', { claims: { iss: 1 } }),
  presented('person', 'N-062, R-101', 'the document of an access server', {
    claims: { dwk: 'aauth-access.json' },
  }),
  presented('agent', 'N-062, R-101', 'the document of a person server', {
    claims: { dwk: 'aauth-person.json' },
  }),
  ...[
    '../x',
    'x?y',
    'a/b',
    '%2e%2e',
    'aauth-person.json/../x',
    'AAUTH-PERSON.JSON',
    '',
    'openid-configuration',
  ].map((dwk) => presented('grant', 'N-063, KN-106, HC-74, R-097, R-101', `dwk ${dwk}`, { claims: { dwk } })),
  ...everyKind(
    'N-064, HC-41, R-103, K-082',
    'exp now',
    (world) => ({ claims: { exp: world.now, iat: world.now - 100 } }),
    signatureError('expired_jwt'),
  ),
  presented(
    'grant',
    'N-065, N-101, KN-074, HC-41, HC-86, R-103',
    'exp a second ago',
    (world) => ({ claims: { exp: world.now - 1, iat: world.now - 100 } }),
    signatureError('expired_jwt'),
  ),
  presented(
    'grant',
    'HC-41, R-103',
    'exp thirty seconds ago',
    (world) => ({ claims: { exp: world.now - 30, iat: world.now - 100 } }),
    signatureError('expired_jwt'),
  ),
  presented(
    'grant',
    'R-075, R-103',
    'exp in a second',
    (world) => ({ claims: { exp: world.now + 1 } }),
    served,
  ),
  presented('grant', 'KN-073', 'exp as a String', (world) => ({ claims: { exp: String(world.now + 100) } })),
  presented('grant', 'R-105', 'iat as a String', (world) => ({ claims: { iat: String(world.now) } })),
  presented('grant', 'R-105', 'jti that is a number', { claims: { jti: 1 } }),
  presented('grant', 'R-105', 'an empty jti', { claims: { jti: '' } }),
  presented('person', 'N-069, HC-43, R-109', 'a lifetime of an hour and a second', (world) => ({
    claims: { exp: world.now + 3601 },
  })),
  presented('grant', 'N-070, HC-43, R-109, R-148', 'a lifetime of two hours', (world) => ({
    claims: { exp: world.now + 7200 },
  })),
  presented('grant', 'R-148, R-109', 'a lifetime of an hour and a second', (world) => ({
    claims: { exp: world.now + 3601 },
  })),
  presented(
    'grant',
    'R-148',
    'a lifetime of an hour',
    (world) => ({ claims: { exp: world.now + 3600 } }),
    served,
  ),
  presented('agent', 'R-110', 'a lifetime of a day and a second', (world) => ({
    claims: { exp: world.now + 86_401 },
  })),
  presented('grant', 'R-109', 'exp before iat', (world) => ({
    claims: { iat: world.now + 30, exp: world.now + 20 },
  })),
  presented(
    'grant',
    'N-071, KN-075, R-107, K-090',
    'iat 61 s ahead',
    (world) => ({ claims: { iat: world.now + 61 } }),
    signatureError('clock_skew'),
  ),
  presented(
    'grant',
    'R-106, R-107',
    'iat 60 s ahead, the edge',
    (world) => ({ claims: { iat: world.now + 60 } }),
    served,
  ),
  presented(
    'grant',
    'R-106',
    'iat in the past',
    (world) => ({ claims: { iat: world.now - 3000, exp: world.now + 100 } }),
    served,
  ),
  presented(
    'grant',
    'R-112, R-142, HC-54',
    'claims that nobody knows, and none of agent, act and mission',
    { claims: { foo: { bar: 1 }, agent: 1, act: [] } },
    served,
  ),
  presented(
    'agent',
    'R-112, R-121',
    'further claims of the provider',
    { claims: { attestation: { a: 1 } } },
    served,
  ),
])

function resourceToken(response: RawResponse): string {
  return /resource-token="([^"]+)"/.exec(response.headers.get('aauth-requirement')?.[0] ?? '')?.[1] as string
}
