import type { Caller, Grant, Person } from '../caller.js'
import type { CheckedRequirement } from './requirement.js'

/** Serve the caller, as far as the protocol goes; the policy still has the last word. */
export interface Serve {
  readonly act: 'serve'
  readonly caller: Caller
}

/** Challenge with a requirement that needs no token of ours. */
export interface AskToken {
  readonly act: 'ask'
  readonly requirement: 'agent-token' | 'person-token'
}

/** Challenge with a resource token for these scopes, minted from this caller. */
export interface AskGrant {
  readonly act: 'ask-grant'
  readonly caller: Person | Grant
  readonly scope: readonly string[]
}

/** What to do with a request whose signature and token are good, or which has none at all. */
export type Decision = Serve | AskToken | AskGrant

type Row = Readonly<Record<'nobody' | Caller['kind'], (need: CheckedRequirement, caller: Caller) => Decision>>

const askAgent = (): Decision => ({ act: 'ask', requirement: 'agent-token' })
const askPerson = (): Decision => ({ act: 'ask', requirement: 'person-token' })
const serve = (_: CheckedRequirement, caller: Caller): Decision => ({ act: 'serve', caller })
const askGrant = (need: CheckedRequirement, caller: Caller): Decision => ({
  act: 'ask-grant',
  caller: caller as Person,
  scope: need.scope,
})

/**
 * The whole answer matrix (AAuth 6.1, 6.4, 6.5; part L). A row is what the endpoint needs, a column what the request
 * carried. No other place chooses between serving and challenging.
 */
const matrix: Readonly<Record<CheckedRequirement['needs'], Row>> = {
  // A person or auth token does not say who is calling (G-06).
  agent: { nobody: askAgent, agent: serve, person: askAgent, grant: askAgent },
  // Agents that hold an auth token present it everywhere; it names the person as well (G-05).
  person: { nobody: askPerson, agent: askPerson, person: serve, grant: serve },
  // Never an auth-token challenge for a request that carried neither a person token nor an auth token.
  grant: {
    nobody: askPerson,
    agent: askPerson,
    person: askGrant,
    grant: (need, caller) => fit(need, caller as Grant),
  },
}

/** Decides by the matrix. */
export function decide(need: CheckedRequirement, caller: Caller | undefined): Decision {
  return matrix[need.needs][caller?.kind ?? 'nobody'](need, caller as Caller)
}

function fit(need: CheckedRequirement, grant: Grant): Decision {
  return need.scope.every((scope) => grant.scope.includes(scope))
    ? { act: 'serve', caller: grant }
    : extend(grant, need.scope)
}

/** Step-up: agents keep one auth token and replace it, so ask for what they have as well (R-157, G-47). */
export function extend(grant: Grant, more: readonly string[]): AskGrant {
  return { act: 'ask-grant', caller: grant, scope: [...new Set([...grant.scope, ...more])] }
}
