import type { JsonObject } from '../checks/directory.js'
import type { TokenName } from '../checks/tokens.js'
import type { PendingRequests } from '../server/pending.js'
import type { TownServer } from '../server/town-server.js'
import type { AccessPolicy } from './decision.js'

/** The content of a four-party auth token to mint. */
export interface AccessTokenRequest {
  readonly resource: string
  readonly ps: string
  readonly sub: string
  readonly cnf: JsonObject
  readonly scope?: string | undefined
  readonly account?: string | undefined
  readonly mission?: string | undefined
  readonly tenant?: string | undefined
  /** Seconds; default and limit an hour from now. */
  readonly expiresAt?: number | undefined
  /** The `jti` of the token the agent presented, remembered for revocation. */
  readonly presentedJti?: string | undefined
  /** The agent that requested it, remembered with the token. */
  readonly agent?: string | undefined
  /** The sub-agent of `agent` that the token is for. */
  readonly subAgent?: string | undefined
  /** The token on which an intermediary acted. */
  readonly upstream?: TokenName | undefined
}

/** The part of an access server that its token endpoint uses. */
export interface AccessServerContext {
  readonly id: string
  readonly server: TownServer
  readonly pending: PendingRequests
  readonly policy: AccessPolicy
  mintAuthToken(request: AccessTokenRequest): Promise<string>
}
