import type { ExternalSigner } from '@countersign/core'
import type { IssuerKeys, IssuerOptions } from '@countersign/core/issuer'
import type { AgentLimits } from './limits.js'
import type { Wallet } from './wallet.js'

/** A page that a person has to open in a browser (AAuth 11.6.3). */
export interface Interaction {
  /** `https`, without query and fragment. */
  readonly url: string
  readonly code: string
  /** `url` with `code`, ready to open. */
  readonly link: string
}

/** A question to the agent before anything is decided (AAuth 7.5.1, 11.6.2). */
export interface Clarification {
  /** In Markdown, of whoever asks: not to be trusted. */
  readonly question: string
  /** The answers to choose from, if there are any. */
  readonly options: readonly string[]
  /** Seconds until the question lapses, where that was said. */
  readonly timeout: number | undefined
  /** The server that asks, as `https://ps.example`. */
  readonly from: string
}

/** What a function that brings agent tokens is told. */
export interface AgentTokenRequest {
  /** The agent's public key, for the token's `cnf.jwk`. */
  readonly publicJwk: Readonly<Record<string, string>>
  /** Aborts when the token is not needed any more. */
  readonly signal: AbortSignal
}

/** What every function of the options is told beside its subject. */
export interface AgentCallbackContext {
  /** Aborts when the answer is not needed any more. */
  readonly signal: AbortSignal
}

/** What a sub-agent adds to the requests that its parent makes for it. */
export interface SubAgentTerms {
  readonly members: Readonly<Record<string, unknown>>
  /** The thumbprint of the sub-agent's key. */
  readonly jkt: string
  /** Aborts when the token is not needed any more. */
  readonly signal: AbortSignal
}

/**
 * The agent whose sub-agent this one is (AAuth 10.2), as far as the sub-agent uses it: an `Agent`, or two functions that
 * reach it in another process.
 */
export interface ParentAgent {
  fetchPersonToken(resource: string, terms: SubAgentTerms): Promise<string>
  fetchAuthToken(
    challenge: {
      readonly resource: string
      readonly resourceToken: string
      readonly presentedToken: string
    },
    terms: SubAgentTerms,
  ): Promise<string>
}

/** Options of {@link createAgent}. Those with a default may be left out. */
export interface AgentOptions {
  /** The agent's key: a private JWK with a fully specified `alg` (`Ed25519`, `ES256`), or a signer for a key kept elsewhere. */
  readonly key: object | ExternalSigner
  /**
   * The agent token (AAuth 5.3), or what brings one from the agent provider: called when there is none, and again when it has
   * less than five minutes left or was refused. It has to be for this key.
   */
  readonly agentToken: string | ((request: AgentTokenRequest) => string | Promise<string>)
  /** The identifier of the person server. Default: `ps` of the agent token. */
  readonly personServer?: string | undefined
  /**
   * Makes this a sub-agent, with a key and an agent token of its own: its token requests are made by this agent, with
   * `subagent_token` (AAuth 10.2). Its `onInteraction`, capabilities and mission count for them. Default: none.
   */
  readonly parent?: ParentAgent | undefined
  /** Where tokens and sessions are kept. Default: in memory, at most 1000. */
  readonly wallet?: Wallet | undefined
  /** Takes a person to a page, or tells them of it. Awaited before the agent polls on. Default: nobody can be asked. */
  readonly onInteraction?: ((interaction: Interaction, context: AgentCallbackContext) => unknown) | undefined
  /** Answers a question; `undefined` withdraws the request. Default: no questions are answered. */
  readonly onClarification?:
    | ((
        clarification: Clarification,
        context: AgentCallbackContext,
      ) => string | undefined | Promise<string | undefined>)
    | undefined
  /**
   * Sent as `AAuth-Capabilities` to resources, and to the person server (AAuth 11.7). Default: `interaction` with
   * `onInteraction`, `clarification` with `onClarification`.
   */
  readonly capabilities?: readonly string[] | undefined
  /** `mission_s256` of every request for a person token. Default: none. */
  readonly mission?: string | undefined
  /** Why, in the agent's words; shown to the person. Default: nothing. */
  readonly justification?: string | undefined
  /** Further members of every token request: `prompt`, `tenant`, `platform`, … (AAuth 7.1, 7.2). Default: none. */
  readonly tokenRequest?: Readonly<Record<string, unknown>> | undefined
  /** Default {@link agentLimits}. */
  readonly limits?: { readonly [Name in keyof AgentLimits]?: number | undefined } | undefined
  /**
   * Used for every request instead of Node's `fetch` to resources and the guarded fetch to all others: for loopback, proxies, or
   * to guard requests to resources as well. It must follow no redirect when `redirect` is `manual`.
   */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How metadata and keys of others are fetched and kept; or a cache that is there already, which is then shared. */
  readonly issuers?: IssuerOptions | IssuerKeys | undefined
  /** Milliseconds, as `Date.now`, which is the default. */
  readonly clock?: (() => number) | undefined
  /** Waits between polls; `seconds` is what a server asked for. Default: a timer. For tests. */
  readonly wait?: ((seconds: number, signal: AbortSignal) => Promise<void>) | undefined
  /** Whether a `202` has to have an absolute `Location`, `Retry-After` and `Cache-Control: no-store`. Default `false`. For tests. */
  readonly strict?: boolean | undefined
}
