import type { TokenCaller } from '../caller.js'
import type { Decision } from './decision.js'

/** What was decided about a request. No token has been minted, nothing stored and nothing reported yet. */
export interface Finding {
  readonly decision: Decision
  /** Who signed the request, where that is known. */
  readonly caller: TokenCaller | undefined
  /** Makes the token that replaces the session's, when it is time. */
  readonly renew?: (() => Promise<string>) | undefined
}
