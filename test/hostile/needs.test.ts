import { createKey, type MintOverrides } from '@countersign/devkit'
import { resource } from '../target/start.js'
import {
  asks,
  asksGrant,
  base,
  type Case,
  overSockets,
  served,
  signatureError,
  type World,
} from './harness.js'

type Claims = NonNullable<MintOverrides['claims']>
type Kind = 'agent' | 'person' | 'grant'
const sent = (ids: string, kind: Kind, route: string, answer: Case['answer'], claims: Claims = {}): Case => ({
  ids,
  name: `${kind} token at ${route}${Object.entries(claims).map(([name, value]) => `, ${name} ${value}`)}`,
  request: async (world) => {
    const [method = '', target = ''] = route.split(' ')
    return world.compose({ method, target, token: await world[kind]({ claims }) })
  },
  answer,
})

const subject = (world: World): string => world.town.ps.subjectOf(world.mom, resource)
/** What every resource token of these tests says, whatever names the agent being absent (R-193). */
const always = (world: World): Claims => ({
  iss: resource,
  dwk: 'aauth-resource.json',
  aud: 'https://ps.example',
  ps: 'https://ps.example',
  sub: subject(world),
  agent_jkt: world.key.jkt,
  iat: world.now,
  exp: world.now + 300,
  cnf: undefined,
  agent: undefined,
  act: undefined,
  mission: undefined,
})
const challenge =
  (claims: Claims) =>
  (world: World): ReturnType<typeof asksGrant> =>
    asksGrant({ ...always(world), ...claims })
const minted = 'R-150, R-155, R-184, R-186, R-187, R-188, R-189, R-190, R-191, R-192, R-193, R-194'

overSockets('the wrong token for the route', {}, [
  sent('N-105, HC-62, R-153', 'agent', 'GET /person', asks('person-token')),
  sent('N-106, HC-62, R-156, R-117', 'agent', 'GET /data', asks('person-token')),
  sent('N-106, R-156', 'agent', 'DELETE /data', asks('person-token')),
  sent('N-108, R-152, R-118', 'person', 'GET /agent', asks('agent-token')),
  sent('N-108, R-152, R-118, R-169', 'grant', 'GET /agent', asks('agent-token')),
  sent('R-133, R-165, R-006', 'person', 'GET /person', served),
  sent('R-169', 'grant', 'GET /person', served),
  sent('R-165, R-006', 'agent', 'GET /agent', served),
  sent('HC-54, R-289, R-169', 'grant', 'GET /person', served, { scope: undefined }),
])

overSockets('challenges with a resource token', {}, [
  sent(
    `N-107, HC-61, HC-63, R-127, R-334, ${minted}`,
    'person',
    'GET /data',
    challenge({
      presented_jti: 'pt-1',
      scope: 'data.read',
      account: undefined,
      mission_s256: undefined,
      tenant: undefined,
    }),
    { jti: 'pt-1' },
  ),
  sent(
    'N-107, R-194',
    'person',
    'DELETE /data',
    challenge({ presented_jti: 'pt-1', scope: 'data.write data.delete' }),
    { jti: 'pt-1' },
  ),
  sent(
    'R-031, R-196, R-197, R-338, R-128',
    'person',
    'GET /data',
    challenge({ mission_s256: 'm'.repeat(43), tenant: 'school' }),
    { mission_s256: 'm'.repeat(43), tenant: 'school' },
  ),
  sent(
    `N-111, HC-63, HC-89, R-157, ${minted}`,
    'grant',
    'POST /data',
    challenge({ presented_jti: 'au-1', scope: 'data.read data.write' }),
    { jti: 'au-1' },
  ),
  sent(
    'N-112, R-289, R-157',
    'grant',
    'GET /data',
    challenge({ presented_jti: 'au-2', scope: 'data.read' }),
    { jti: 'au-2', scope: undefined },
  ),
  sent('N-112', 'grant', 'GET /data', challenge({ scope: 'data.read' }), { scope: '' }),
  sent('N-111, R-145, R-146', 'grant', 'GET /data', challenge({ scope: 'data.read' }), {
    scope: 'DATA.READ data.readx',
  }),
  sent(
    'R-196, R-197, HC-89',
    'grant',
    'POST /data',
    challenge({ mission_s256: 'm'.repeat(43), tenant: 'acme', account: 'blue' }),
    { mission_s256: 'm'.repeat(43), tenant: 'acme', account: 'blue' },
  ),
  {
    ids: 'R-192, R-326, R-327',
    name: 'to the key that signed, which is a sub-agent’s',
    request: async (world) => {
      const key = createKey('ES256')
      childKey = key.jkt
      return world.compose({ key, token: await world.person({ claims: { cnf: { jwk: key.cnf } } }) })
    },
    answer: (world) => asksGrant({ ...always(world), agent_jkt: childKey }),
  },
])
let childKey = ''

overSockets('a session token', {}, [
  {
    ids: 'HC-49',
    name: 'with an agent token that nobody we know has signed',
    request: async (world) =>
      world.compose({
        target: '/session',
        token: await world.agent({ key: createKey('Ed25519', world.town.ap.keys.current.kid) }),
        headers: [['Authorization', 'AAuth stolen']],
        components: [...base, '"authorization"'],
      }),
    answer: signatureError('invalid_jwt'),
  },
])

overSockets(
  'challenges where an access server decides',
  { options: { accessServer: 'https://as.example' } },
  [
    sent(
      'R-188, R-189, R-163',
      'person',
      'GET /data',
      challenge({ aud: 'https://as.example', ps: 'https://ps.example' }),
    ),
  ],
)

const revoked = signatureError('revoked_jwt')

overSockets('revoked tokens', { fresh: true }, [
  ...(['person', 'grant'] as const).flatMap((kind) =>
    ['GET /person', 'GET /data', 'POST /data', 'GET /agent'].map(
      (route): Case => ({
        ids:
          kind === 'person'
            ? 'N-082, N-103, KN-091, HC-86, R-135, R-203, R-275, K-136'
            : 'N-082, N-102, KN-091, HC-88, R-168, R-275, R-276, R-277, K-136',
        name: `${kind} token at ${route}`,
        request: async (world) => {
          const [method = '', target = ''] = route.split(' ')
          const token = await world[kind]({ claims: { jti: 'gone' } })
          await revoke(world, 'https://ps.example', 'gone')
          return world.compose({ method, target, token })
        },
        answer:
          kind === 'person'
            ? revoked
            : signatureError('revoked_jwt', { requirement: 'requirement=person-token' }),
      }),
    ),
  ),
  {
    ids: 'N-104, K-136',
    name: 'the same jti, revoked by somebody else',
    request: async (world) => {
      await revoke(world, 'https://other.example', 'same')
      return world.compose({ token: await world.grant({ claims: { jti: 'same' } }) })
    },
    answer: served,
  },
  {
    ids: 'R-120',
    name: 'an agent token whose jti was revoked',
    request: async (world) => {
      await revoke(world, 'https://ps.example', 'same')
      return world.compose({ target: '/agent', token: await world.agent({ claims: { jti: 'same' } }) })
    },
    answer: served,
  },
])

async function revoke(world: World, iss: string, jti: string): Promise<void> {
  await world.target.aauth.revocations.record({ iss, jti, exp: world.now + 3600 })
}
