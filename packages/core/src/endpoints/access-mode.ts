import type { CheckedRequirement } from '../access/checked-requirement.js'

/** The registered values of `access_mode` (AAuth 11.2.4). */
export type AccessMode = 'agent-token' | 'person-token' | 'session-token' | 'auth-token'

/** The hint `access_mode` of the metadata, as the routes have it. */
export interface AccessModes {
  /** Notes what a route needs. */
  note(requirement: Pick<CheckedRequirement, 'needs'>): void
  /** Of the routes that have been declared, what the most demanding needs; `undefined`: there is none. */
  current(): AccessMode | undefined
}

/**
 * From the least to the most. A person token is taken on a route for sessions as well, and not the other way round; and
 * whoever begins with one can go on to an auth token.
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
