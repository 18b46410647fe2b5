import { describe, expect, it } from 'vitest'
import type { Connected, Grant, Person, TokenCaller } from '../caller.js'
import { refuse } from '../errors.js'
import { agentKey, now } from '../testing/party.js'
import { unbound } from './bindings.js'
import { checkRequirement } from './checked-requirement.js'
import { decide, decideAdmitted, decideSession, decideVerdict, type Need } from './decide.js'
import type { AskGrant } from './decision.js'
import { allow, deny, stepUp } from './policy.js'
import type { Requirement } from './requirement.js'
import type { ScopeRule } from './scope-rule.js'

const verified = {
  jkt: agentKey.jkt,
  token: { iss: 'https://ps.example', jti: 'a', iat: now, exp: now + 60 },
}
const mom = { ps: 'https://ps.example', sub: 'mom' }
const grant = (scope: readonly string[], claims: Grant['claims'] = {}): Grant => ({
  kind: 'grant',
  person: mom,
  scope,
  claims,
  account: 'blue',
  ...verified,
})
const person: Person = { kind: 'person', person: mom, ...verified }
const callers: Record<string, TokenCaller | undefined> = {
  nobody: undefined,
  agent: { kind: 'agent', agent: 'aauth:sam@ap.example', provider: 'https://ap.example', ...verified },
  person,
  sufficient: grant(['read', 'write']),
  insufficient: grant(['read']),
  empty: grant([]),
}
const context = {
  scopes: new Set(['read', 'write', 'admin']),
  accounts: true,
  users: true,
  keys: true,
  policies: [],
  observe: false,
  interaction: true,
  onward: true,
}
const needOf = (requirement: Requirement): Need => {
  const checked = checkRequirement(requirement, context)
  return { ...checked, scope: checked.scope as ScopeRule, ...unbound }
}
const verdict = (requirement: Requirement, caller: TokenCaller | undefined, objection?: string): string => {
  const need = needOf(requirement)
  const decision = decide(objection === undefined ? need : { ...need, objection }, caller)
  if (decision.act === 'ask') return decision.requirement
  return decision.act === 'ask-grant' ? `auth-token: ${decision.scope.join(' ')}` : decision.act
}

describe('the answer matrix (part L)', () => {
  it.each<[Requirement, string, string]>([
    [{ identity: 'any' }, 'nobody', 'agent-token'],
    [{ identity: 'any' }, 'agent', 'serve'],
    [{ identity: 'any' }, 'person', 'serve'],
    [{ identity: 'any' }, 'empty', 'serve'],
    ['agent', 'nobody', 'agent-token'],
    ['agent', 'agent', 'serve'],
    ['agent', 'person', 'agent-token'],
    ['agent', 'sufficient', 'agent-token'],
    ['person', 'nobody', 'person-token'],
    ['person', 'agent', 'person-token'],
    ['person', 'person', 'serve'],
    ['person', 'insufficient', 'serve'],
    [{ scope: ['read', 'write'] }, 'nobody', 'person-token'],
    [{ scope: ['read', 'write'] }, 'agent', 'person-token'],
    [{ scope: ['read', 'write'] }, 'person', 'auth-token: read write'],
    [{ scope: ['read', 'write'] }, 'sufficient', 'serve'],
    [{ scope: 'write' }, 'insufficient', 'auth-token: read write'],
    [{ scope: 'write' }, 'empty', 'auth-token: write'],
    [{ scope: { anyOf: ['admin', 'write'] } }, 'sufficient', 'serve'],
    [{ scope: { anyOf: ['admin', 'write'] } }, 'insufficient', 'auth-token: read admin'],
    [{ scope: { anyOf: [{ allOf: ['read', 'write'] }, 'admin'] } }, 'insufficient', 'auth-token: read write'],
    [{ scope: ['read', { anyOf: ['write', 'admin'] }] }, 'person', 'auth-token: read write'],
    [{ session: true }, 'nobody', 'agent-token'],
    [{ session: true }, 'agent', 'connect'],
    [{ session: true }, 'person', 'connect'],
    [{ session: true }, 'sufficient', 'connect'],
    [{ scope: 'read', optional: true }, 'nobody', 'serve'],
    [{ scope: 'read', optional: true }, 'agent', 'person-token'],
    [{ claims: { email: true } }, 'person', 'auth-token: email'],
    [{ scope: 'read', claims: { email: true } }, 'insufficient', 'auth-token: read email'],
  ])('%o of %s: %s', (requirement, caller, expected) => {
    expect(verdict(requirement, callers[caller])).toBe(expected)
  })

  it('forbids rather than asks where an objection stands, whoever has been named', () => {
    expect(verdict({ scope: 'read' }, person, 'no')).toBe('forbid')
    expect(verdict({ scope: 'read' }, grant(['read']), 'no')).toBe('forbid')
    expect(verdict({ identity: 'person' }, person, 'no')).toBe('forbid')
    expect(verdict({ scope: 'read' }, undefined, 'no')).toBe('person-token')
  })

  it('carries the account of the grant over a step-up', () => {
    expect(decide(needOf({ scope: 'write' }), grant(['read']))).toMatchObject({ account: 'blue' })
  })
})

describe('claims (R-290)', () => {
  const claims = { email: 'sam@home.example', groups: ['staff', 'night'], email_verified: true }
  const held = grant(['read', 'email', 'groups'], claims)

  it.each<[object, string]>([
    [{ email: true }, 'serve'],
    [{ email: 'sam@home.example' }, 'serve'],
    [{ email: 'mom@home.example' }, 'forbid'],
    [{ email: (value: unknown) => String(value).endsWith('@home.example') }, 'serve'],
    [{ email: () => false }, 'forbid'],
    [{ groups: 'staff' }, 'serve'],
    [{ groups: ['admin', 'night'] }, 'serve'],
    [{ groups: 'admin' }, 'forbid'],
    [{ email_verified: true }, 'serve'],
    [{ roles: 'clerk' }, 'auth-token: read email groups roles'],
    // No identity scope brings it.
    [{ email: true, loyalty: 'gold' }, 'forbid'],
  ])('%o: %s', (rules, expected) => {
    expect(verdict({ scope: 'read', claims: rules as { email: true } }, held)).toBe(expected)
  })

  it('does not ask again for what was granted and withheld', () => {
    expect(verdict({ claims: { email: true } }, grant(['email']))).toBe('forbid')
    expect(verdict({ claims: { email: true } }, grant(['email'], { email: '' }))).toBe('forbid')
    expect(verdict({ claims: { email: true } }, grant(['email'], { email: { toString: 1 } }))).toBe('forbid')
  })

  it('reads no member that the token does not have', () => {
    const rules = { email: true, constructor: true } as unknown as { email: true }
    expect(verdict({ claims: rules }, held)).toBe('forbid')
  })
})

describe('scopes that are asked for although fewer suffice (G-72)', () => {
  const asking = { scope: 'read', ask: ['write', 'email'] } as const
  it.each([
    [{ ...asking }, 'person', 'auth-token: read write email'],
    [{ ...asking, ask: 'write' }, 'person', 'auth-token: read write'],
    // It has what is needed.
    [{ ...asking }, 'insufficient', 'serve'],
    // Sent for more all the same, so that it need not be sent again.
    [{ ...asking }, 'empty', 'auth-token: read write email'],
    [{ claims: { email: true }, ask: 'read' }, 'person', 'auth-token: email read'],
  ])('%o of %s: %s', (requirement, caller, expected) => {
    expect(verdict(requirement as Requirement, callers[caller])).toBe(expected)
  })
})

describe('requirements', () => {
  it.each([
    [{ scope: 'unknown' }],
    [{ scope: [] }],
    [{ scope: { anyOf: [] } }],
    [{ scope: { anyOf: ['read'], allOf: ['read'] } }],
    [{ scope: { oneOf: ['read'] } }],
    [{ identity: 'nobody' }],
    [{}],
    [{ scope: 'read', extra: true }],
    [{ scope: 'read', identity: 'agent' }],
    [{ scope: 'read', policy: 'deny' }],
    [{ scope: 'read', policy: ['deny'] }],
    [{ scope: 'read', optional: 'yes' }],
    [{ scope: 'read', optional: true, or: () => {} }],
    [{ scope: 'read', orWins: () => true }],
    [{ scope: 'read', tenant: 'school' }],
    [{ scope: 'read', tenant: { ps: 'ps.example', tenant: 'school' } }],
    [{ scope: 'read', account: 'blue' }],
    [{ scope: 'read', person: mom }],
    [{ scope: 'read', claims: {} }],
    [{ scope: 'read', claims: { email: false } }],
    [{ claims: { loyalty: 'gold' } }],
    [{ identity: 'agent', claims: { email: true } }],
    [{ identity: 'agent', tenant: true }],
    ['everyone'],
    [{ session: { scope: 'unknown' } }],
    [{ session: false }],
    [{ session: { title: 'x' } }],
    [{ session: true, scope: 'read' }],
    [null],
  ])('%o is a TypeError when the route is declared', (requirement) => {
    expect(() => checkRequirement(requirement, context)).toThrow(TypeError)
  })

  it('binds an account only where somebody says who holds one', () => {
    const requirement = { scope: 'read', account: () => 'blue' }
    expect(() => checkRequirement(requirement, { ...context, accounts: false })).toThrow('option accounts')
  })

  it.each([
    ['users', 'the option users'],
    ['interaction', 'the option interaction'],
    ['keys', 'the option signingKeys'],
  ])('looks for a user only where there are %s', (option, name) => {
    for (const requirement of [
      { scope: 'read', user: true },
      { claims: { email: true }, user: () => true },
      { identity: 'person', user: true },
    ]) {
      expect(checkRequirement(requirement, context).bindings.user).toBeDefined()
      expect(() => checkRequirement(requirement, { ...context, [option]: false })).toThrow(name)
    }
  })

  it.each([
    [{ identity: 'agent', user: true }],
    [{ identity: 'any', user: true }],
    [{ session: true, user: true }],
    [{ scope: 'read', user: false }],
    [{ scope: 'read', user: 'mom' }],
    [{ scope: 'read', user: ['mom'] }],
  ])('%j looks for nobody: a TypeError', (requirement) => {
    expect(() => checkRequirement(requirement, context)).toThrow(/^require: user/)
  })

  it('connects agents only where there is a login', () => {
    expect(() => checkRequirement({ session: true }, { ...context, interaction: false })).toThrow(
      'option interaction',
    )
  })

  it('asks for a grant only where there is a key that signs resource tokens', () => {
    expect(() => checkRequirement({ claims: { email: true } }, { ...context, keys: false })).toThrow(
      'option signingKeys',
    )
  })
})

describe('what sessions, policies and scope lists make of a cell', () => {
  const agent = callers['agent'] as TokenCaller
  const session: Connected = {
    kind: 'session',
    user: 'mom',
    scope: ['read'],
    session: { id: 's', began: now },
    by: agent,
    ...verified,
  }
  const scopes = {
    isOwn: (name: string) => context.scopes.has(name),
    isIdentity: (name: string) => name === 'email',
  }

  it.each([
    { title: 'none', wanted: [], by: undefined, found: undefined, act: 'ask-session' },
    { title: 'a good one', wanted: ['read'], by: undefined, found: session, act: 'serve' },
    { title: 'one of somebody the route takes', wanted: [], by: ['mom'], found: session, act: 'serve' },
    { title: 'one of somebody else', wanted: [], by: ['dad'], found: session, act: 'ask-session' },
    { title: 'one for less', wanted: ['write'], by: undefined, found: session, act: 'ask-session' },
    { title: 'one where nobody may', wanted: [], by: [], found: session, act: 'forbid' },
  ])('$act for a session: $title', ({ wanted, by, found, act }) => {
    const decision = decideSession(agent, { scope: wanted }, by, found)
    expect(decision.act).toBe(act)
    if (decision.act === 'serve') expect(decision.caller).toBe(found)
  })

  it('keeps what a session is for when more is asked for, and nothing of somebody else’s', () => {
    expect(decideSession(agent, { scope: ['write'] }, undefined, session)).toMatchObject({
      asked: { scope: ['read', 'write'] },
    })
    expect(decideSession(agent, { scope: ['write'] }, ['dad'], session)).toMatchObject({
      asked: { scope: ['write'], by: ['dad'] },
    })
  })

  it.each([
    { title: 'allow', verdict: allow(), caller: agent, act: undefined },
    { title: 'deny', verdict: deny('closed'), caller: agent, act: 'forbid' },
    { title: 'more', verdict: stepUp({ scope: 'write' }), caller: grant(['read']), act: 'ask-grant' },
    { title: 'what is there', verdict: stepUp({ scope: 'read' }), caller: grant(['read']), act: 'forbid' },
    { title: 'a fresh one of a person', verdict: stepUp({ fresh: true }), caller: person, act: 'ask-grant' },
    { title: 'a fresh one that is', verdict: stepUp({ fresh: true }), caller: grant([]), act: undefined },
  ])('$act for a verdict: $title', ({ verdict, caller, act }) => {
    expect(decideVerdict(verdict, caller, now, scopes)?.act).toBe(act)
  })

  it.each([
    { title: 'nothing', verdict: undefined, caller: person },
    { title: 'something else', verdict: { verdict: 'maybe' } as never, caller: person },
    { title: 'a step-up of an agent', verdict: stepUp({ scope: 'write' }), caller: agent },
    { title: 'a step-up of a session', verdict: stepUp({ scope: 'write' }), caller: session },
    { title: 'an unknown scope', verdict: stepUp({ scope: 'fly' }), caller: person },
    { title: 'a code that is none', verdict: { verdict: 'deny', code: 'A b' } as never, caller: person },
  ])('takes $title for a fault of the policy', ({ verdict, caller }) => {
    expect(() => decideVerdict(verdict, caller, now, scopes)).toThrow(TypeError)
  })

  it('asks for what may stand in a resource token, if that is of any use', () => {
    const ask: AskGrant = {
      act: 'ask-grant',
      caller: person,
      scope: ['read', 'email'],
      essential: ['email'],
      account: undefined,
    }
    expect(decideAdmitted(ask, ['read', 'email'])).toEqual(ask)
    expect(decideAdmitted({ ...ask, essential: [] }, ['read'])).toMatchObject({ scope: ['read'] })
    expect(decideAdmitted(ask, ['read']).act).toBe('forbid')
    expect(decideAdmitted({ ...ask, essential: [] }, []).act).toBe('forbid')
    expect(decideAdmitted(ask, refuse('issuer_unavailable', 'later')).act).toBe('refuse')
  })
})
