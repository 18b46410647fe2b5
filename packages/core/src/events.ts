import type { Caller } from './caller.js'
import type { ErrorFamily } from './errors.js'

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

/** A misconfiguration was noticed. Once for each server and code. */
export interface DiagnosticEvent {
  readonly name: 'diagnostic'
  readonly code: DiagnosticCode
  readonly message: string
}

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

/**
 * The store has stopped doing what it is asked, for reads and for writes apart: told once until it recovers. What rests
 * on it is refused meanwhile.
 */
export interface StoreFailedEvent {
  readonly name: 'store-failed'
  readonly operation: StoreOperation
  readonly fault: StoreFault
  /** For the operator only. */
  readonly reason: string
}

/** Reads, or writes, succeed again wherever they had failed. */
export interface StoreRecoveredEvent {
  readonly name: 'store-recovered'
  readonly operation: StoreOperation
  /** How long it had not. */
  readonly milliseconds: number
}

/** What happens to the store. */
export type StoreEvent = StoreFailedEvent | StoreRecoveredEvent

/** An issuer has told us of a revoked token (AAuth 11.12.1). */
export interface RevocationEvent {
  readonly name: 'revocation'
  readonly issuer: string
  readonly jti: string
  /** `known`: it had been told before. `past`: the token has expired, so nothing needs remembering. */
  readonly outcome: 'recorded' | 'known' | 'past'
}

/** The operator has denied somebody, or has taken that back: the audit record of it. */
export interface DenialEvent {
  readonly name: 'denial-added' | 'denial-removed'
  readonly kind: DenialKind
  /** Stands for the subject, which may be a person; `denials.list()` says who it is. */
  readonly id: string
  /** Seconds; only with `denial-added`. */
  readonly until?: number
  readonly reason?: string | undefined
  readonly by?: string | undefined
}

/** A signature was used again, and let pass because replays are only reported until a date. */
export interface ReplayReportedEvent {
  readonly name: 'replay-reported'
}

/** The operator has opened or closed a way around the store. */
export interface BreakGlassEvent {
  readonly name: 'break-glass-opened' | 'break-glass-closed'
  readonly uses: readonly StoreUse[]
  /** Seconds. */
  readonly until: number
  readonly reason: string
  readonly by: string
}

/** A request was let pass although the store could not be asked. One event a request and use. */
export interface BreakGlassUsedEvent {
  readonly name: 'break-glass-used'
  readonly use: StoreUse
  readonly by: string
}

/** A resource token was handed out; with this it can be revoked (`revokeResourceToken`). */
export interface ResourceTokenEvent {
  readonly name: 'resource-token'
  readonly jti: string
  /** Seconds. */
  readonly exp: number
  /** To whom the agent takes it. */
  readonly aud: string
  readonly ps: string
}

/** We have told a server that a resource token of ours counts no more. */
export interface RevocationSentEvent {
  readonly name: 'revocation-sent'
  readonly server: string
  readonly jti: string
  readonly outcome: NoticeOutcome
  /** For the operator only. */
  readonly reason?: string
}

/** One step of a rotation of our own keys, in this process. */
export interface KeyRotationEvent {
  readonly name: 'key-rotation'
  readonly act: 'published' | 'promoted' | 'retired'
  readonly kid: string
  /** Whether the waiting was left out. */
  readonly forced: boolean
}

/** What happens to what is remembered. */
export type StateEvent =
  | RevocationEvent
  | DenialEvent
  | ReplayReportedEvent
  | BreakGlassEvent
  | BreakGlassUsedEvent
  | KeyRotationEvent
  | ResourceTokenEvent
  | RevocationSentEvent

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

/** The kinds of subject. */
export type DenialKind = 'issuer' | 'person' | 'agent' | 'key' | 'token'

/**
 * What became of a notice. `recorded`: the server counts the token no more. `pending`: it has taken it on (`202`).
 * `unsupported`: it takes none, so the token is good until its `exp`. `unavailable`: it said nothing usable; sending it
 * again is safe.
 */
export type NoticeOutcome = 'recorded' | 'pending' | 'unsupported' | 'unavailable'

/** A check that asks the store about each request and refuses when the store cannot be asked. */
export type StoreUse = 'revocation' | 'denial' | 'replay'

/** What the store was asked for: `read` is `get`; `write` is `put`, `claim` and `delete`. */
export type StoreOperation = 'read' | 'write'

/**
 * Why the store did not do as it was asked. `full`: it holds all it can. `timeout`: no answer in time. `failed`: it
 * answered with an error. `resting`: it was not asked, since it failed several times in a row. `unfit`: tried, it let a
 * second claim win or did not keep an entry for its time, so nothing can rest on it.
 */
export type StoreFault = 'full' | 'timeout' | 'failed' | 'resting' | 'unfit'

/**
 * What went wrong with a discovery. `unavailable`: nobody answered, or only to say "later"; worth another try.
 * `unusable`: an answer that cannot be used. `forbidden`: an address or a URL that we do not visit.
 * `issuer_missing`, `issuer_mismatch`: metadata that does not name its own issuer (AAuth 11.2).
 */
export type FaultKind = 'unavailable' | 'unusable' | 'forbidden' | 'issuer_missing' | 'issuer_mismatch'

/** Every diagnostic: a misconfiguration that was noticed while requests were served. */
export type DiagnosticCode =
  | 'AAUTH_TRUST_PROXY'
  | 'AAUTH_HOST'
  | 'AAUTH_PATH_PREFIX'
  | 'AAUTH_METHOD'
  | 'AAUTH_REWRITTEN'
  | 'AAUTH_FOREIGN_REQUEST'
  | 'AAUTH_CONTENT_CONSUMED'
  | 'AAUTH_UNGUARDED_ROUTE'
