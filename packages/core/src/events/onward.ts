import type { EventBase } from './base.js'

/** A handler called a supplier in its caller's name (AAuth 10.1). */
export interface OnwardEvent extends EventBase {
  readonly name: 'onward'
  /** The supplier's identifier. */
  readonly supplier: string
  /**
   * `answered`: by the supplier, whatever its answer was. `waiting`: somebody on its side has to decide first. All others:
   * why it came to nothing.
   */
  readonly outcome: 'answered' | 'waiting' | OnwardFault
  /** Of the supplier's answer. */
  readonly status?: number
  /** The token that the caller presented: its issuer. */
  readonly iss?: string
  /** The token that the caller presented: its name. */
  readonly jti?: string
  /** The keyed hash of the person in whose name it was, as in a decision. */
  readonly person?: string
  /** The tokens that were shown to the supplier, by their names: it has the same in its own decisions. */
  readonly tokens?: readonly { readonly iss: string; readonly jti: string }[]
  /** For the operator only. */
  readonly reason?: string
}

/** Why a call to a supplier came to nothing. */
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
