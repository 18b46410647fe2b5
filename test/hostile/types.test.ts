import type { MintOverrides } from '@countersign/devkit'
import { type Case, overSockets, problem, served, signatureError } from './harness.js'

const badToken = signatureError('invalid_jwt')
/** An auth token that somebody without a say has issued: the way on begins at the person token (N-098, N-099). */
const notOurGrantor = signatureError('invalid_jwt', { requirement: 'requirement=person-token' })
type Claims = NonNullable<MintOverrides['claims']>

const token =
  (kind: 'agent' | 'person' | 'grant') =>
  (ids: string, name: string, claims: Claims, answer: Case['answer'] = badToken): Case => ({
    ids,
    name: `${kind} token: ${name}`,
    request: async (world) => {
      const target = { agent: '/agent', person: '/person', grant: '/data' }[kind]
      return world.compose({ target, token: await world[kind]({ claims }) })
    },
    answer,
    fetches: 0,
  })
const agent = token('agent')
const person = token('person')
const grant = token('grant')

/** Audiences that are lists, and not of us alone. */
const audiences: readonly (readonly [string, unknown])[] = [
  ['a list of one other', ['https://other.example']],
  ['a list of us and another', ['https://rs.example', 'https://other.example']],
  ['a list of another and us', ['https://other.example', 'https://rs.example']],
  ['a list of us twice', ['https://rs.example', 'https://rs.example']],
  ['a list of us and null', ['https://rs.example', null]],
  ['an empty list', []],
  ['a list within a list', [['https://rs.example']]],
  ['a list of a number', [1]],
  ['an object that looks like a list', { 0: 'https://rs.example', length: 1 }],
  ['a list of us with a slash', ['https://rs.example/']],
]

overSockets('agent tokens', {}, [
  agent('R-113, R-325', 'an honest one', {}, served),
  agent('N-083, R-114', 'no sub', { sub: undefined }),
  ...[
    'aauth:My Agent@ap.example',
    'aauth:@ap.example',
    `aauth:${'a'.repeat(256)}@ap.example`,
    'aauth:sam@https://ap.example',
    'aauth:sam@ap.example:443',
    'aauth:sam@AP.example',
    'sam@ap.example',
    'aauth:sam',
    'aauth:sam@ap.example@ap.example',
    'AAUTH:sam@ap.example',
    'aauth:s%61m@ap.example',
    'aauth:s\u00e4m@ap.example',
    '',
  ].map((sub) => agent('N-084, R-025, R-114', `sub ${sub.slice(0, 30)}`, { sub })),
  agent('R-025', 'a local part of 255 characters', { sub: `aauth:${'a'.repeat(255)}@ap.example` }, served),
  agent('R-026, R-025', 'upper case in the local part', { sub: 'aauth:Sam-7_x.Y@ap.example' }, served),
  agent('R-027', 'a plus sign in the local part and no parent', { sub: 'aauth:sam+sub@ap.example' }, served),
  ...[
    'aauth:sam@good.example',
    'aauth:sam@ap.example.evil.example',
    'aauth:sam@sub.ap.example',
    'aauth:sam@xap.example',
  ].map((sub) => agent('N-085, HC-52', `a domain that is not its provider’s: ${sub}`, { sub })),
  ...['https://ps.example/', 'http://ps.example', 'ps.example', 1, ''].map((ps) =>
    agent('N-086, R-115', `ps ${ps}`, { ps }),
  ),
  agent('R-115, R-117', 'no ps', { ps: undefined }, served),
  ...['sam', 'aauth:sam', 'https://ap.example', 1, ''].map((parent) =>
    agent('N-087, R-116, R-325', `parent_agent ${parent}`, { parent_agent: parent }),
  ),
  agent(
    'R-116, R-325',
    'a sub-agent',
    { sub: 'aauth:sam+x@ap.example', parent_agent: 'aauth:sam@ap.example' },
    served,
  ),
])

overSockets('person tokens', {}, [
  person('R-122, R-123, R-125, R-133', 'an honest one', {}, served),
  person('N-088, R-123', 'another resource’s', { aud: 'https://other.example' }),
  person('N-089, HC-46, R-024, R-123', 'aud with a slash', { aud: 'https://rs.example/' }),
  person('HC-46, R-024', 'aud in another case', { aud: 'https://RS.example' }),
  person('N-090b', 'aud as a list of one (control)', { aud: ['https://rs.example'] }, served),
  ...audiences.map(([name, aud]) => person('N-090, HC-45', `aud as ${name}`, { aud })),
  person('N-091, R-125', 'no aud', { aud: undefined }),
  person('N-091, R-125', 'no sub', { sub: undefined }),
  person('N-091', 'an empty sub', { sub: '' }),
  person('N-091', 'sub that is a number', { sub: 7 }),
  person('N-092, R-126', 'scope', { scope: 'data.read' }),
  person('N-092, R-126', 'account', { account: 'a' }),
  person('R-124', 'no confirmation key', { cnf: undefined }),
  person('R-125, R-338', 'mission and tenant', { mission_s256: 'a'.repeat(43), tenant: 'school' }, served),
])

overSockets('auth tokens', {}, [
  grant('R-136, R-137, R-138', 'an honest one', {}, served),
  grant('N-095, R-137', 'the document of an agent provider', { dwk: 'aauth-agent.json' }),
  grant('N-096, R-140', 'no sub', { sub: undefined }),
  grant('R-140', 'an empty sub', { sub: '' }),
  grant('N-097, R-141', 'no ps', { ps: undefined }),
  grant('N-097, HC-51, R-141', 'another ps than its issuer', { ps: 'https://other.example' }),
  grant('N-100, R-138', 'another resource’s', { aud: 'https://other.example' }),
  grant('N-089, R-138, R-024', 'aud with a slash', { aud: 'https://rs.example/' }),
  grant('N-090b', 'aud as a list of one (control)', { aud: ['https://rs.example'] }, served),
  ...audiences.map(([name, aud]) => grant('N-090, HC-45', `aud as ${name}`, { aud })),
  grant('R-139', 'no confirmation key', { cnf: undefined }),
  grant(
    'N-098, HC-53, R-137',
    'an access server that nobody here knows',
    { iss: 'https://as.example', dwk: 'aauth-access.json' },
    notOurGrantor,
  ),
  grant(
    'N-098, HC-53',
    'the person server under the document of an access server',
    { dwk: 'aauth-access.json' },
    notOurGrantor,
  ),
  grant('R-145', 'scope as a list', { scope: ['data.read'] }),
  grant('R-145', 'account that is a number', { account: 1 }),
])

overSockets(
  'auth tokens where an access server decides',
  { options: { accessServer: 'https://as.example' }, fresh: true, prepare: async () => {} },
  [
    grant('N-099, HC-53, R-163', 'the person server’s own', {}, notOurGrantor),
    grant(
      'N-098, HC-53',
      'another access server’s',
      { iss: 'https://other.example', dwk: 'aauth-access.json' },
      notOurGrantor,
    ),
    grant(
      'N-099',
      'the access server under the document of a person server',
      { iss: 'https://as.example' },
      notOurGrantor,
    ),
    {
      ids: 'R-137, R-143, R-163',
      name: 'the access server’s own',
      request: async (world) => {
        const as = await world.town.openAccessServer('https://as.example')
        const claims = { iss: as.id, dwk: 'aauth-access.json' }
        return world.compose({ token: await world.grant({ claims, key: as.keys.current }) })
      },
      answer: served,
    },
    {
      ids: 'R-143',
      name: 'the access server’s own where it is the person server as well',
      request: async (world) => {
        const keys = (await world.town.openAccessServer('https://as.example')).keys
        const claims = { iss: 'https://as.example', ps: 'https://as.example', dwk: 'aauth-access.json' }
        return world.compose({ token: await world.grant({ claims, key: keys.current }) })
      },
      answer: served,
    },
  ],
)

overSockets(
  'issuers that the operator refuses',
  {
    options: {
      issuers: {
        deny: ['https://ps.example'],
        allow: ['https://ap.example', 'https://tools.example', 'https://ps.example'],
      },
    },
  },
  [
    {
      ids: 'N-094, R-067, R-098, R-167, K-125, KN-140, HC-50, HC-91, HC-123',
      name: 'a person token of a person server that is denied',
      request: async (world) => world.compose({ target: '/person', token: await world.person() }),
      answer: problem(403, 'access_denied'),
      fetches: 0,
    },
    {
      ids: 'HC-50, HC-81, R-098',
      name: 'an agent provider whose name only begins like one that is allowed',
      request: async (world) => {
        const claims = {
          iss: 'https://tools.example.evil.example',
          sub: 'aauth:sam@tools.example.evil.example',
        }
        return world.compose({ target: '/agent', token: await world.agent({ claims }) })
      },
      answer: problem(403, 'access_denied'),
      fetches: 0,
    },
    {
      ids: 'R-098',
      name: 'an agent provider that is allowed',
      request: async (world) => world.compose({ target: '/agent', token: await world.agent() }),
      answer: served,
    },
  ],
)
