import type { VerifiedToken } from '../checks/tokens.js'
import type { Party } from './party.js'

/** A token request all of whose checks have passed. */
export interface TokenOrder {
  readonly party: Party
  readonly resourceToken: VerifiedToken
  readonly presentedToken: VerifiedToken
}
