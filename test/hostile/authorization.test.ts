import { deny, type ResourceOptions } from '@countersign/core'
import {
  type Answer,
  asks,
  asksUnsigned,
  type Case,
  type Draft,
  overSockets,
  problem,
  type RawRequest,
  signatureError,
  type World,
} from './harness.js'

/** A request to the authorization endpoint, honest in all that is not given. */
const authorize = async (world: World, content: unknown, draft: Draft = {}): Promise<RawRequest> =>
  world.compose({
    method: 'POST',
    target: '/aauth/authorize',
    headers: [['Content-Type', 'application/json']],
    body: typeof content === 'string' ? content : JSON.stringify(content),
    token: await world.person(),
    ...draft,
  })

/** A case that says something wrong in an otherwise honest request. */
const says = (
  ids: string,
  name: string,
  content: unknown,
  answer: Case['answer'],
  draft: Draft = {},
): Case => ({
  ids,
  name,
  request: (world) => authorize(world, content, draft),
  answer,
})

const good = { scope: 'data.read' }
const ok: Answer = { status: 200, ran: 0 }
const malformed = problem(400, 'invalid_request')
const type = (value: string): Draft => ({ headers: [['Content-Type', value]] })

overSockets('the authorization endpoint', {}, [
  says('R-173, R-177', 'an honest request (control)', good, ok),
  says('R-176', 'an account that the person holds (control)', { ...good, account: 'blue' }, ok),
  says('R-173', 'a media type with a parameter (control)', good, ok, type('application/json; charset=utf-8')),
  says('R-173', 'members nobody knows (control)', { ...good, other: [1] }, ok),
  ...[
    'not json',
    '[]',
    '"data.read"',
    'null',
    '{"scope":"data.read"',
    '{"scope":"data.read","scope":"data.read"}',
    '',
  ].map((content) => says('N-115, R-179', `the content ${JSON.stringify(content)}`, content, malformed)),
  says('N-115', 'content that is no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), malformed),
  ...['text/plain', 'application/jsonx', 'application/problem+json', ''].map((value) =>
    says('N-115, R-173', `content of type ${JSON.stringify(value)}`, good, malformed, type(value)),
  ),
  says('N-115', 'content of no type', good, malformed, { headers: [] }),
  says('N-116, R-175', 'no scope', { account: 'blue' }, malformed),
  ...[
    5,
    ['data.read'],
    '',
    ' ',
    'data.read  data.write',
    ' data.read',
    'data.read ',
    'data\tread',
    'd"r',
    null,
    {},
  ].map((scope) => says('N-117, R-175', `the scope ${JSON.stringify(scope)}`, { scope }, malformed)),
  ...['unknown', 'data.read unknown', 'DATA.READ', 'data.read email2'].map((scope) =>
    says('N-118, R-179', `the scope ${scope}`, { scope }, problem(400, 'invalid_scope')),
  ),
  ...[5, ['blue'], {}, true, null, ''].map((account) =>
    says('N-120, R-176', `the account ${JSON.stringify(account)}`, { ...good, account }, malformed),
  ),
  says(
    'N-121, R-179, R-294',
    'an account that the person does not hold',
    { ...good, account: 'not-blue' },
    problem(400, 'invalid_account'),
  ),
  says('N-115', 'content without end', 'x'.repeat(20_000), problem(413, 'content_too_large')),
  ...['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map(
    (method): Case => ({
      ids: 'N-123',
      name: method,
      request: async (world) => ({
        ...(await authorize(world, good)),
        method,
      }),
      answer: { status: 405, ran: 0 },
    }),
  ),
])

overSockets('who may use the authorization endpoint', {}, [
  {
    ids: 'R-154, R-174',
    name: 'nobody',
    request: () => ({
      method: 'POST',
      target: '/aauth/authorize',
      headers: [
        ['Host', 'rs.example'],
        ['Content-Type', 'application/json'],
        ['Content-Length', '0'],
      ],
    }),
    answer: asksUnsigned('person-token'),
  },
  {
    ids: 'N-109, HC-90, R-154, R-174',
    name: 'an agent token',
    request: async (world) => authorize(world, good, { token: await world.agent() }),
    answer: asks('person-token'),
  },
  {
    ids: 'N-110, R-154, R-174',
    name: 'an auth token',
    request: async (world) => authorize(world, good, { token: await world.grant() }),
    answer: asks('person-token'),
  },
  {
    ids: 'N-109',
    name: 'an agent token, and content that is no good: the token is judged first',
    request: async (world) => authorize(world, 'no', { token: await world.agent() }),
    answer: asks('person-token'),
  },
  {
    ids: 'N-122, R-174, R-180',
    name: 'an expired person token',
    request: async (world) => {
      const claims = { iat: world.now - 100, exp: world.now - 1 }
      return authorize(world, good, { token: await world.person({ claims }) })
    },
    answer: signatureError('expired_jwt'),
  },
  {
    ids: 'N-122, R-174, R-180',
    name: 'a person token for another resource',
    request: async (world) =>
      authorize(world, good, { token: await world.person({ claims: { aud: 'https://other.example' } }) }),
    answer: signatureError('invalid_jwt'),
  },
  {
    ids: 'N-122, R-174, R-180',
    name: 'a signature over another path',
    request: async (world) => ({
      ...(await authorize(world, good, { target: '/data' })),
      target: '/aauth/authorize',
    }),
    answer: signatureError('invalid_signature'),
  },
  {
    ids: 'N-103, R-203',
    name: 'a revoked person token',
    request: async (world) => {
      const token = await world.person({ claims: { jti: 'revoked-1' } })
      await world.target.aauth.revocations.record({
        iss: world.mom.ps,
        jti: 'revoked-1',
        exp: world.now + 600,
      })
      return authorize(world, good, { token })
    },
    answer: signatureError('revoked_jwt'),
  },
])

const noEmail = async (world: World): Promise<void> => {
  world.town.ps.scopesSupported = ['openid', 'groups']
  await world.send(await authorize(world, good))
}

overSockets('identity scopes at the authorization endpoint', { prepare: noEmail }, [
  says(
    'N-119, R-286',
    'only identity scopes that the person’s server does not list',
    { scope: 'email profile' },
    problem(400, 'invalid_scope'),
  ),
  says('R-195, R-284, R-286', 'one that it lists (control)', { scope: 'openid' }, ok),
  says(
    'R-195, R-287',
    'one that it does not list, among others: it is dropped',
    { scope: 'data.read email' },
    ok,
  ),
])

const backend: Partial<ResourceOptions> = {
  accounts: () => Promise.reject(new Error('no database')),
  authorize: ({ scope }) => {
    if (scope.includes('data.delete')) throw new Error('no database')
    if (scope.includes('data.write')) return deny('not_today', 'Nothing is written today.')
    return ['data.read', 'data.delete']
  },
}

overSockets('what the resource says at the authorization endpoint', { options: backend }, [
  says('N-124, R-179', 'a backend that fails', { scope: 'data.delete' }, problem(500, 'server_error')),
  says(
    'N-124',
    'accounts that cannot be looked up',
    { ...good, account: 'blue' },
    problem(500, 'server_error'),
  ),
  says('R-183, HC-91', 'a refusal', { scope: 'data.write' }, problem(403, 'not_today')),
  says('R-287', 'more than was asked for', good, problem(500, 'server_error')),
])
