import type { EventBase } from './base.js'

/** A handler called a supplier in its caller's name (AAuth 10.1). */
export interface OnwardEvent extends EventBase {
  readonly name: 'onward'
  /** The supplier's identifier. */
  readonly supplier: string
  /**
   * `answered`: by the supplier, with any status. `waiting`: somebody on the supplier's side has to decide first. All
   * others: why the call failed.
   */
  readonly outcome: 'answered' | 'waiting' | OnwardFault
  /** The status of the supplier's answer. */
  readonly status?: number
  /** The issuer of the token that the caller presented. */
  readonly iss?: string
  /** The `jti` of the token that the caller presented. */
  readonly jti?: string
  /** The keyed hash of the person for whom it was made, as in a decision. */
  readonly person?: string
  /** The tokens shown to the supplier, by name; its own decisions contain the same names. */
  readonly tokens?: readonly { readonly iss: string; readonly jti: string }[]
  /** For the operator only. */
  readonly reason?: string
}

/** Why a call to a supplier failed. */
export type OnwardFault =
  | 'gone'
  | 'interaction_required'
  | 'denied'
  | 'abandoned'
  | 'expired'
  | 'revoked'
  | 'invalid_upstream_token'
  | 'as_unreachable'
  | 'supplier_unavailable'
  | 'supplier_failed'
