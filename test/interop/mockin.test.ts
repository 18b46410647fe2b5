import { allow, type Grant, type Policy, stepUp } from '@countersign/core'
import { createTown, type Town } from '@countersign/devkit'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TargetRoute } from '../target/routes.js'
import { adapters, type RunningTarget, resource, startTarget } from '../target/start.js'
import { asked, IndependentAgent, routeFetch } from './independent-agent.js'
import { type Mockin, startMockin } from './mockin.js'

// A machine with other things to do is no failure.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const ps = 'https://mockin.example'
const feast = 'https://feast.example'

const writers: Policy<Grant> = ({ caller }) =>
  caller.scope.includes('data.write') ? allow() : stepUp({ scope: 'data.write' })
const silent = { scope: 'data.read', policy: writers } as const
const feastRoutes: readonly TargetRoute[] = [
  { method: 'GET', path: '/asks', requirement: { ...silent, ask: 'data.write' }, answer: () => ({}) },
  { method: 'GET', path: '/silent', requirement: silent, answer: () => ({}) },
]

// Signer and person server are somebody else's; of ours are the resource and, as its issuer is nobody's concern here,
// the agent provider.
describe.each(adapters)('three parties, two of them strangers [adapter %s]', (adapter) => {
  let town: Town
  let target: RunningTarget
  let strict: RunningTarget
  let shop: RunningTarget
  let mockin: Mockin
  let unroute: () => void
  let sam: IndependentAgent
  let agentToken: string
  beforeAll(async () => {
    town = await createTown()
    target = await startTarget(adapter, 0, { fetch: town.fetch, compat: { personTokenJti: true } })
    strict = await startTarget(adapter, 0, { fetch: town.fetch, resource: 'https://strict.example' })
    const options = { fetch: town.fetch, compat: { personTokenJti: true }, resource: feast }
    shop = await startTarget(adapter, 0, options, feastRoutes)
    town.route('feast.example', shop.port)
    town.route('rs.example', target.port)
    town.route('strict.example', strict.port)
    mockin = await startMockin(ps, town.loopback)
    town.route('mockin.example', mockin.port)
    unroute = routeFetch(() => town.loopback)
    sam = new IndependentAgent()
    agentToken = await town.ap.mintAgentToken({ name: 'sam', cnf: sam.publicKey, ps })
  })
  afterAll(async () => {
    unroute()
    await Promise.all([mockin.close(), target.close(), strict.close(), shop.close()])
    await town.close()
  })

  const personToken = async (more: object = {}, of: string = resource): Promise<string> => {
    const response = await sam.post(`${ps}/aauth/token/person`, agentToken, { resource: of, ...more })
    return ((await response.json()) as { person_token: string }).person_token
  }
  const exchange = async (resourceToken: string | undefined): Promise<Response> =>
    sam.post(`${ps}/aauth/token/auth`, agentToken, { resource_token: resourceToken })
  const authToken = async (resourceToken: string | undefined): Promise<string> => {
    const response = await exchange(resourceToken)
    const { auth_token } = (await response.json()) as { auth_token: string }
    expect(response.status).toBe(200)
    return auth_token
  }

  it('go the whole way: agent, person, grant [R-153] [R-155] [R-156]', async () => {
    await mockin.configure({})
    const first = await sam.fetch(`${resource}/data`, agentToken)
    expect(asked(first)).toEqual({ status: 401, for: 'person-token' })
    const person = await personToken()
    const second = asked(await sam.fetch(`${resource}/data`, person))
    expect(second).toMatchObject({ status: 401, for: 'auth-token' })
    const { jti } = decodeJwt(person)
    expect(decodeJwt(second.resourceToken as string)).toMatchObject({
      presented_jti: jti,
      person_token_jti: jti,
      aud: ps,
      ps,
    })
    const third = await sam.fetch(`${resource}/data`, await authToken(second.resourceToken))
    expect([third.status, await third.json()]).toMatchObject([
      200,
      { kind: 'grant', ps, sub: decodeJwt(person).sub, scope: ['data.read'] },
    ])
  })

  it('know the agent and the person for what they are', async () => {
    await mockin.configure({})
    const agent = await sam.fetch(`${resource}/agent`, agentToken)
    expect(await agent.json()).toMatchObject({ kind: 'agent', agent: 'aauth:sam@ap.example' })
    const person = await sam.fetch(`${resource}/person`, await personToken())
    expect(await person.json()).toMatchObject({ kind: 'person', ps })
  })

  it('carry content, tenant and mission, which the resource token has to repeat', async () => {
    await mockin.configure({ tenant: 'school' })
    const mission = 'x'.repeat(43)
    const person = await personToken({ mission_s256: mission })
    const challenge = asked(await sam.post(`${resource}/data`, person, { bread: 2 }))
    const granted = await sam.post(`${resource}/data`, await authToken(challenge.resourceToken), { bread: 2 })
    expect(await granted.json()).toMatchObject({
      tenant: 'school',
      mission,
      scope: ['data.write'],
      bytes: 11,
    })
  })

  it('wait for the person, when the person server says so', async () => {
    await mockin.configure({ requirement: 'approval' })
    const challenge = asked(await sam.fetch(`${resource}/data`, await personToken()))
    const deferred = await exchange(challenge.resourceToken)
    expect(deferred.status).toBe(202)
    const settled = await sam.fetch(deferred.headers.get('location') as string, agentToken)
    const { auth_token } = (await settled.json()) as { auth_token: string }
    expect((await sam.fetch(`${resource}/data`, auth_token)).status).toBe(200)
  })

  it.each([
    ['another audience', 'invalid_jwt', { aud: 'https://other.example' }],
    ['another person server', 'invalid_jwt', { ps: 'https://ps.example' }],
    ['an issuer that did not sign', 'unknown_key', { iss: 'https://ps.example', ps: 'https://ps.example' }],
    ['no person', 'invalid_jwt', { sub: '' }],
    [
      'a key that is not the agent’s',
      'invalid_signature',
      {
        cnf: {
          jwk: {
            kty: 'OKP',
            crv: 'Ed25519',
            alg: 'Ed25519',
            x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
          },
        },
      },
    ],
  ])('and a person server that grants with %s is not believed: %s', async (_, code, claims) => {
    await mockin.configure({})
    const challenge = asked(await sam.fetch(`${resource}/data`, await personToken()))
    await mockin.configure({ claims })
    const again = asked(await sam.fetch(`${resource}/data`, await personToken()))
    expect(challenge.for).toBe(again.for)
    const refused = await sam.fetch(`${resource}/data`, await authToken(again.resourceToken))
    expect(refused.status).toBe(401)
    expect(refused.headers.get('signature-error')).toBe(`error=${code}`)
  })

  it('steps up from the person token, since mockin cannot follow one from the grant', async () => {
    await mockin.configure({})
    const person = await personToken()
    const read = asked(await sam.fetch(`${resource}/data`, person))
    const grant = await authToken(read.resourceToken)
    const more = asked(await sam.post(`${resource}/data`, grant, {}))
    expect(more).toMatchObject({ status: 401, for: 'auth-token' })
    expect(decodeJwt(more.resourceToken as string)).toMatchObject({ presented_jti: decodeJwt(grant).jti })
    expect((await exchange(more.resourceToken)).status).toBe(400)
    const again = asked(await sam.post(`${resource}/data`, person, {}))
    expect((await sam.post(`${resource}/data`, await authToken(again.resourceToken), {})).status).toBe(200)
  })

  it('meet a step-up with the first challenge, where the route asks for as much (G-72)', async () => {
    await mockin.configure({})
    const person = await personToken({}, feast)
    const buy = async (path: string): Promise<number> => {
      const url = `${feast}${path}`
      const challenge = asked(await sam.fetch(url, person))
      return (await sam.fetch(url, await authToken(challenge.resourceToken))).status
    }
    expect([await buy('/silent'), await buy('/asks')]).toEqual([401, 200])
  })

  it('need compat.personTokenJti, which is off by default', async () => {
    await mockin.configure({})
    const person = await personToken({}, 'https://strict.example')
    const challenge = asked(await sam.fetch('https://strict.example/data', person))
    expect(decodeJwt(challenge.resourceToken as string)).not.toHaveProperty('person_token_jti')
    const refused = await exchange(challenge.resourceToken)
    expect(await refused.json()).toMatchObject({
      detail: expect.stringContaining('person_token_jti') as unknown,
    })
  })
})
