import type { TokenCaller } from '../caller.js'
import type { Decision } from './decision.js'

/** Where the walk of a request ended. Nothing has been minted, written or told to anybody yet. */
export interface Finding {
  readonly decision: Decision
  /** Who signed, if that much is known, whatever was decided. */
  readonly caller: TokenCaller | undefined
  /** Makes the token that replaces the session's, when it is time. */
  readonly renew?: (() => Promise<string>) | undefined
}
