import { describe, expect, it } from 'vitest'
import type { Caller, Grant } from '../caller.js'
import { agentKey, now } from '../testing/party.js'
import { decide } from './decide.js'
import { checkRequirement, type Requirement } from './requirement.js'

const verified = {
  jkt: agentKey.jkt,
  token: { iss: 'https://ps.example', jti: 'a', iat: now, exp: now + 60 },
}
const person = { ps: 'https://ps.example', sub: 'mom' }
const grant = (...scope: string[]): Grant => ({ kind: 'grant', person, scope, claims: {}, ...verified })
const callers: Record<string, Caller | undefined> = {
  nobody: undefined,
  agent: { kind: 'agent', agent: 'aauth:sam@ap.example', provider: 'https://ap.example', ...verified },
  person: { kind: 'person', person, ...verified },
  sufficient: grant('read', 'write'),
  insufficient: grant('read'),
  empty: grant(),
}
const scopes = new Set(['read', 'write'])
const verdict = (requirement: Requirement, caller: string): string => {
  const decision = decide(checkRequirement(requirement, scopes), callers[caller])
  if (decision.act === 'ask') return decision.requirement
  return decision.act === 'ask-grant' ? `auth-token: ${decision.scope.join(' ')}` : 'serve'
}

describe('the answer matrix (part L)', () => {
  it.each<[Requirement, string, string]>([
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
  ])('%o of %s: %s', (requirement, caller, expected) => {
    expect(verdict(requirement, caller)).toBe(expected)
  })
})

describe('requirements', () => {
  it.each([
    [{ scope: 'unknown' }],
    [{ scope: [] }],
    [{ identity: 'nobody' }],
    [{}],
    [{ scope: 'read', extra: true }],
    [{ scope: 'read', policy: 'deny' }],
    ['everyone'],
    [null],
  ])('%o is a TypeError when the route is declared', (requirement) => {
    expect(() => checkRequirement(requirement as unknown as Requirement, scopes)).toThrow(TypeError)
  })
})
