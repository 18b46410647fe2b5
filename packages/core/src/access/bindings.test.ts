import { describe, expect, it } from 'vitest'
import type { Outcome } from '../answer/outcome.js'
import { now, signed, token } from '../testing/party.js'
import { inShort, resourceTokenIn, testResource } from '../testing/resource.js'
import type { Requirement } from './requirement.js'

const accounts = ({ account }: { account: string }): boolean => account !== 'hers'
const ask = async (
  requirement: Requirement,
  typ: 'aa-person+jwt' | 'aa-auth+jwt' | 'aa-agent+jwt',
  claims: object = {},
  params: Record<string, string> = {},
): Promise<Outcome> => {
  const server = testResource({ accounts })
  const request = await signed(await token(typ, claims))
  return server.require(requirement).check(request, { params, raw: undefined })
}
const inBrief = async (...args: Parameters<typeof ask>): Promise<string> => inShort(await ask(...args))

describe('account (R-291, R-293, HC-63)', () => {
  const bound: Requirement = { scope: 'data.read', account: ({ params }) => params['account'] }

  it('serves the grant for this account, and no other (R-292, R-293)', async () => {
    expect(await inBrief(bound, 'aa-auth+jwt', { account: 'blue' }, { account: 'blue' })).toBe('served')
    expect(await inBrief(bound, 'aa-auth+jwt', { account: 'blue' })).toBe('403 access_denied')
  })

  it.each([
    ['another account', { account: 'red' }],
    ['an account that is no longer held', { account: 'hers' }],
    ['none', {}],
    ['another spelling', { account: 'BLUE' }],
  ])('asks for a grant for this account where one for %s is brought (R-293, N-113)', async (_, claims) => {
    const outcome = await ask(bound, 'aa-auth+jwt', { ...claims, jti: 'a' }, { account: 'blue' })
    expect(resourceTokenIn(outcome)).toMatchObject({
      scope: 'data.read',
      account: 'blue',
      presented_jti: 'a',
    })
    const more: Requirement = { ...bound, scope: 'data.write' }
    const both = await ask(more, 'aa-auth+jwt', claims, { account: 'blue' })
    expect(resourceTokenIn(both)).toMatchObject({ scope: 'data.read data.write', account: 'blue' })
  })

  it('is refused where the person does not hold it, whatever the grant is for (N-113)', async () => {
    for (const claims of [{ account: 'red' }, {}, { account: 'hers' }])
      expect(await inBrief(bound, 'aa-auth+jwt', claims, { account: 'hers' })).toBe('403 access_denied')
  })

  it('is refused where another binding objects, whatever the grant is for (N-113)', async () => {
    const tenant: Requirement = { ...bound, tenant: true }
    expect(await inBrief(tenant, 'aa-auth+jwt', { account: 'red' }, { account: 'blue' })).toBe(
      '403 access_denied',
    )
  })

  it('is not believed because a person server wrote it', async () => {
    expect(await inBrief(bound, 'aa-auth+jwt', { account: 'hers' }, { account: 'hers' })).toBe(
      '403 access_denied',
    )
    expect(await inBrief({ scope: 'data.read' }, 'aa-auth+jwt', { account: 'hers' })).toBe(
      '403 access_denied',
    )
    expect(await inBrief('person', 'aa-auth+jwt', { account: 'hers' })).toBe('403 access_denied')
  })

  it('is asked for in the resource token, for people who hold it (R-198, R-292)', async () => {
    const outcome = await ask(bound, 'aa-person+jwt', {}, { account: 'blue' })
    expect(resourceTokenIn(outcome)).toMatchObject({ scope: 'data.read', account: 'blue' })
    expect(await inBrief(bound, 'aa-person+jwt', {}, { account: 'hers' })).toBe('403 access_denied')
    expect(await inBrief(bound, 'aa-agent+jwt', {}, { account: 'hers' })).toBe('401 person-token')
  })

  it('is carried over on a step-up, and comes from nowhere else (R-292, R-295)', async () => {
    const more: Requirement = { ...bound, scope: 'data.write' }
    const claims = { account: 'blue', login_hint: 'red' }
    const outcome = await ask(more, 'aa-auth+jwt', claims, { account: 'blue' })
    expect(resourceTokenIn(outcome)).toMatchObject({ scope: 'data.read data.write', account: 'blue' })
  })

  it('costs no promise where a grant is for none', async () => {
    const route = testResource({ accounts }).require({ scope: 'data.read' })
    const request = await signed(await token('aa-auth+jwt'))
    await route.check(request)
    expect(route.check(request)).toMatchObject({ served: true })
  })

  it('refuses with 500 when it gives something else than a name', async () => {
    const wrong = { scope: 'data.read', account: () => 5 } as unknown as Requirement
    expect(await inBrief(wrong, 'aa-auth+jwt', { account: 'blue' })).toBe('500 server_error')
  })
})

describe('whose data it is', () => {
  const owner = { ps: 'https://ps.example', sub: 'mom-at-rs' }
  const of = (person: typeof owner | undefined): Requirement => ({ identity: 'person', person: () => person })

  it('is compared with the token, person server included (R-130, R-145)', async () => {
    expect(await inBrief(of(owner), 'aa-person+jwt')).toBe('served')
    expect(await inBrief(of({ ...owner, ps: 'https://other.example' }), 'aa-person+jwt')).toBe(
      '403 access_denied',
    )
    expect(await inBrief(of({ ...owner, sub: 'sam' }), 'aa-auth+jwt')).toBe('403 access_denied')
    expect(await inBrief(of(undefined), 'aa-person+jwt')).toBe('403 access_denied')
  })

  it('is settled before anybody is asked for consent', async () => {
    const requirement: Requirement = { scope: 'data.read', person: async () => ({ ...owner, sub: 'sam' }) }
    expect(await inBrief(requirement, 'aa-person+jwt')).toBe('403 access_denied')
    expect(await inBrief(requirement, 'aa-agent+jwt')).toBe('401 person-token')
  })

  it('refuses with 500 when looking it up fails', async () => {
    const requirement: Requirement = {
      identity: 'person',
      person: () => Promise.reject(new Error('no database')),
    }
    expect(await inBrief(requirement, 'aa-person+jwt')).toBe('500 server_error')
  })
})

describe('tenant and mission', () => {
  const school = { ps: 'https://ps.example', tenant: ['school', 'college'] }
  it.each<[string, Requirement, object, string]>([
    ['any tenant', { identity: 'person', tenant: true }, { tenant: 'acme' }, 'served'],
    ['no tenant', { identity: 'person', tenant: true }, {}, '403 access_denied'],
    ['a tenant of this server', { identity: 'person', tenant: school }, { tenant: 'school' }, 'served'],
    ['another tenant', { identity: 'person', tenant: school }, { tenant: 'acme' }, '403 access_denied'],
    [
      'the name, at another server',
      { identity: 'person', tenant: { ...school, ps: 'https://x.example' } },
      { tenant: 'school' },
      '403 access_denied',
    ],
    [
      'a function',
      { identity: 'person', tenant: (name, { person }) => name === 'acme' && person.ps.endsWith('.example') },
      { tenant: 'acme' },
      'served',
    ],
    ['a refused tenant, before consent', { scope: 'data.read', tenant: school }, {}, '403 access_denied'],
    ['any mission', { identity: 'person', mission: true }, { mission_s256: 'abc' }, 'served'],
    ['no mission', { identity: 'person', mission: true }, {}, '403 access_denied'],
    ['this mission', { identity: 'person', mission: 'abc' }, { mission_s256: 'abc' }, 'served'],
    ['another mission', { identity: 'person', mission: 'abc' }, { mission_s256: 'abd' }, '403 access_denied'],
  ])('%s', async (_name, requirement, claims, expected) => {
    expect(await inBrief(requirement, 'aa-person+jwt', { ...claims, iat: now })).toBe(expected)
  })
})

describe('person', () => {
  it.each([undefined, null])('that is %s is nobody’s data', async (owner) => {
    expect(await inBrief({ scope: 'data.read', person: () => owner }, 'aa-auth+jwt')).toBe(
      '403 access_denied',
    )
  })
})
