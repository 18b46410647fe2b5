import type { HeldToken } from './held.js'
import type { Settings } from './settings.js'
import type { Undertaking } from './unfinished.js'

/** The caller that an agent acts for: that of a resource which calls others (AAuth 10.1). */
export interface Upstream {
  /** The person or auth token of the caller; rejects once it may no longer be used. */
  token(): Promise<string>
  /** The person server that this token names. */
  readonly ps: string
  /** When this token expires, in seconds. What is fetched with it expires by then. */
  readonly expires: number
}

/** A request that waits for somebody: a deferral that the caller of the agent follows itself (AAuth 11.8). */
export interface Deferral extends Undertaking {
  /** The pending URL. */
  readonly url: string
  /** Where a person has to go; `undefined` when somebody else decides. */
  readonly interaction: { readonly url: string; readonly code: string } | undefined
  /** Seconds until the first poll. */
  readonly retryAfter: number
  /** The token that polls present. */
  readonly token: string
}

/** The part of an agent that making requests needs. */
export interface AgentContext {
  readonly settings: Settings
  readonly upstream: Upstream | undefined
  /** Seconds. */
  now(): number
  /** The agent token, renewed if necessary. @param refused a token that a server has just refused, which is dropped */
  agentToken(signal: AbortSignal, refused?: string): Promise<HeldToken>
  /** Takes over a request that has to wait, by throwing. Default: the agent waits for it itself. */
  readonly defer?: ((deferral: Deferral) => never) | undefined
}
