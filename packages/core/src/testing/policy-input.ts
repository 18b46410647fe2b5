import type { PolicyInput } from '../access/policy.js'
import type { Agent, Caller, Grant } from '../caller.js'

// Whom and what policy engines are asked about in their tests.

/** Seconds. */
export const now = 1_800_000_000
/** Of both. */
export const token = { iss: 'https://as.example', jti: 't', iat: now - 600, exp: now + 600 }
/** A grant that is ten minutes old. */
export const grant: Grant = {
  kind: 'grant',
  jkt: 'key',
  token,
  person: { ps: 'https://ps.example', sub: 'mom' },
  scope: ['read'],
  tenant: 'school',
  mission: 'm',
  claims: {},
}
/** An agent, of no person. */
export const agent: Agent = {
  kind: 'agent',
  jkt: 'key',
  token,
  agent: 'aauth:sam@ap.example',
  provider: 'https://ap.example',
}
/** What a policy is asked about a caller. */
export const inputOf = (caller: Caller): PolicyInput => ({
  caller,
  now,
  approvedBy: ['boss'],
  signal: new AbortController().signal,
  request: {
    method: 'GET',
    path: '/notes/1',
    query: '',
    params: { id: '1', none: undefined },
    raw: {},
    route: '/notes/:id',
  },
})
