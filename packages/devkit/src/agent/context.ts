import type { AlgorithmName, KeyScheme } from '@countersign/core/signature'
import type { Directory } from '../checks/directory.js'
import type { Env } from '../env.js'
import type { TownKey } from '../keys/key.js'
import type { Person } from '../person-server/person.js'
import type { TownRequest, WireRequest } from '../wire/request.js'
import type { SealOptions } from '../wire/seal.js'
import type { HeldToken, Wallet } from './wallet.js'

/** A page that a person has to open in a browser (AAuth 11.6.3). */
export interface Interaction {
  readonly url: string
  readonly code: string
  /** `url` with `code`, ready to open. */
  readonly link: string
}

/** Options of an agent. */
export interface AgentOptions {
  /** Whom it acts for; default nobody. */
  readonly person?: Person | undefined
  /** Default `Ed25519`. */
  readonly alg?: AlgorithmName | undefined
  /** Stands for the person's browser. Awaited before the agent polls on. */
  readonly onInteraction?: ((interaction: Interaction) => unknown) | undefined
  /** Sent as `AAuth-Capabilities` and to the person server; default `['interaction']`. */
  readonly capabilities?: readonly string[] | undefined
  /** `mission_s256` named in every request for a person token. */
  readonly mission?: string | undefined
  /** Why, in the agent's words; shown to the person. */
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

/** The part of an agent that its `fetch` uses. */
export interface AgentContext {
  readonly name: string
  /** `aauth:sam@ap.example`. */
  readonly identifier: string
  readonly person: Person | undefined
  readonly options: AgentOptions
  readonly directory: Directory
  readonly wallet: Wallet
  readonly env: Env
  readonly key: TownKey
  agentToken(): Promise<HeldToken>
  sign(request: TownRequest, options?: AgentSignOptions): Promise<WireRequest>
}
