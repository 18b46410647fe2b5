import type { FaultKind } from './fault.js'

/** A document was asked of an issuer, whatever came of it. */
export interface IssuerFetchedEvent {
  readonly name: 'issuer-fetched'
  readonly issuer: string
  readonly document: 'metadata' | 'jwks'
  readonly url: string
  readonly milliseconds: number
  readonly outcome: 'ok' | FaultKind
  /** Why not; for the operator only. */
  readonly reason?: string
}

/** A discovery has ended: the issuer's metadata and its keys. */
export interface IssuerDiscoveredEvent {
  readonly name: 'issuer-discovered'
  readonly issuer: string
  readonly dwk: string
  readonly outcome: 'ok' | FaultKind
  /** Why not; for the operator only. */
  readonly reason?: string
  /** Whether keys fetched earlier go on serving. */
  readonly serving: boolean
}

/** A discovery was not begun because a bound on strangers' work was reached. */
export interface IssuerBusyEvent {
  readonly name: 'issuer-busy'
  readonly issuer: string
  readonly dwk: string
  readonly bound: 'queue' | 'newcomers'
}

/** Keys that had been served are no longer the issuer's, or are no longer held. */
export interface IssuerWithdrawnEvent {
  readonly name: 'issuer-withdrawn'
  readonly issuer: string
  readonly dwk: string
  readonly cause: 'rotated' | 'forgotten' | 'evicted' | 'ceiling'
}

/** The operator's `admit` threw, or returned something that is no boolean; the issuer was refused. */
export interface IssuerPolicyFailedEvent {
  readonly name: 'issuer-policy-failed'
  readonly issuer: string
  readonly dwk: string
  readonly reason: string
}

/** What happens to issuers' keys. */
export type IssuerEvent =
  | IssuerFetchedEvent
  | IssuerDiscoveredEvent
  | IssuerBusyEvent
  | IssuerWithdrawnEvent
  | IssuerPolicyFailedEvent
