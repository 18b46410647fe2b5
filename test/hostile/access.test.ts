import { expect } from 'vitest'
import {
  type Answer,
  alter,
  asks,
  asksGrant,
  asksUnsigned,
  type Case,
  overSockets,
  problem,
  type RawRequest,
  served,
  signatureError,
  type World,
  without,
} from './harness.js'

interface Bringing {
  readonly target: string
  readonly method?: string
  readonly token?: (world: World) => Promise<string>
}

/** A case that brings a token to a route. */
const brings = (
  ids: string,
  name: string,
  { target, method = 'GET', token }: Bringing,
  answer: Case['answer'],
): Case => ({
  ids,
  name,
  request: async (world) =>
    world.compose({ target, method, ...(token === undefined ? {} : { token: await token(world) }) }),
  answer,
})

const agent = (world: World): Promise<string> => world.agent()
const person = (world: World): Promise<string> => world.person()
const granted =
  (claims: object) =>
  (world: World): Promise<string> =>
    world.grant({ claims: { jti: 'grant-1', ...claims } })
const forbidden: Answer = problem(403, 'access_denied')

overSockets('the wrong token for the route', {}, [
  brings(
    'N-105, HC-62',
    'an agent token where a person is needed',
    { target: '/person', token: agent },
    asks('person-token'),
  ),
  brings(
    'N-106, HC-62',
    'an agent token where a grant is needed',
    { target: '/data', token: agent },
    asks('person-token'),
  ),
  brings(
    'N-107, HC-61, R-133',
    'a person token where a grant is needed',
    { target: '/data', token: person },
    asksGrant({ scope: 'data.read' }),
  ),
  brings(
    'N-108, R-169',
    'a person token where an agent is needed',
    { target: '/agent', token: person },
    asks('agent-token'),
  ),
  brings('N-108, R-169', 'an auth token where an agent is needed', { target: '/agent' }, asks('agent-token')),
  brings(
    'N-111, HC-63, HC-89',
    'a grant without the scope',
    { target: '/data', method: 'POST', token: granted({}) },
    asksGrant({ scope: 'data.read data.write', presented_jti: 'grant-1' }),
  ),
  brings(
    'N-112, HC-54',
    'a grant without any scope',
    { target: '/data', token: granted({ scope: undefined }) },
    asksGrant({ scope: 'data.read', presented_jti: 'grant-1' }),
  ),
  brings(
    'HC-54, G-05',
    'a grant without any scope where none is needed (control)',
    { target: '/person', token: granted({ scope: undefined }) },
    served,
  ),
])

overSockets('accounts and the shop’s own rules', {}, [
  brings(
    'R-292, R-293',
    'a grant for this account (control)',
    { target: '/accounts/blue', token: granted({ account: 'blue' }) },
    served,
  ),
  brings(
    'N-113, HC-91, R-293',
    'a grant for another account',
    { target: '/accounts/red', token: granted({ account: 'blue' }) },
    asksGrant({ scope: 'data.read', account: 'red', presented_jti: 'grant-1' }),
  ),
  brings(
    'N-113, R-293',
    'a grant for no account',
    { target: '/accounts/red', token: granted({}) },
    asksGrant({ scope: 'data.read', account: 'red', presented_jti: 'grant-1' }),
  ),
  brings(
    'N-113',
    'a grant for another account and without the scope',
    { target: '/accounts/red', token: granted({ account: 'blue', scope: 'data.write' }) },
    asksGrant({ scope: 'data.write data.read', account: 'red' }),
  ),
  brings(
    'N-113',
    'a grant for an account that is not held, on the way to one that is',
    { target: '/accounts/red', token: granted({ account: 'not-red' }) },
    asksGrant({ account: 'red' }),
  ),
  ...[{ account: 'blue' }, {}].map((claims) =>
    brings(
      'N-113',
      `a grant for ${claims.account ?? 'no account'}, on the way to one that is not held`,
      { target: '/accounts/not-red', token: granted(claims) },
      forbidden,
    ),
  ),
  brings(
    'N-113',
    'a grant for an account that the person does not hold',
    { target: '/accounts/not-blue', token: granted({ account: 'not-blue' }) },
    forbidden,
  ),
  brings(
    'N-113',
    'another spelling of the account',
    { target: '/accounts/BLUE', token: granted({ account: 'blue' }) },
    asksGrant({ account: 'BLUE' }),
  ),
  brings(
    'R-198, R-292',
    'a person token, for an account the person holds',
    { target: '/accounts/blue', token: person },
    asksGrant({ account: 'blue' }),
  ),
  brings(
    'R-198',
    'a person token, for an account the person does not hold',
    { target: '/accounts/not-blue', token: person },
    forbidden,
  ),
  brings(
    'R-198, R-292',
    'an account behind percent signs, as the framework decodes it',
    { target: '/accounts/bl%75e', token: granted({ account: 'blue' }) },
    served,
  ),
  brings(
    'N-114, HC-91, R-167',
    'a grant that the shop’s own rule refuses',
    { target: '/shop/tobacco', token: granted({ tenant: 'school' }) },
    problem(403, 'not_for_schools'),
  ),
  brings(
    'N-114',
    'a grant that the rule lets through (control)',
    { target: '/shop/tobacco', token: granted({ tenant: 'acme' }) },
    served,
  ),
])

/** What other profiles of HTTP signatures send; none of them has a `Signature-Key`. */
const foreign: readonly (readonly [string, RawRequest['headers']])[] = [
  [
    'Web Bot Auth',
    [
      ['Signature-Agent', '"https://bot.example"'],
      [
        'Signature-Input',
        'sig1=("@authority" "signature-agent");created=1735689600;keyid="poqkLGiymh_W0uP6PZFw";tag="web-bot-auth"',
      ],
      ['Signature', `sig1=:${Buffer.alloc(64, 7).toString('base64')}:`],
    ],
  ],
  ['draft-cavage', [['Signature', 'keyId="bot",algorithm="rsa-sha256",signature="aGVsbG8="']]],
  ['Signature-Input alone', [['Signature-Input', 'sig=()']]],
  [
    'rubbish in both fields',
    [
      ['Signature', '\u00ff"\\'],
      ['Signature-Input', '(((('],
    ],
  ],
  [
    'both fields twice',
    ['Signature', 'Signature-Input'].flatMap(
      (name) =>
        [
          [name, 'a=1'],
          [name, 'a=2'],
        ] as const,
    ),
  ],
  ['a field longer than any of ours', [['Signature', 'a'.repeat(12_000)]]],
]

overSockets('signed by another profile where we need a caller', {}, [
  ...(
    [
      ['/agent', 'agent-token'],
      ['/person', 'person-token'],
      ['/data', 'person-token'],
      ['/session', 'agent-token'],
      ['/accounts/blue', 'person-token'],
    ] as const
  ).flatMap(([target, requirement]) =>
    foreign.map(
      ([name, headers]): Case => ({
        ids: 'N-003, KN-003, HC-87, R-043, G-70',
        name: `${target}: ${name}`,
        request: () => ({ method: 'GET', target, headers: [['Host', 'rs.example'], ...headers] }),
        answer: signatureError('invalid_signature', { requirement: `requirement=${requirement}` }),
        fetches: 0,
      }),
    ),
  ),
  {
    ids: 'N-003, G-70',
    name: 'the authorization endpoint',
    request: () => ({
      method: 'POST',
      target: '/aauth/authorize',
      headers: [
        ['Host', 'rs.example'],
        ['Content-Type', 'application/json'],
        ['Content-Length', '2'],
        ...(foreign[0]?.[1] ?? []),
      ],
      body: '{}',
    }),
    answer: signatureError('invalid_signature', { requirement: 'requirement=person-token' }),
  },
  {
    ids: 'G-70',
    name: 'with a signature of ours beside it (control)',
    request: (world) =>
      world.compose({ headers: [['Signature-Agent', '"https://bot.example"']], target: '/data' }),
    answer: served,
  },
  {
    ids: 'G-70',
    name: 'a route that is only observed',
    request: () => ({
      method: 'GET',
      target: '/observed',
      headers: [['Host', 'rs.example'], ...(foreign[0]?.[1] ?? [])],
    }),
    answer: served,
    check: ({ body }) => expect(JSON.parse(body)).toMatchObject({ observed: 'invalid_signature' }),
  },
])

overSockets('a route that is open', {}, [
  {
    ids: 'HC-28',
    name: 'nobody (control)',
    request: () => ({ method: 'GET', target: '/open', headers: [['Host', 'rs.example']] }),
    answer: served,
  },
  ...[agent, person, granted({})].map((token, index) =>
    brings('HC-28', `a caller of kind ${index + 1} (control)`, { target: '/open', token }, served),
  ),
  ...['signature', 'signature-input'].map(
    (field): Case => ({
      ids: 'HC-28, N-001',
      name: `no ${field}: half a signature is not none`,
      request: async (world) => without(await world.compose({ target: '/open' }), field),
      answer: signatureError('invalid_signature'),
    }),
  ),
  {
    ids: 'N-003, G-70',
    name: 'no signature-key: signed for somebody else',
    request: async (world) => without(await world.compose({ target: '/open' }), 'signature-key'),
    answer: served,
  },
  ...foreign.map(
    ([name, headers]): Case => ({
      ids: 'G-70',
      name: `signed by another profile: ${name}`,
      request: () => ({ method: 'GET', target: '/open', headers: [['Host', 'rs.example'], ...headers] }),
      answer: served,
      fetches: 0,
      check: ({ body }) => expect(JSON.parse(body)).toEqual({ kind: 'anonymous' }),
    }),
  ),
  {
    ids: 'HC-28, G-70',
    name: 'a Signature-Key alone is a signature of ours cut short',
    request: async (world) => {
      const [signature, input] = ['signature', 'signature-input']
      return without(without(await world.compose({ target: '/open' }), signature), input)
    },
    answer: signatureError('invalid_signature'),
  },
  {
    ids: 'HC-28, G-70',
    name: 'an empty Signature-Key is one',
    request: async (world) => alter(await world.compose({ target: '/open' }), 'signature-key', () => ''),
    answer: signatureError('invalid_signature'),
  },
  {
    ids: 'HC-28',
    name: 'a signature over another path',
    request: async (world) => ({ ...(await world.compose({ target: '/data' })), target: '/open' }),
    answer: signatureError('invalid_signature'),
  },
  {
    ids: 'HC-28',
    name: 'a token that has expired',
    request: async (world) =>
      world.compose({
        target: '/open',
        token: await world.agent({ claims: { iat: world.now - 100, exp: world.now - 1 } }),
      }),
    answer: signatureError('expired_jwt'),
  },
])

overSockets('a route that is only observed', {}, [
  {
    ids: 'HC-62',
    name: 'nobody',
    request: () => ({ method: 'GET', target: '/observed', headers: [['Host', 'rs.example']] }),
    answer: served,
  },
  brings('HC-62', 'an agent token', { target: '/observed', token: agent }, served),
  brings(
    'N-107',
    'a person token: no resource token is minted',
    { target: '/observed', token: person },
    served,
  ),
  {
    ids: 'HC-28',
    name: 'a signature over another path',
    request: async (world) => ({ ...(await world.compose({ target: '/data' })), target: '/observed' }),
    answer: served,
  },
])

overSockets('a route that is open, asked by strangers', {}, [
  {
    ids: 'N-004',
    name: 'nobody, where the same route is not open (control)',
    request: () => ({ method: 'GET', target: '/shop/tobacco', headers: [['Host', 'rs.example']] }),
    answer: asksUnsigned('person-token'),
  },
])
