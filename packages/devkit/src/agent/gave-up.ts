import type { LedgerEntry } from '../ledger.js'

/**
 * Why an agent gives up, where no other server gave a code of its own.
 *
 * `no_person`: a person is required and the agent acts for nobody. `bad_challenge`: the requirement makes no sense at
 * this point or lacks a parameter. `bad_resource_token`, `bad_person_token`, `bad_auth_token`: a token failed the
 * agent's checks. `bad_deferral`: a `202` without what 11.8.2 requires. `no_progress`: what was required was brought,
 * and the same is required again. `too_many_steps`. `unknown_requirement`. `unreachable`: a server could not be
 * reached, or published nothing usable. `interaction_failed`: `onInteraction` threw. `bad_answer`: a `403` with a
 * signature header, which says that the signature failed.
 */
export type GaveUpCode =
  | 'no_person'
  | 'bad_challenge'
  | 'bad_resource_token'
  | 'bad_person_token'
  | 'bad_auth_token'
  | 'bad_deferral'
  | 'no_progress'
  | 'too_many_steps'
  | 'unknown_requirement'
  | 'unreachable'
  | 'interaction_failed'
  | 'bad_answer'

/** Thrown by `agent.fetch` when the agent cannot meet a requirement. */
export class AgentGaveUp extends Error {
  override readonly name = 'AgentGaveUp'
  /** A {@link GaveUpCode}, or the `error` of the party that refused: `denied`, `invalid_resource_token`, … */
  readonly code: GaveUpCode | (string & {})
  /** Every exchange of this `fetch`, in order. */
  readonly steps: readonly LedgerEntry[]
  /** The response that ended it, when there was one; its body has not been read. */
  readonly response: Response | undefined
  constructor(
    code: GaveUpCode | (string & {}),
    detail: string,
    steps: readonly LedgerEntry[],
    response?: Response,
  ) {
    super(`${code}: ${detail}`)
    this.code = code
    this.steps = steps
    this.response = response
  }
}
