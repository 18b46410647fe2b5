import type { CallingAgent } from '../checks/authenticate.js'
import type { VerifiedToken } from '../checks/tokens.js'
import type { Person } from './person.js'

/** A token request all of whose checks have passed. */
export interface TokenOrder {
  readonly caller: CallingAgent
  readonly person: Person
  readonly resourceToken: VerifiedToken
  readonly presentedToken: VerifiedToken
}
