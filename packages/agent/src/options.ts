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

/** A question to the agent before a decision (AAuth 7.5.1, 11.6.2). */
export interface Clarification {
  /** Markdown, written by the person or server that asks: do not trust it. */
  readonly question: string
  /** The answers to choose from, if the question lists any. */
  readonly options: readonly string[]
  /** Seconds until the question expires, if that was said. */
  readonly timeout: number | undefined
  /** The server that asks, as `https://ps.example`. */
  readonly from: string
}

/** The argument of a function that fetches agent tokens. */
export interface AgentTokenRequest {
  /** The agent's public key, for the token's `cnf.jwk`. */
  readonly publicJwk: Readonly<Record<string, string>>
  /** Aborts when the token is no longer needed. */
  readonly signal: AbortSignal
}

/** The further argument of every function in the options. */
export interface AgentCallbackContext {
  /** Aborts when the result is no longer needed. */
  readonly signal: AbortSignal
}

/** What a sub-agent adds to the token requests that its parent makes for it. */
export interface SubAgentTerms {
  readonly members: Readonly<Record<string, unknown>>
  /** The thumbprint of the sub-agent's key. */
  readonly jkt: string
  /** Aborts when the token is no longer needed. */
  readonly signal: AbortSignal
}

/**
 * The parent of a sub-agent (AAuth 10.2), as far as the sub-agent uses it: an `Agent`, or two functions that reach
 * one in another process.
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
   * The agent token (AAuth 5.3), or a function that fetches one from the agent provider. The function is called when
   * there is no token, when it has less than five minutes left, and when it was refused. The token must be bound to
   * this key.
   */
  readonly agentToken: string | ((request: AgentTokenRequest) => string | Promise<string>)
  /** The identifier of the person server. Default: `ps` of the agent token. */
  readonly personServer?: string | undefined
  /**
   * Makes this agent a sub-agent with its own key and agent token. The parent makes its token requests, with
   * `subagent_token` (AAuth 10.2), and the parent's `onInteraction`, capabilities and mission apply to them. Default:
   * none.
   */
  readonly parent?: ParentAgent | undefined
  /** Where tokens and sessions are kept. Default: in memory, at most 1000. */
  readonly wallet?: Wallet | undefined
  /**
   * Takes a person to a page, or tells them about it. The agent awaits it before it goes on polling. Default: no
   * person can be asked.
   */
  readonly onInteraction?: ((interaction: Interaction, context: AgentCallbackContext) => unknown) | undefined
  /** Answers a question; `undefined` withdraws the request. Default: questions are not answered. */
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
  /** Why the agent asks, in its own words; shown to the person. Default: nothing. */
  readonly justification?: string | undefined
  /** Further members of every token request, such as `prompt`, `tenant`, `platform` (AAuth 7.1, 7.2). Default: none. */
  readonly tokenRequest?: Readonly<Record<string, unknown>> | undefined
  /** Default {@link agentLimits}. */
  readonly limits?: { readonly [Name in keyof AgentLimits]?: number | undefined } | undefined
  /**
   * Used for every request. Default: Node's `fetch` to resources and the guarded fetch to everybody else. Set it for
   * loopback, for proxies, or to guard requests to resources as well. It must not follow redirects when `redirect` is
   * `manual`.
   */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How metadata and keys of others are fetched and cached; or an existing cache to share. */
  readonly issuers?: IssuerOptions | IssuerKeys | undefined
  /** Milliseconds. Default `Date.now`. */
  readonly clock?: (() => number) | undefined
  /** Waits between polls; `seconds` is the time a server asked for. Default: a timer. For tests. */
  readonly wait?: ((seconds: number, signal: AbortSignal) => Promise<void>) | undefined
  /**
   * Whether a `202` must have an absolute `Location`, `Retry-After` and `Cache-Control: no-store`. Default `false`.
   * For tests.
   */
  readonly strict?: boolean | undefined
}
