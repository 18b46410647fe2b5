import type { AuthenticationContext } from '../authentication/authenticate.js'
import type { TokenCaller } from '../caller.js'
import type { Host } from '../http/endpoint.js'
import type { Answer, HttpRequest } from '../http/message.js'
import type { ResourceTokenMint } from '../token/resource-token.js'
import type { DeferralPlaces } from './answers.js'
import type { Approved, PendingRecord } from './record.js'
import type { SettleContext } from './settle.js'

/** What answering a poll depends on. */
export interface PollContext extends SettleContext {
  readonly places: DeferralPlaces
  readonly mint: ResourceTokenMint
  readonly authentication: Pick<AuthenticationContext, 'issuers' | 'diagnose'>
  /** The answer that begins a session. */
  beginSession(record: PendingRecord, approval: Approved): Promise<Answer>
}

/** One poll, by the agent that started the request. */
export interface Poll {
  readonly request: HttpRequest
  readonly caller: TokenCaller
  readonly host: Host
}

/** What a poll comes to: its answer, or the record that it goes on with. */
export type Step = Answer | { readonly next: PendingRecord }
