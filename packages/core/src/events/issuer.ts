import type { EventBase } from './base.js'

/** A document was fetched from an issuer, or the fetch failed. */
export interface IssuerFetchedEvent extends EventBase {
  readonly name: 'issuer-fetched'
  readonly issuer: string
  readonly document: 'metadata' | 'jwks'
  readonly url: string
  readonly milliseconds: number
  readonly outcome: 'ok' | FaultKind
  /** The reason of a failure; for the operator only. */
  readonly reason?: string
}

/** A discovery of an issuer's metadata and keys has ended. */
export interface IssuerDiscoveredEvent extends EventBase {
  readonly name: 'issuer-discovered'
  readonly issuer: string
  readonly dwk: string
  readonly outcome: 'ok' | FaultKind
  /** The reason of a failure; for the operator only. */
  readonly reason?: string
  /** Whether keys fetched earlier stay in use. */
  readonly serving: boolean
}

/** A discovery was not started because a limit on discoveries was reached. */
export interface IssuerBusyEvent extends EventBase {
  readonly name: 'issuer-busy'
  readonly issuer: string
  readonly dwk: string
  readonly bound: 'queue' | 'newcomers'
}

/** Keys that had verified tokens are no longer the issuer's, or are no longer held. */
export interface IssuerWithdrawnEvent extends EventBase {
  readonly name: 'issuer-withdrawn'
  readonly issuer: string
  readonly dwk: string
  readonly cause: 'rotated' | 'forgotten' | 'evicted' | 'ceiling'
}

/**
 * The operator's `admit` threw or returned no boolean, and the issuer was refused. Or `clientAddress` threw or
 * returned no IP address, and the request was counted together with all others for which it did.
 */
export interface IssuerPolicyFailedEvent extends EventBase {
  readonly name: 'issuer-policy-failed'
  readonly issuer: string
  readonly dwk: string
  readonly reason: string
}

/** The events of discovery and of issuers' keys. */
export type IssuerEvent =
  | IssuerFetchedEvent
  | IssuerDiscoveredEvent
  | IssuerBusyEvent
  | IssuerWithdrawnEvent
  | IssuerPolicyFailedEvent

/**
 * Why a discovery failed. `unavailable`: no answer, or one that asks to try later; it is tried again. `unusable`: an
 * answer that cannot be used. `forbidden`: an address or URL that is never connected to. `issuer_missing`,
 * `issuer_mismatch`: metadata that does not name its own issuer (AAuth 11.2).
 */
export type FaultKind = 'unavailable' | 'unusable' | 'forbidden' | 'issuer_missing' | 'issuer_mismatch'
