import type { CheckedRequirement } from '../access/checked-requirement.js'

/** The registered values of `access_mode` (AAuth 11.2.4). */
export type AccessMode = 'agent-token' | 'person-token' | 'session-token' | 'auth-token'

/** Finds the hint `access_mode` of the metadata from the declared routes. */
export interface AccessModes {
  /** Records what a route requires. */
  note(requirement: Pick<CheckedRequirement, 'needs'>): void
  /** What the most demanding declared route requires; `undefined` without routes. */
  current(): AccessMode | undefined
}

/**
 * From the least to the most demanding. A person token is also accepted on routes for sessions, but not the other way
 * round; and an agent that begins with a person token can go on to an auth token.
 */
const rising: readonly AccessMode[] = ['agent-token', 'session-token', 'person-token', 'auth-token']

const modes: Readonly<Record<CheckedRequirement['needs'], AccessMode>> = {
  any: 'agent-token',
  agent: 'agent-token',
  session: 'session-token',
  person: 'person-token',
  grant: 'auth-token',
}

/** Creates it. */
export function createAccessModes(): AccessModes {
  let most = -1
  return {
    note({ needs }) {
      most = Math.max(most, rising.indexOf(modes[needs]))
    },
    current: () => rising[most],
  }
}
