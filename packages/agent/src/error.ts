import type { Interaction } from './options.js'
import type { Unfinished } from './unfinished.js'

/**
 * Why an agent gives up, where no server gave a code of its own.
 *
 * | code | meaning |
 * | --- | --- |
 * | `bad_agent_token` | the agent token is no token of this agent's key, has ended, or could not be had |
 * | `no_person` | a person is required, and neither the agent token nor the options name a person server |
 * | `bad_challenge` | the requirement makes no sense at this point, or lacks a parameter |
 * | `bad_resource_token`, `bad_person_token`, `bad_auth_token` | a token failed the agent's checks (AAuth 6.7.3, 9.4.4) |
 * | `bad_deferral` | a `202` without what 11.8.2 requires |
 * | `bad_answer` | a `403` with a signature header, a token endpoint's answer that is none, or a person server that publishes nothing usable |
 * | `no_progress` | what was required was brought, and the same is required again |
 * | `unknown_requirement` | |
 * | `interaction_required`, `clarification_required` | a person has to be asked, and the options have no function for it |
 * | `interaction_failed`, `clarification_failed` | the function of the options threw |
 * | `too_many_steps`, `timed_out` | beyond `limits` |
 * | `content_too_large` | the request's content is longer than `limits.requestBytes`; nothing was sent |
 * | `redirected` | a redirect where the request has `redirect: 'error'` |
 * | `unreachable` | a server could not be reached |
 * | `wallet_failed`, `signer_failed` | the wallet or the external signer threw |
 * | `parent_failed` | the parent of a sub-agent threw something else than an `AgentError` |
 * | `expired_upstream_token` | the token on whose behalf the agent acts has ended |
 */
export type AgentErrorCode =
  | 'bad_agent_token'
  | 'no_person'
  | 'bad_challenge'
  | 'bad_resource_token'
  | 'bad_person_token'
  | 'bad_auth_token'
  | 'bad_deferral'
  | 'bad_answer'
  | 'no_progress'
  | 'unknown_requirement'
  | 'interaction_required'
  | 'interaction_failed'
  | 'clarification_required'
  | 'clarification_failed'
  | 'too_many_steps'
  | 'timed_out'
  | 'content_too_large'
  | 'redirected'
  | 'unreachable'
  | 'wallet_failed'
  | 'signer_failed'
  | 'parent_failed'
  | 'expired_upstream_token'

/** One request that an agent made, and its result. */
export interface AgentStep {
  readonly method: string
  /** Without query and fragment, which may hold secrets. */
  readonly url: string
  /** `0` when there was no response. */
  readonly status: number
  /** The requirement of the response: `person-token`, `auth-token`, `interaction`, … */
  readonly requirement: string | null
  /** The error of its `Signature-Error`. */
  readonly error: string | null
  /** When the request was sent, in milliseconds of the agent's clock. */
  readonly at: number
}

/** Details of the failure, beside its code. */
export interface AgentErrorDetails {
  readonly steps?: readonly AgentStep[]
  /** The status of the response that ended the run. */
  readonly status?: number | undefined
  /** The `detail` of the problem that a server answered with. */
  readonly detail?: string | undefined
  /** Seconds, where that response had a `Retry-After`. */
  readonly retryAfter?: number | undefined
  readonly interaction?: Interaction | undefined
  readonly unfinished?: Unfinished | undefined
  readonly cause?: unknown
}

/** Thrown when an agent cannot meet what is required. No member holds a token. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  /** An {@link AgentErrorCode}, or the `error` of the server that refused: `denied`, `invalid_resource_token`, … */
  readonly code: AgentErrorCode | (string & {})
  /** Every request that was made, in order, except those that fetched metadata and keys. */
  readonly steps: readonly AgentStep[]
  /** The status of the response that ended the run, if there was one. */
  readonly status: number | undefined
  /** The explanation of the server that refused: at most 200 characters, with anything removed that may be a token. */
  readonly detail: string | undefined
  /** Seconds after which that server may be asked again, if it said so. */
  readonly retryAfter: number | undefined
  /** With `interaction_required`: the page that a person has to open. */
  readonly interaction: Interaction | undefined
  readonly #unfinished: Unfinished | undefined
  constructor(code: AgentErrorCode | (string & {}), message: string, details: AgentErrorDetails = {}) {
    super(`${code}: ${message}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.steps = details.steps ?? []
    this.status = details.status
    this.detail = details.detail
    this.retryAfter = details.retryAfter
    this.interaction = details.interaction
    this.#unfinished = details.unfinished
  }

  /** With `interaction_required`: the argument of `agent.resume`. An accessor, so that logging the error does not print it. */
  get unfinished(): Unfinished | undefined {
    return this.#unfinished
  }
}
