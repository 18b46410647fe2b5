import { createKey } from '@countersign/devkit'
import { allow, type Caller, deny } from '@countersign/express'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { World } from '../hostile/world.js'
import { adapters, resource } from '../target/start.js'

const seen: Caller[] = []
const note = ({ caller }: { caller: Caller }): object => {
  seen.push(caller)
  return { served: true }
}

// A resource's own rules, which no token overrides.
const table = [
  { method: 'GET', path: '/who', requirement: 'person', answer: note },
  {
    method: 'GET',
    path: '/club',
    requirement: {
      identity: 'agent',
      policy: ({ caller }: { caller: Caller }) =>
        caller.kind === 'agent' && caller.agent === 'aauth:sam@ap.example' ? allow() : deny(),
    },
    answer: note,
  },
  {
    method: 'GET',
    path: '/tobacco',
    requirement: {
      scope: 'data.read',
      policy: ({ caller }: { caller: Caller }) =>
        caller.kind === 'grant' && caller.tenant === 'school' ? deny('not_for_schools') : allow(),
    },
    answer: note,
  },
  {
    method: 'GET',
    path: '/early',
    requirement: {
      identity: 'person',
      policy: ({ caller }: { caller: Caller }) =>
        'tenant' in caller && caller.tenant === 'school' ? deny() : allow(),
    },
    answer: note,
  },
] as const

describe.each(adapters)('who a person is, and the resource’s own word [adapter %s]', (adapter) => {
  let world: World
  beforeEach(async () => {
    seen.length = 0
    world = await World.open(adapter, {}, table)
  })
  afterEach(() => world.close())
  const get = async (target: string, token: string) => world.send(await world.compose({ target, token }))
  const personOf = (caller: Caller | undefined): object | undefined =>
    caller?.kind === 'person' || caller?.kind === 'grant' ? caller.person : undefined

  it('is the same with another agent and another key (R-129)', async () => {
    await get('/who', await world.person())
    const key = createKey('ES256')
    const token = await world.town.ps.mintPersonToken({ person: world.mom, resource, cnf: key.cnf })
    await world.send(await world.compose({ target: '/who', token, key }))
    await get('/who', await world.grant())
    expect(seen).toHaveLength(3)
    expect(new Set(seen.map((caller) => JSON.stringify(personOf(caller)))).size).toBe(1)
  })

  it('is another with the same sub of another person server (R-130, R-128)', async () => {
    const other = await world.town.openPersonServer('https://other.example')
    const sub = world.town.ps.subjectOf(world.mom, resource)
    await get('/who', await world.person())
    await get('/who', await world.person({ claims: { iss: other.id }, key: other.keys.current }))
    expect(seen.map(personOf)).toEqual([
      { ps: 'https://ps.example', sub },
      { ps: 'https://other.example', sub },
    ])
  })

  it('does not change with the tenant (R-131)', async () => {
    for (const tenant of ['school', 'work', undefined])
      await get('/who', await world.person({ claims: { tenant } }))
    expect(new Set(seen.map((caller) => JSON.stringify(personOf(caller)))).size).toBe(1)
  })

  it('may be enough, or refused by tenant before anything is issued (R-134, R-332, R-133)', async () => {
    const token = await world.person({ claims: { tenant: 'school' } })
    const refused = await get('/early', token)
    expect([refused.status, refused.headers.has('aauth-requirement')]).toEqual([403, false])
    expect((await get('/early', await world.person({ claims: { tenant: 'work' } }))).status).toBe(200)
  })

  it('may be decided by the agent alone (R-119)', async () => {
    expect((await get('/club', await world.agent())).status).toBe(200)
    const other = await world.agent({ claims: { sub: 'aauth:pat@ap.example' } })
    expect((await get('/club', other)).status).toBe(403)
    expect(seen).toHaveLength(1)
  })

  it('has consented, and is denied all the same (N-114, R-144, R-332, R-136, R-067, R-167, K-125, KN-140, HC-91, HC-123)', async () => {
    const denied = await get('/tobacco', await world.grant({ claims: { tenant: 'school' } }))
    expect([denied.status, JSON.parse(denied.body).error]).toEqual([403, 'not_for_schools'])
    for (const field of [
      'signature-error',
      'accept-signature-scheme',
      'accept-signature-alg',
      'aauth-requirement',
    ]) {
      expect(denied.headers.has(field)).toBe(false)
    }
    expect(seen).toHaveLength(0)
    expect((await get('/tobacco', await world.grant())).status).toBe(200)
  })

  it('is served whatever became of the agent token behind the grant (R-147)', async () => {
    await world.target.aauth.revocations.record({
      iss: 'https://ap.example',
      jti: 'at',
      exp: world.now + 3600,
    })
    await world.agent({ claims: { jti: 'at', exp: world.now - 1 } })
    expect((await get('/tobacco', await world.grant())).status).toBe(200)
  })
})
