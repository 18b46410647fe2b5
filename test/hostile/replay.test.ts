import { createMemoryStore } from '@countersign/core'
import { contentDigest } from '@countersign/core/signature'
import { createKey } from '@countersign/devkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { adapters } from '../target/start.js'
import {
  type Answer,
  alter,
  asks,
  asksGrant,
  base,
  type Case,
  type Draft,
  invalidInput,
  overSockets,
  problem,
  type RawRequest,
  served,
  signatureError,
  World,
} from './harness.js'
import { countHandlers } from './world.js'

const replayed = signatureError('invalid_signature')
const write = (world: World): Promise<string> => world.grant({ claims: { scope: 'data.write' } })
const buy = async (world: World, draft: Draft = {}): Promise<RawRequest> =>
  world.compose({ method: 'POST', target: '/data', token: await write(world), ...draft })

/** Content that is covered by its digest. */
const content = (body: string): Draft => ({
  body,
  headers: [
    ['Content-Type', 'text/plain'],
    ['Content-Digest', contentDigest(Buffer.from(body))],
  ],
  components: [...base, '"content-type"', '"content-digest"'],
})

/** Sends a request, then says what is sent after it. */
const second = (
  ids: string,
  name: string,
  first: (world: World) => Promise<RawRequest>,
  next: (request: RawRequest, world: World) => RawRequest | Promise<RawRequest>,
  answer: Answer = replayed,
): Case => ({
  ids,
  name,
  request: async (world) => {
    const request = await first(world)
    await world.send(request)
    return next(request, world)
  },
  answer,
})
const again = (request: RawRequest): RawRequest => request

overSockets('replays, where the server refuses them', { options: { replay: true } }, [
  {
    ids: 'R-073',
    name: 'control: a first use',
    request: (world) => buy(world, content('first')),
    answer: served,
  },
  second(
    'N-035, R-073',
    'a captured request, inside the window',
    (world) => buy(world, content('bread')),
    again,
  ),
  second(
    'N-035',
    'a captured request without content',
    async (world) => {
      const token = await world.grant({ claims: { scope: 'data.write data.delete' } })
      return world.compose({ method: 'DELETE', token })
    },
    again,
  ),
  second(
    'HC-104',
    'two identical honest polls in one second',
    async (world) => world.compose({ token: await world.grant({ claims: { jti: 'poll' } }) }),
    again,
    served,
  ),
  second(
    'HC-103',
    'two honest GETs that differ in their query',
    (world) => world.compose({ target: '/data?q=a' }),
    (_, world) => world.compose({ target: '/data?q=b' }),
    served,
  ),
  second(
    'HC-103',
    'two honest calls that differ in their content',
    async (world) => buy(world, { ...content('milk'), token: await write(world) }),
    (_, world) => buy(world, content('more milk')),
    served,
  ),
  second(
    'R-073',
    'a captured request with other content that is not covered: who covers it is told apart',
    (world) => buy(world, { body: 'one loaf', parameters: `;created=${world.now};nonce="a"` }),
    (request) => ({ ...request, body: 'nine loa' }),
    invalidInput('content-digest'),
  ),
  second(
    'R-073',
    'a captured request with another query that is not covered: who covers it is told apart',
    (world) => buy(world, { target: '/data?loaves=1', parameters: `;created=${world.now};nonce="b"` }),
    (request) => ({ ...request, target: '/data?loaves=9' }),
    invalidInput('@query'),
  ),
  second(
    'HC-105',
    'a captured ES256 request with the other half of its signature: s becomes n - s',
    async (world) => {
      const key = createKey('ES256')
      const claims = { scope: 'data.write', cnf: { jwk: key.cnf } }
      return buy(world, { ...content('eggs'), key, token: await world.grant({ claims }) })
    },
    (request) => alter(request, 'signature', otherHalf),
  ),
  {
    ids: 'HC-105',
    name: 'control: the other half of an ES256 signature is as good as the one, if it comes first',
    request: async (world) => {
      const key = createKey('ES256')
      const claims = { scope: 'data.write', cnf: { jwk: key.cnf } }
      return alter(await buy(world, { key, token: await world.grant({ claims }) }), 'signature', otherHalf)
    },
    answer: served,
  },
  second(
    'R-073',
    'a damaged copy that came first does not use up the request',
    async (world) => ({ ...(await buy(world, content('butter'))), body: 'bitter' }),
    (request) => ({ ...request, body: 'butter' }),
    served,
  ),
])

overSockets('replays, later', { fresh: true, options: { replay: true } }, [
  second(
    'N-035',
    'at the end of the window, signed with a clock that is ahead',
    (world) => buy(world, { ...content('bread'), parameters: `;created=${world.now + 60}` }),
    (request, world) => {
      world.advance(120)
      return request
    },
  ),
  second(
    'N-036',
    'after the window',
    (world) => buy(world, content('bread')),
    (request, world) => {
      world.advance(61)
      return request
    },
  ),
])

const person = (world: World): Promise<string> => world.person()
const agent = (world: World): Promise<string> => world.agent()
const grant = (claims: object) => (world: World) => world.grant({ claims: { ...claims } })
/** The same request twice, and twice the same answer: nothing was done for the first. */
const twice = (
  name: string,
  method: string,
  target: string,
  token: (world: World) => Promise<string>,
  answer: Answer,
): Case =>
  second(
    'R-073, G-71',
    `${name}, and the same again`,
    async (world) => world.compose({ method, target, token: await token(world) }),
    again,
    answer,
  )

overSockets('what is not served uses up no signature', { options: { replay: 'all' } }, [
  twice('a challenge for a person', 'POST', '/once', agent, asks('person-token')),
  twice('a challenge for a grant', 'POST', '/once', person, asksGrant({ scope: 'data.write' })),
  twice('a challenge for more', 'POST', '/once', grant({}), asksGrant({ scope: 'data.read data.write' })),
  twice('a challenge for an agent', 'GET', '/agent', person, asks('agent-token')),
  twice(
    'a refusal of the shop’s own',
    'GET',
    '/shop/tobacco',
    grant({ tenant: 'school' }),
    problem(403, 'not_for_schools'),
  ),
  twice('an account that is not held', 'GET', '/accounts/not-x', person, problem(403, 'access_denied')),
  second(
    'R-073, G-71',
    'a scope that the authorization endpoint does not know, and the same again',
    async (world) => authorize(world, 'data.unknown'),
    again,
    problem(400, 'invalid_scope'),
  ),
  second(
    'R-073',
    'a resource token of the authorization endpoint, and the same again',
    async (world) => authorize(world, 'data.read'),
    again,
  ),
  second(
    'R-073',
    'a call that was held, and the same again',
    async (world) => world.compose({ method: 'POST', target: '/held', token: await person(world) }),
    again,
  ),
])

const authorize = async (world: World, scope: string): Promise<RawRequest> => {
  const body = JSON.stringify({ scope })
  return world.compose({
    method: 'POST',
    target: '/aauth/authorize',
    headers: [
      ['Content-Type', 'application/json'],
      ['Content-Digest', contentDigest(Buffer.from(body))],
    ],
    body,
    components: [...base, '"content-digest"'],
    token: await person(world),
  })
}

describe.each(adapters)('one request sent many times at once [adapter %s]', (adapter) => {
  const handlers = countHandlers()
  let world: World
  beforeEach(async () => {
    world = await World.open(adapter)
    return () => world.close()
  })

  it('is served once (N-035, R-073)', async () => {
    const request = await world.compose({ method: 'POST', target: '/once', token: await write(world) })
    handlers.reset()
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.send(request)))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    expect(statuses.filter((status) => status === 401)).toHaveLength(9)
    expect(handlers.count()).toBe(1)
  })

  it('is challenged each time where a challenge is the answer (G-71)', async () => {
    const request = await world.compose({ method: 'POST', target: '/once', token: await person(world) })
    const answers = await Promise.all(Array.from({ length: 10 }, () => world.send(request)))
    for (const { status, headers } of answers) {
      expect(status).toBe(401)
      expect(headers.get('aauth-requirement')?.[0]).toContain('resource-token=')
    }
  })
})

overSockets('replays on one route', {}, [
  second(
    'N-035',
    'a route that refuses them',
    async (world) => world.compose({ method: 'POST', target: '/once', token: await write(world) }),
    again,
  ),
  second(
    'R-071',
    'a route that does not: the window is what protects it',
    (world) => buy(world, content('bread')),
    again,
    {
      ...served,
    },
  ),
])

overSockets('replays on every method', { options: { replay: 'all' } }, [
  second('N-035', 'a captured GET', (world) => world.compose(), again),
])

overSockets(
  'replays, when the store is full',
  {
    fresh: true,
    options: { replay: true, store: createMemoryStore({ maxEntries: 1, clock: () => 1_800_000_000_000 }) },
  },
  [
    second(
      'HC-106',
      'nothing more is accepted, and nothing forgotten',
      (world) => buy(world, content('first')),
      (_, world) => buy(world, content('second')),
      problem(503, 'store_unavailable', { retryAfter: true }),
    ),
  ],
)

/** The second valid form of an ECDSA signature over P-256. */
function otherHalf(value: string): string {
  const bytes = Buffer.from(/:(.*):/.exec(value)?.[1] as string, 'base64')
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
  return `sig=:${Buffer.concat([bytes.subarray(0, 32), other]).toString('base64')}:`
}
