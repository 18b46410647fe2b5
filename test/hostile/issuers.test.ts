import { type AgentProvider, createKey } from '@countersign/devkit'
import {
  type Answer,
  type Case,
  overSockets,
  problem,
  served,
  signatureError,
  type World,
} from './harness.js'

type Intercept = NonNullable<Parameters<AgentProvider['server']['intercept']>[0]>
type Reply = Exclude<Awaited<ReturnType<Intercept>>, undefined>

let strangers = 0
/** An agent token of a provider that nobody here has heard of, whose server answers like this. */
const stranger = async (
  world: World,
  reply: (path: string, provider: AgentProvider) => Reply | undefined,
): Promise<string> => {
  const provider = await world.town.openAgentProvider(`https://stranger-${++strangers}.example`)
  provider.server.intercept(({ path }) => reply(path, provider))
  return provider.mintAgentToken({ name: 'sam', cnf: world.key.cnf })
}
const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(value),
})
const documentPath = '/.well-known/aauth-agent.json'
const keysPath = '/jwks.json'

const metadata = (
  ids: string,
  name: string,
  reply: (id: string, keys: readonly object[]) => Reply,
  answer: Answer,
): Case => ({
  ids,
  name,
  request: async (world) => {
    const token = await stranger(world, (path, { id, keys }) =>
      path === documentPath ? reply(id, keys.jwks().keys) : undefined,
    )
    return world.compose({ target: '/agent', token })
  },
  answer,
  fetches: 1,
})
const keys = (ids: string, name: string, reply: (own: readonly object[]) => Reply, answer: Answer): Case => ({
  ids,
  name,
  request: async (world) => {
    const token = await stranger(world, (path, { keys }) =>
      path === keysPath ? reply(keys.jwks().keys) : undefined,
    )
    return world.compose({ target: '/agent', token })
  },
  answer,
  fetches: 2,
})
const unknown = signatureError('unknown_key')
const badToken = signatureError('invalid_jwt')
const unavailable = problem(503, 'issuer_unavailable', { retryAfter: true })

overSockets('issuers’ documents', {}, [
  metadata(
    'N-050, KN-083, HC-70, R-077',
    'no issuer',
    (id) => json({ jwks_uri: `${id}${keysPath}` }),
    signatureError('issuer_missing'),
  ),
  metadata(
    'N-051, KN-084, HC-70, R-077',
    'an issuer with a slash',
    (id) => json({ issuer: `${id}/`, jwks_uri: `${id}${keysPath}` }),
    signatureError('issuer_mismatch'),
  ),
  metadata(
    'N-051, HC-70, R-077',
    'another issuer',
    (id) => json({ issuer: 'https://other.example', jwks_uri: `${id}${keysPath}` }),
    signatureError('issuer_mismatch'),
  ),
  metadata('N-052, R-078', 'no jwks_uri', (id) => json({ issuer: id }), unknown),
  metadata(
    'N-052, HC-70, R-076',
    'keys in the document itself',
    (id, keys) => json({ issuer: id, jwks: { keys }, keys }),
    unknown,
  ),
  metadata(
    'R-020, R-076',
    'keys behind a link',
    (id) => ({
      ...json({ issuer: id }),
      headers: { 'Content-Type': 'application/json', Link: `<${id}${keysPath}>; rel="jwks_uri"` },
    }),
    unknown,
  ),
  metadata('N-052', 'not found', () => json({}, 404), unknown),
  metadata(
    'N-052',
    'no JSON',
    () => ({ status: 200, headers: { 'Content-Type': 'application/json' }, body: '<html>' }),
    unknown,
  ),
  metadata('N-052b, HC-76', 'a server that fails', () => json({}, 500), unavailable),
  metadata(
    'N-058, KN-105, HC-71, R-096, K-140f',
    'a jwks_uri on another host',
    (id) => json({ issuer: id, jwks_uri: 'https://keys.example/jwks.json' }),
    unknown,
  ),
  metadata(
    'N-059, HC-72, R-091, K-140a',
    'a jwks_uri without TLS',
    (id) => json({ issuer: id, jwks_uri: `${id.replace('https', 'http')}${keysPath}` }),
    unknown,
  ),
  metadata(
    'N-060, KN-103, HC-72, R-093, K-140c',
    'a redirect',
    () => ({
      status: 302,
      headers: { Location: 'https://ps.example/.well-known/aauth-person.json' },
      body: '',
    }),
    unknown,
  ),
  keys(
    'N-052, KN-109',
    'a key set that is no JSON',
    () => ({ status: 200, headers: { 'Content-Type': 'application/json' }, body: '[' }),
    unknown,
  ),
  keys('KN-109', 'keys that are no list', () => json({ keys: {} }), unknown),
  keys('HC-80, N-049', 'no keys at all', () => json({ keys: [] }), unknown),
  keys(
    'N-061, KN-104, R-092, K-140b',
    'a key set beyond the limit',
    (own) => json({ keys: own, pad: 'x'.repeat(300_000) }),
    unknown,
  ),
  keys(
    'KN-109, R-087',
    'ten thousand keys',
    (own) =>
      json({
        keys: Array.from({ length: 10_000 }, (_, i) => ({ kid: `k${i}` })).concat(own as { kid: string }[]),
      }),
    unknown,
  ),
  keys(
    'N-060, R-093',
    'a key set that is a redirect',
    () => ({ status: 307, headers: { Location: '/other.json' }, body: '' }),
    unknown,
  ),
  keys(
    'N-045, KN-088, HC-47, K-020, K-022, K-039',
    'a key without alg',
    (own) => json({ keys: own.map((key) => ({ ...key, alg: undefined })) }),
    badToken,
  ),
  keys(
    'N-045, K-026',
    'a key with alg EdDSA',
    (own) => json({ keys: own.map((key) => ({ ...key, alg: 'EdDSA' })) }),
    badToken,
  ),
  keys(
    'N-045, R-036',
    'a key whose crv contradicts its alg',
    (own) => json({ keys: own.map((key) => ({ ...key, crv: 'X25519' })) }),
    badToken,
  ),
  keys(
    'N-045, HC-58',
    'a small-order key',
    (own) => json({ keys: own.map((key) => ({ ...key, x: Buffer.alloc(32).toString('base64url') })) }),
    badToken,
  ),
  keys(
    'KN-087, HC-79, R-079, K-033, K-034',
    'the key as the twelfth, after strange ones',
    (own) =>
      json({
        keys: [
          { kty: 'AKP', alg: 'ML-DSA-44', kid: 'a', pub: 'AAAA' },
          { kty: 'XYZ' },
          7,
          null,
          { kid: 'b', alg: ['x'] },
          ...Array.from({ length: 6 }, () => createKey().publicJwk),
          ...own,
        ],
      }),
    served,
  ),
  {
    ids: 'N-052b, HC-76, HC-72',
    name: 'an issuer that nobody can reach',
    request: async (world) => {
      const token = await stranger(world, () => undefined)
      world.town.route(`stranger-${strangers}.example`, undefined)
      return world.compose({ target: '/agent', token })
    },
    answer: unavailable,
  },
  {
    ids: 'N-093, R-076, R-088, R-122',
    name: 'a person token of an origin that is only an agent provider',
    request: async (world) =>
      world.compose({
        target: '/person',
        token: await world.person({ claims: { iss: 'https://ap.example' }, key: world.town.ap.keys.current }),
      }),
    answer: unknown,
  },
])

overSockets('where unreachable issuers are refused', { options: { issuers: { unavailable: 'refuse' } } }, [
  metadata('N-052b', 'a server that fails', () => json({}, 500), unknown),
])

/** A minute later: the floor allows one more fetch. */
const later = async (world: World, token: string): Promise<ReturnType<World['compose']>> => {
  world.advance(61)
  return world.compose({ token })
}
const kid = async (world: World): Promise<string> => world.grant({ header: { kid: 'made-up' } })

overSockets('keys that change', { fresh: true }, [
  {
    ids: 'N-049, KN-085, R-082, R-102, K-084',
    name: 'a kid that is not there after a refresh either',
    request: async (world) => {
      world.advance(61)
      return world.compose({ token: await kid(world) })
    },
    answer: unknown,
    fetches: 2,
  },
  {
    ids: 'N-049, KN-086, HC-64, R-083, K-143',
    name: 'made-up kids within a minute',
    request: async (world) => {
      world.advance(61)
      for (let i = 0; i < 5; i++) await world.send(await world.compose({ token: await kid(world) }))
      return world.compose({ token: await kid(world) })
    },
    answer: unknown,
    fetches: 0,
    check: (_response, world) => {
      const asked = world.fetched.filter((url) => url.startsWith('https://ps.example/'))
      if (asked.length !== 4) throw new Error(`the issuer was asked ${asked.length / 2} times`)
    },
  },
  {
    ids: 'HC-65, R-082',
    name: 'a new key under a new kid',
    request: async (world) => {
      world.town.ps.keys.rotate()
      return later(world, await world.grant({ claims: { iat: world.now } }))
    },
    answer: served,
    fetches: 2,
  },
  {
    ids: 'KN-090, HC-66, HC-120, R-086, K-144',
    name: 'a new key under the old kid',
    request: async (world) => {
      world.town.ps.keys.rotate({ sameKid: true })
      return later(world, await world.grant())
    },
    answer: served,
    fetches: 2,
  },
  {
    ids: 'N-047, R-086, K-144',
    name: 'an altered token: one refresh, no more',
    request: async (world) => later(world, await world.grant({ signature: () => new Uint8Array(64) })),
    answer: badToken,
    fetches: 2,
  },
  {
    ids: 'R-086, K-144',
    name: 'a key that has gone from the set',
    request: async (world) => {
      const old = world.town.ps.keys.current
      world.town.ps.keys.rotate({ overlap: false })
      return later(world, await world.grant({ key: createKey('Ed25519', old.kid) }))
    },
    answer: unknown,
    fetches: 2,
  },
])

const nothingKnown = { fresh: true, prepare: async () => {} }

overSockets('what costs no fetch', nothingKnown, [
  ...[
    ['no Signature at all', undefined],
    ['a Signature that cannot be one', 'sig=:AAAA:'],
    ['a Signature of somebody else', `sig=:${Buffer.alloc(64, 5).toString('base64')}:`],
  ].map(
    ([name, value]): Case => ({
      ids: 'KN-110, HC-75, HC-119, R-058, R-090, K-140',
      name: name as string,
      request: async (world) => {
        const request = await world.compose()
        const headers = request.headers.flatMap(([field, old]) => {
          if (field !== 'Signature') return [[field, old] as const]
          return value === undefined ? [] : [[field, value] as const]
        })
        return { ...request, headers }
      },
      answer: signatureError('invalid_signature'),
      fetches: 0,
    }),
  ),
  {
    ids: 'R-058, KN-110',
    name: 'a confirmation key that is none',
    request: async (world) =>
      world.compose({
        token: await world.grant({
          claims: { cnf: { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', alg: 'Ed25519' } } },
        }),
      }),
    answer: signatureError('invalid_key'),
    fetches: 0,
  },
  {
    ids: 'R-076, R-080, K-084',
    name: 'the first token of an issuer: one document, one key set',
    request: (world) => world.compose(),
    answer: served,
    fetches: 2,
  },
  {
    ids: 'R-080, HC-78, R-089',
    name: 'the second token of an issuer',
    request: async (world) => {
      await world.send(await world.compose())
      return world.compose()
    },
    answer: served,
    fetches: 0,
  },
  {
    ids: 'R-088',
    name: 'another document of the same origin',
    request: async (world) => {
      await world.send(await world.compose({ target: '/agent', token: await world.agent() }))
      const token = await world.person({
        claims: { iss: 'https://ap.example' },
        key: world.town.ap.keys.current,
      })
      return world.compose({ target: '/person', token })
    },
    answer: unknown,
    fetches: 1,
  },
])
