import type { HeldToken } from './held.js'
import type { Settings } from './settings.js'
import type { Undertaking } from './unfinished.js'

/** On whose behalf an agent acts, beside its own person: the caller of a resource that calls others (AAuth 10.1). */
export interface Upstream {
  /** The person or auth token of the caller; rejects once it may not be used any more. */
  token(): Promise<string>
  /** The person server that it names. */
  readonly ps: string
  /** Seconds; when it ends, and with it whatever is fetched with it. */
  readonly expires: number
}

/** Something that has to wait for somebody: a deferral that is not followed here (AAuth 11.8). */
export interface Deferral extends Undertaking {
  /** The pending URL. */
  readonly url: string
  /** Where a person has to go; `undefined`: somebody else decides. */
  readonly interaction: { readonly url: string; readonly code: string } | undefined
  /** Seconds until it may be polled. */
  readonly retryAfter: number
  /** What polls present. */
  readonly token: string
}

/** The part of an agent that its requests are made with. */
export interface AgentContext {
  readonly settings: Settings
  readonly upstream: Upstream | undefined
  /** Seconds. */
  now(): number
  /** The agent token, renewed if need be. @param refused the one that a server has just refused, which is dropped */
  agentToken(signal: AbortSignal, refused?: string): Promise<HeldToken>
  /** Takes over what has to wait, by throwing. Default: it is waited for here. */
  readonly defer?: ((deferral: Deferral) => never) | undefined
}
