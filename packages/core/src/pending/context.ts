import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { TokenCaller } from '../caller.js'
import type { Chaining } from '../chaining/chaining.js'
import type { Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import type { UserDirectory } from '../users/directory.js'
import type { PendingUrls } from './answers.js'
import type { ChainPolls } from './chain-polls.js'
import type { GrantToken } from './grant-token.js'
import type { Approved, PendingRecord } from './record.js'
import type { SettleContext } from './settle.js'

/** The context of an answer to a poll. */
export interface PollContext extends SettleContext {
  readonly urls: PendingUrls
  readonly grantToken: GrantToken
  /** Present with the option `users`. */
  readonly users: UserDirectory | undefined
  readonly authentication: Pick<AuthenticationContext, 'issuers' | 'diagnose'>
  /** Present if handlers call suppliers. */
  readonly chaining?: Chaining | undefined
  /** Polls at suppliers; present with {@link chaining}. */
  readonly chainPolls?: ChainPolls | undefined
  /** Begins the session that the request was approved for; the answer carries its token. */
  beginSession(record: PendingRecord, approval: Approved): Promise<Answer>
}

/** One poll, signed with the key that started the request. */
export interface Poll {
  readonly request: HttpRequest
  readonly caller: TokenCaller
  readonly host: Host
}

/** One step of a poll: its answer, or the record to continue with. */
export type Step = Answer | { readonly next: PendingRecord }
