import { type Answer, overSockets, signatureError, type World } from './harness.js'
import { revoke, soon } from './revoking.js'

// The scheme by which servers sign in their own right. Here it is the revocation endpoint that takes it.
const done: Answer = { status: 200, ran: 0 }
const json = (document: object) => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(document),
})

/** A revocation by a person server nobody has heard of, whose documents are these. */
const stranger =
  (metadata: (id: string) => object, keys?: (own: readonly object[]) => readonly unknown[]) =>
  async (world: World) => {
    const { server } = await world.town.openPersonServer('https://two.example')
    server.intercept(({ path }) => {
      if (path.startsWith('/.well-known/')) return json(metadata(server.id))
      return path === '/jwks.json' && keys !== undefined
        ? json({ keys: keys(server.keys.jwks().keys) })
        : undefined
    })
    return revoke(world, soon(world, 'jti'), { server })
  }
const honest = (id: string): object => ({ issuer: id, jwks_uri: `${id}/jwks.json` })

overSockets('a server in its own right', { fresh: true, prepare: async () => {} }, [
  {
    ids: 'R-056, K-060, K-063, K-039',
    name: 'is found by id, dwk and kid: one document, one key set',
    request: stranger(honest),
    answer: done,
    fetches: 2,
  },
  {
    ids: 'K-061, KN-083',
    name: 'whose document has no issuer',
    request: stranger((id) => ({ jwks_uri: `${id}/jwks.json` })),
    answer: signatureError('issuer_missing'),
    fetches: 1,
  },
  {
    ids: 'K-061',
    name: 'whose document has no jwks_uri',
    request: stranger((id) => ({ issuer: id })),
    answer: signatureError('unknown_key'),
    fetches: 1,
  },
  {
    ids: 'K-062, KN-084',
    name: 'whose document names it with a slash',
    request: stranger((id) => ({ issuer: `${id}/`, jwks_uri: `${id}/jwks.json` })),
    answer: signatureError('issuer_mismatch'),
    fetches: 1,
  },
  {
    ids: 'K-063, KN-085',
    name: 'whose key is not there',
    request: stranger(honest, () => []),
    answer: signatureError('unknown_key'),
    fetches: 2,
  },
  ...(
    [
      ['alg EdDSA', { alg: 'EdDSA' }, 'unsupported_algorithm'],
      ['no alg', { alg: undefined }, 'unsupported_algorithm'],
      ['another kty', { kty: 'XYZ' }, 'unsupported_algorithm'],
      ['another crv', { crv: 'X25519' }, 'invalid_key'],
      ['a weak point', { x: Buffer.alloc(32).toString('base64url') }, 'invalid_key'],
      ['a private member', { d: 'AAAA' }, 'invalid_key'],
    ] as const
  ).map(([name, change, code]) => ({
    ids: 'K-065, KN-030, KN-088, K-022, K-039',
    name: `whose key has ${name}`,
    request: stranger(honest, (own) => own.map((key) => ({ ...key, ...change }))),
    answer: signatureError(code),
    fetches: 2,
  })),
  {
    ids: 'K-065, KN-087, K-033, K-034',
    name: 'whose key stands after strange ones',
    request: stranger(honest, (own) => [{ kty: 'AKP', kid: 'a' }, null, { kid: 7 }, ...own]),
    answer: done,
    fetches: 2,
  },
])

overSockets('a server whose keys have changed', { fresh: true }, [
  {
    ids: 'K-064, K-144',
    name: 'a new kid: one refresh, a minute after the last',
    request: async (world) => {
      world.town.ps.keys.rotate()
      world.advance(61)
      return revoke(world, soon(world, 'jti'))
    },
    answer: done,
    fetches: 2,
  },
  {
    ids: 'K-064, KN-086',
    name: 'a new kid within the minute: no refresh yet',
    request: async (world) => {
      world.town.ps.keys.rotate()
      return revoke(world, soon(world, 'jti'))
    },
    answer: signatureError('unknown_key'),
    fetches: 0,
  },
])

overSockets(
  'a server that the operator does not admit',
  { options: { issuers: { allow: ['https://ap.example'] } } },
  [
    {
      ids: 'K-066, R-098, K-060',
      name: 'by its id, before any fetch',
      request: (world) => revoke(world, soon(world, 'jti')),
      answer: { status: 403, error: 'unsupported_iss', ran: 0 },
      fetches: 0,
    },
  ],
)
