import { createKey } from '@countersign/devkit'
import {
  type Answer,
  asksGrant,
  type Case,
  invalidInput,
  overSockets,
  problem,
  served,
  signatureError,
  type World,
} from './harness.js'
import { covered, type Revoking, revoke, soon } from './revoking.js'

const json = (document: object) => ({
  status: 200,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(document),
})
const recorded: Answer = { status: 200, ran: 0 }
const invalid = problem(400, 'invalid_request')
const unaccepted = problem(403, 'unsupported_iss')
const onlyServers = { acceptScheme: 'jwks_uri' }

const signed = (
  ids: string,
  name: string,
  revoking: Revoking,
  answer: Answer,
  more: Partial<Case> = {},
): Case => ({ ids, name, request: (world) => revoke(world, soon(world, 'jti'), revoking), answer, ...more })

overSockets('who may revoke', {}, [
  {
    ids: 'R-012, R-257',
    name: 'control: the metadata says where',
    request: () => ({
      method: 'GET',
      target: '/.well-known/aauth-resource.json',
      headers: [['Host', 'rs.example']],
    }),
    answer: { status: 200, ran: 0 },
  },
  signed('R-258, R-263, R-264, R-265, R-270, N-174', 'a person server, of a token never seen', {}, recorded),
  {
    ids: 'N-159, R-258',
    name: 'nobody: not signed',
    request: (world) => ({
      method: 'POST',
      target: '/aauth/revoke',
      headers: [
        ['Host', 'rs.example'],
        ['Content-Type', 'application/json'],
        ['Content-Length', '2'],
      ],
      body: JSON.stringify(soon(world, 'jti')).slice(0, 2),
    }),
    answer: signatureError('invalid_signature', onlyServers),
    fetches: 0,
  },
  {
    ids: 'N-160, R-258',
    name: 'an agent, with its token',
    request: async (world) =>
      revoke(world, soon(world, 'jti'), { signatureKey: `jwt;jwt="${await world.agent()}"`, key: world.key }),
    answer: signatureError('unsupported_scheme', onlyServers),
    fetches: 0,
  },
  signed(
    'N-161, HC-108, R-046',
    'content-digest is not covered',
    { components: covered.filter((name) => name !== '"content-digest"') },
    invalidInput('content-type', 'content-digest'),
    { fetches: 0 },
  ),
  signed(
    'N-162, HC-108, R-046',
    'content-type is not covered',
    { components: covered.filter((name) => name !== '"content-type"') },
    invalidInput('content-type', 'content-digest'),
    { fetches: 0 },
  ),
  {
    ids: 'N-161',
    name: 'there is no content, so none is covered',
    request: (world) => {
      const { id, keys } = world.town.ps.server
      const signatureKey = `jwks_uri;id="${id}";dwk="aauth-person.json";kid="${keys.current.kid}"`
      return world.compose({ method: 'POST', target: '/aauth/revoke', signatureKey, key: keys.current })
    },
    answer: invalidInput('content-type', 'content-digest'),
    fetches: 0,
  },
  {
    ids: 'N-163, N-033, R-258',
    name: 'the content is not what was signed',
    request: async (world) => {
      const request = await revoke(world, soon(world, 'jti-1'))
      return { ...request, body: JSON.stringify(soon(world, 'jti-2')) }
    },
    answer: signatureError('invalid_signature'),
    fetches: 0,
  },
  signed('N-168', 'an agent provider', { dwk: 'aauth-agent.json' }, unaccepted, { fetches: 0 }),
  signed('R-270', 'a resource', { dwk: 'aauth-resource.json' }, unaccepted, { fetches: 0 }),
  signed('R-270', 'an access server that is not ours', { dwk: 'aauth-access.json' }, unaccepted, {
    fetches: 0,
  }),
  ...['https://ps.example:8443', 'https://ps.example/', 'https://127.0.0.1', 'http://ps.example', ''].map(
    (id) =>
      signed('N-167', `an id that is none: ${id}`, { id }, signatureError('invalid_key'), { fetches: 0 }),
  ),
  ...[
    'jwks_uri;id="https://ps.example";dwk="aauth-person.json"',
    'jwks_uri;dwk="aauth-person.json";kid="ps-1"',
  ].map((signatureKey) =>
    signed('N-167', `not said: ${signatureKey}`, { signatureKey }, signatureError('invalid_key'), {
      fetches: 0,
    }),
  ),
  signed('N-167', 'a dwk that is none', { dwk: '../secret.json' }, signatureError('invalid_key'), {
    fetches: 0,
  }),
  signed(
    'R-258',
    'somebody else’s key under the kid',
    { key: createKey('Ed25519') },
    signatureError('invalid_signature'),
  ),
])

overSockets('whose keys are found', { fresh: true, prepare: async () => {} }, [
  signed('N-164, R-258', 'a kid that is not there', { kid: 'ps-9' }, signatureError('unknown_key')),
  {
    ids: 'N-165',
    name: 'metadata of another issuer',
    request: async (world) => {
      const { server } = await world.town.openPersonServer('https://two.example')
      server.intercept(({ path }) =>
        path.startsWith('/.well-known/')
          ? json({ issuer: 'https://ps.example', jwks_uri: 'https://two.example/jwks.json' })
          : undefined,
      )
      return revoke(world, soon(world, 'jti'), { server })
    },
    answer: signatureError('issuer_mismatch'),
  },
  {
    ids: 'N-166',
    name: 'a key without alg',
    request: async (world) => {
      const { server } = world.town.ps
      const { alg: _, ...jwk } = server.keys.current.publicJwk
      server.intercept(({ path }) => (path === '/jwks.json' ? json({ keys: [jwk] }) : undefined))
      return revoke(world, soon(world, 'jti'))
    },
    answer: signatureError('unsupported_algorithm'),
  },
  {
    ids: 'G-11',
    name: 'an issuer that is down',
    request: async (world) => {
      world.town.ps.server.intercept(() => ({ status: 503, headers: {}, body: '' }))
      return revoke(world, soon(world, 'jti'))
    },
    answer: problem(503, 'issuer_unavailable', { retryAfter: true }),
  },
])

overSockets('whom the operator does not admit', { options: { issuers: { deny: ['https://ps.example'] } } }, [
  signed('N-169, R-268', 'an issuer on the deny-list', {}, unaccepted, { fetches: 0 }),
])

const says = (ids: string, name: string, content: unknown, answer: Answer, revoking?: Revoking): Case => ({
  ids,
  name,
  request: (world) => revoke(world, typeof content === 'function' ? content(world) : content, revoking),
  answer,
})

const withoutExp = { options: { compat: { revocationWithoutExp: true } } }

overSockets('a revocation that says no exp, where that is admitted', withoutExp, [
  says('G-73, R-259', 'jti alone', { jti: 'a' }, recorded),
  says('G-73, N-177', 'jti and iss', { iss: 'https://ps.example', jti: 'b' }, recorded),
  says('G-73, R-259', 'exp as well (control)', (world: World) => soon(world, 'c'), recorded),
  ...['1800000600', null, -1, 0, [], '1e9'].map((exp) =>
    says('N-172, G-73', `exp: ${JSON.stringify(exp)}`, { jti: 'd', exp }, invalid),
  ),
  says('N-173, G-73', 'exp: a day ahead', (world: World) => ({ jti: 'e', exp: world.now + 86_400 }), invalid),
  says('N-171, G-73', 'no jti', { iss: 'https://ps.example' }, invalid),
  says('N-170, G-73', 'no object', '["jti"]', invalid),
])

overSockets('a token revoked without its exp', { ...withoutExp, fresh: true }, [
  {
    ids: 'G-73, N-102, R-265',
    name: 'is refused at once',
    request: async (world) => {
      await world.send(await revoke(world, { iss: 'https://ps.example', jti: 'gone' }))
      return world.compose({ token: await world.grant({ claims: { jti: 'gone' } }) })
    },
    answer: signatureError('revoked_jwt', { requirement: 'requirement=person-token' }),
  },
  {
    ids: 'G-73, N-104',
    name: 'is its issuer’s own only',
    request: async (world) => {
      await world.send(await revoke(world, { iss: 'https://ps.example', jti: 'gone' }))
      return world.compose({ target: '/agent', token: await world.agent({ claims: { jti: 'gone' } }) })
    },
    answer: served,
  },
  {
    ids: 'G-73',
    name: 'is refused for as long as any token of its issuer lives',
    request: async (world) => {
      const token = await world.grant({ claims: { jti: 'gone', iat: world.now + 60, exp: world.now + 3660 } })
      await world.send(await revoke(world, { jti: 'gone' }))
      world.advance(3659)
      return world.compose({ token })
    },
    answer: signatureError('revoked_jwt', { requirement: 'requirement=person-token' }),
  },
])

overSockets('what a revocation says', {}, [
  says('N-170, R-267', 'no JSON', 'jti=1', invalid),
  says('N-170', 'no object', '["jti"]', invalid),
  says('N-170', 'a member twice', (world: World) => `{"jti":"a","jti":"b","exp":${world.now}}`, invalid),
  says('N-170', 'JSON that says it is a form', (world: World) => soon(world, 'jti'), invalid, {
    contentType: 'application/x-www-form-urlencoded',
  }),
  ...[undefined, '', 7, null, ['jti'], 'x'.repeat(513)].map((jti) =>
    says(
      'N-171, R-259',
      `jti: ${JSON.stringify(jti)?.slice(0, 12)}`,
      (world: World) => ({ ...soon(world, ''), jti }),
      invalid,
    ),
  ),
  ...[undefined, '1800000600', null, -1, 0].map((exp) =>
    says('N-172, R-259', `exp: ${JSON.stringify(exp)}`, { jti: 'a', exp }, invalid),
  ),
  says('N-172', 'exp: beyond every number', '{"jti":"a","exp":1e999}', invalid),
  says(
    'N-173, R-262',
    'exp: a day ahead',
    (world: World) => ({ jti: 'a', exp: world.now + 86_400 }),
    invalid,
  ),
  says('R-262', 'exp: an hour ahead', (world: World) => ({ jti: 'hour', exp: world.now + 3600 }), recorded),
  says('R-259', 'exp: with a fraction', (world: World) => ({ jti: 'half', exp: world.now + 60.5 }), recorded),
  says(
    'R-261',
    'exp: past, so there is nothing to remember',
    (world: World) => ({ jti: 'past', exp: world.now - 600 }),
    recorded,
  ),
  says(
    'R-259',
    'more than is asked for',
    (world: World) => ({ ...soon(world, 'more'), token_type: 'x' }),
    recorded,
  ),
  says(
    'R-267',
    'more than is read',
    (world: World) => ({ ...soon(world, 'much'), padding: 'x'.repeat(5000) }),
    {
      ...problem(413, 'content_too_large'),
    },
  ),
  {
    ids: 'N-175, R-266',
    name: 'the same, twice',
    request: async (world) => {
      await world.send(await revoke(world, soon(world, 'twice')))
      return revoke(world, soon(world, 'twice'))
    },
    answer: recorded,
  },
  {
    ids: 'R-258',
    name: 'GET',
    request: () => ({ method: 'GET', target: '/aauth/revoke', headers: [['Host', 'rs.example']] }),
    answer: { status: 405, ran: 0 },
  },
])

const after = (
  ids: string,
  name: string,
  prepare: (world: World) => Promise<{ readonly token: string; readonly target?: string }>,
  answer: Answer,
): Case => ({ ids, name, request: async (world) => world.compose(await prepare(world)), answer })

overSockets('presenting a revoked token', { fresh: true }, [
  after(
    'N-082, N-103, R-271, R-275',
    'a person token, where it would be exchanged: no resource token',
    async (world) => {
      await world.send(await revoke(world, soon(world, 'pt')))
      return { token: await world.person({ claims: { jti: 'pt' } }) }
    },
    signatureError('revoked_jwt'),
  ),
  after(
    'N-102, R-275, R-276, R-277',
    'an auth token: the way back starts at the person token',
    async (world) => {
      await world.send(await revoke(world, soon(world, 'aut')))
      return { token: await world.grant({ claims: { jti: 'aut' } }) }
    },
    signatureError('revoked_jwt', { requirement: 'requirement=person-token' }),
  ),
  after(
    'R-263, R-272, R-273',
    'a token that was served a moment ago, from memory',
    async (world) => {
      const token = await world.grant({ claims: { jti: 'warm' } })
      for (let times = 0; times < 3; times++) await world.send(await world.compose({ token }))
      await world.send(await revoke(world, soon(world, 'warm')))
      return { token }
    },
    signatureError('revoked_jwt', { requirement: 'requirement=person-token' }),
  ),
  after(
    'R-274',
    'a grant that followed from a revoked person token is untouched',
    async (world) => {
      await world.send(await revoke(world, soon(world, 'pt')))
      return { token: await world.grant({ claims: { jti: 'aut' } }) }
    },
    served,
  ),
  after(
    'N-104, R-260',
    'the same jti revoked by another issuer',
    async (world) => {
      const other = await world.town.openPersonServer('https://two.example')
      await world.send(await revoke(world, soon(world, 'shared'), { server: other.server }))
      return { token: await world.grant({ claims: { jti: 'shared' } }) }
    },
    served,
  ),
  after(
    'N-177, HC-107, R-260',
    'the body names another issuer, as it once did',
    async (world) => {
      const other = await world.town.openPersonServer('https://two.example')
      const body = { ...soon(world, 'named'), iss: 'https://ps.example' }
      await world.send(await revoke(world, body, { server: other.server }))
      return { token: await world.grant({ claims: { jti: 'named' } }) }
    },
    served,
  ),
  after(
    'R-260',
    'a revocation whose signature is not its issuer’s',
    async (world) => {
      await world.send(await revoke(world, soon(world, 'kept'), { key: createKey('Ed25519') }))
      return { token: await world.grant({ claims: { jti: 'kept' } }) }
    },
    served,
  ),
  after(
    'R-271',
    'control: a person token that was not revoked still yields a resource token',
    async (world) => ({ token: await world.person({ claims: { jti: 'fine' } }) }),
    asksGrant({ presented_jti: 'fine' }),
  ),
])

overSockets(
  'too many revocations without exp',
  { fresh: true, options: { ...withoutExp.options, revocationLimits: { perMinute: 2 } } },
  [
    {
      ids: 'G-73, R-266, R-269',
      name: 'repeating takes nothing of the rate, a second later either',
      request: async (world) => {
        for (let index = 0; index < 4; index++) {
          await world.send(await revoke(world, { jti: 'again' }))
          world.advance(1)
        }
        return revoke(world, { jti: 'one-more' })
      },
      answer: recorded,
    },
  ],
)

overSockets('too many revocations', { fresh: true, options: { revocationLimits: { perMinute: 5 } } }, [
  {
    ids: 'N-176, R-267, R-269, HC-109',
    name: 'over the rate',
    request: async (world) => {
      for (let index = 0; index < 5; index++)
        await world.send(await revoke(world, soon(world, `jti-${index}`)))
      return revoke(world, soon(world, 'one-more'))
    },
    answer: problem(429, 'rate_limited', { retryAfter: true }),
  },
  {
    ids: 'R-266, R-269',
    name: 'repeating takes nothing of the rate',
    request: async (world) => {
      for (let index = 0; index < 5; index++)
        await world.send(await revoke(world, soon(world, `jti-${index}`)))
      return revoke(world, soon(world, 'jti-3'))
    },
    answer: recorded,
  },
  {
    ids: 'R-269',
    name: 'another issuer is not held up',
    request: async (world) => {
      for (let index = 0; index < 6; index++)
        await world.send(await revoke(world, soon(world, `jti-${index}`)))
      const other = await world.town.openPersonServer('https://two.example')
      return revoke(world, soon(world, 'jti'), { server: other.server })
    },
    answer: recorded,
  },
  {
    ids: 'R-269',
    name: 'a minute later',
    request: async (world) => {
      for (let index = 0; index < 6; index++)
        await world.send(await revoke(world, soon(world, `jti-${index}`)))
      world.advance(60)
      return revoke(world, soon(world, 'jti'))
    },
    answer: recorded,
  },
])

overSockets(
  'issuers nobody here has met',
  { fresh: true, options: { revocationLimits: { newcomersPerMinute: 3 } } },
  [
    {
      ids: 'R-269',
      name: 'together they have one share',
      request: async (world) => {
        const newcomers = await Promise.all(
          ['two', 'three', 'four', 'five'].map((name) =>
            world.town.openPersonServer(`https://${name}.example`),
          ),
        )
        const requests = await Promise.all(
          newcomers.map(({ server }) => revoke(world, soon(world, 'jti'), { server })),
        )
        for (const request of requests.slice(0, 3)) await world.send(request)
        return requests[3] as (typeof requests)[0]
      },
      answer: problem(429, 'rate_limited', { retryAfter: true }),
    },
    {
      ids: 'R-269',
      name: 'and who is known is not held up by them',
      request: async (world) => {
        const { server } = await world.town.openPersonServer('https://two.example')
        for (let index = 0; index < 4; index++) {
          await world.send(await revoke(world, soon(world, `jti-${index}`), { server }))
        }
        return revoke(world, soon(world, 'jti'))
      },
      answer: recorded,
    },
  ],
)
