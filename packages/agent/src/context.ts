import type { HeldToken } from './held.js'
import type { Settings } from './settings.js'

/** On whose behalf an agent acts, beside its own person: the caller of a resource that calls others (AAuth 10.1). */
export interface Upstream {
  /** The person or auth token of the caller. */
  readonly token: string
  /** The person server that it names. */
  readonly ps: string
  /** Seconds; when it ends, and with it whatever is fetched with it. */
  readonly expires: number
}

/** The part of an agent that its requests are made with. */
export interface AgentContext {
  readonly settings: Settings
  readonly upstream: Upstream | undefined
  /** Seconds. */
  now(): number
  /** The agent token, renewed if need be. @param refused the one that a server has just refused, which is dropped */
  agentToken(signal: AbortSignal, refused?: string): Promise<HeldToken>
}
