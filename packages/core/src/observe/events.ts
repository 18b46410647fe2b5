import type { Caller } from '../caller.js'
import type { ErrorFamily } from '../errors.js'
import type { IssuerEvent } from '../issuer/events.js'
import type { DiagnosticEvent } from './diagnostics.js'
import type { StateEvent } from './state-events.js'
import type { StoreEvent } from './store-events.js'

/** A guarded request was let through to its handler. */
export interface ServedEvent {
  readonly name: 'served'
  /** `nobody`: the route is optional, and the request was not signed. */
  readonly caller: Caller['kind'] | 'nobody'
}

/** In report-only mode: a request went on that would have been challenged or refused. */
export interface ObservedEvent {
  readonly name: 'observed'
  /** An error code, a requirement, or a policy's own code. */
  readonly code: string
  readonly status: number
}

/** A request was left to the route's other way in. */
export interface ElsewhereEvent {
  readonly name: 'elsewhere'
}

/** The authorization endpoint gave a resource token, or said that none is needed. */
export interface AuthorizedEvent {
  readonly name: 'authorized'
  readonly by: 'resource-token' | 'resource'
}

/** A request was asked for a token it did not bring; the ordinary course of an exchange. */
export interface ChallengedEvent {
  readonly name: 'challenged'
  readonly requirement: string
}

/** A request was answered `202`: it has to wait. */
export interface DeferredEvent {
  readonly name: 'deferred'
  readonly requirement: string
}

/** A request that waited has been decided. */
export interface SettledEvent {
  readonly name: 'settled'
  readonly outcome:
    | 'approved'
    | 'denied'
    | 'abandoned'
    | 'expired'
    | 'invalid_code'
    | 'cancelled'
    | 'server_error'
}

/** Something of ours went wrong beside a request that could be answered. */
export interface FailedEvent {
  readonly name: 'failed'
  readonly reason: string
}

/** A request was refused. */
export interface RefusedEvent {
  readonly name: 'refused'
  readonly code: string
  readonly family: ErrorFamily
  /** For the operator only: what exactly was wrong, or the message of the failure behind a `500`. */
  readonly reason?: string
}

/** What `onEvent` is told. No event holds a token, a signature or a `sub`. */
export type AAuthEvent =
  | ServedEvent
  | ObservedEvent
  | ElsewhereEvent
  | AuthorizedEvent
  | ChallengedEvent
  | RefusedEvent
  | DiagnosticEvent
  | DeferredEvent
  | SettledEvent
  | FailedEvent
  | IssuerEvent
  | StoreEvent
  | StateEvent

/** Where events go. */
export type Report = (event: AAuthEvent) => void
