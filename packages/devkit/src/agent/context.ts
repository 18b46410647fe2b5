import type { AgentCallbackContext, Clarification, Interaction } from '@countersign/agent'
import type { AlgorithmName, KeyScheme } from '@countersign/core/signature'
import type { TownKey } from '../keys/key.js'
import type { Person } from '../person-server/person.js'
import type { SealOptions } from '../wire/seal.js'

/** Options of an agent. */
export interface AgentOptions {
  /** The person it acts for. Default: none. */
  readonly person?: Person | undefined
  /** Default `Ed25519`. */
  readonly alg?: AlgorithmName | undefined
  /** Plays the person's browser. The agent awaits it before it continues polling. */
  readonly onInteraction?: ((interaction: Interaction) => unknown) | undefined
  /** Answers questions of person servers. Default: questions are not answered. */
  readonly onClarification?:
    | ((
        clarification: Clarification,
        context: AgentCallbackContext,
      ) => string | undefined | Promise<string | undefined>)
    | undefined
  /** Sent as `AAuth-Capabilities` and to the person server; default `['interaction']`. */
  readonly capabilities?: readonly string[] | undefined
  /** `mission_s256`, sent in every request for a person token. */
  readonly mission?: string | undefined
  /** The reason in the agent's words; shown to the person. */
  readonly justification?: string | undefined
  /** Requests one `fetch` may make, polls included; default 30. */
  readonly maxSteps?: number | undefined
}

/** Options of signing one request by hand; all default to what a correct agent does. For hostile tests. */
export interface AgentSignOptions extends Partial<Omit<SealOptions, 'key' | 'signatureKey'>> {
  /** The token to present; default the agent token. */
  readonly token?: string
  /** The key to sign with; default the agent's own. */
  readonly key?: Pick<TownKey, 'sign'>
  /** The whole `Signature-Key` member instead of `jwt` with `token`. */
  readonly signatureKey?: KeyScheme
}
