import type { EventBase } from './base.js'

// Requests that wait for a person, and what persons have begun or ended on our pages.

/** A request was answered `202` and has to wait. */
export interface DeferredEvent extends EventBase {
  readonly name: 'deferred'
  readonly requirement: string
}

/** A pending request has been decided. */
export interface SettledEvent extends EventBase {
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

/** An agent has been connected: a session has begun (AAuth 6.2). */
export interface SessionBegunEvent extends EventBase {
  readonly name: 'session-begun'
  readonly scope: readonly string[]
}

/** Sessions have been ended by the application (`sessions.end`). */
export interface SessionsEndedEvent extends EventBase {
  readonly name: 'sessions-ended'
}

/** A person has been linked to a user of the application on our page (`users.link`). */
export interface LinkedEvent extends EventBase {
  readonly name: 'linked'
  /** The person server. */
  readonly ps: string
  /** A keyed hash of the person, as in decisions. */
  readonly person: string
}

/** A person has been unlinked from a user by the application (`users.unlink`). */
export interface UnlinkedEvent extends EventBase {
  readonly name: 'unlinked'
  /** The person server. */
  readonly ps: string
  /** A keyed hash of the person, as in decisions. */
  readonly person: string
}
