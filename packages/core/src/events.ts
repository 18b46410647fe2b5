import type { Caller } from './caller.js'
import type { ErrorFamily } from './errors.js'

/** A guarded request was let through to its handler. */
export interface ServedEvent {
  readonly name: 'served'
  /** `nobody`: the route is optional, and the request was not signed. */
  readonly caller: Caller['kind'] | 'nobody'
  /** `aauth:local@domain`, where an agent token was presented; other tokens do not name the agent. */
  readonly agent?: string
  /** The agent it helps, where it is a sub-agent (AAuth 10.2). */
  readonly parentAgent?: string
}

/**
 * In report-only mode: a request went on that would have been challenged or refused; or, where a route has another way in
 * (`or`), one that would have been served.
 */
export interface ObservedEvent {
  readonly name: 'observed'
  /** An error code, a requirement, a policy's own code, or `served`. */
  readonly code: string
  readonly status: number
}

/** A request was left to the other authentication that the route accepts (`or`). */
export interface ElsewhereEvent {
  readonly name: 'elsewhere'
}

/** The authorization endpoint gave a resource token, or said that none is needed. */
export interface AuthorizedEvent {
  readonly name: 'authorized'
  readonly by: 'resource-token' | 'resource'
}

/** A request was challenged for a token that it did not bring; the ordinary course of an exchange. */
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

/** A handler called a supplier in its caller's name (AAuth 10.1). */
export interface OnwardEvent {
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

/** Something failed in this server beside a request that was answered all the same. */
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

/** A document was fetched from an issuer, or could not be. */
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

/** A discovery was not begun because a limit on discoveries was reached. */
export interface IssuerBusyEvent {
  readonly name: 'issuer-busy'
  readonly issuer: string
  readonly dwk: string
  readonly bound: 'queue' | 'newcomers'
}

/** Keys that had verified tokens are no longer the issuer's, or are no longer held. */
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

/** The events of discovery and of issuers' keys. */
export type IssuerEvent =
  | IssuerFetchedEvent
  | IssuerDiscoveredEvent
  | IssuerBusyEvent
  | IssuerWithdrawnEvent
  | IssuerPolicyFailedEvent

/**
 * Reads from the store, or writes to it, have begun to fail; reported once until they recover. Requests that need them are
 * refused meanwhile.
 */
export interface StoreFailedEvent {
  readonly name: 'store-failed'
  readonly operation: StoreOperation
  readonly fault: StoreFault
  /** For the operator only. */
  readonly reason: string
}

/** Reads from the store, or writes to it, succeed again in every part of it where they had failed. */
export interface StoreRecoveredEvent {
  readonly name: 'store-recovered'
  readonly operation: StoreOperation
  /** For how long they had failed. */
  readonly milliseconds: number
}

/**
 * The store that `AAUTH_REDIS_URL` opens has no connection yet, within two seconds of the start and before an attempt has
 * failed; reported once. Requests that need it are refused meanwhile.
 */
export interface StoreConnectingEvent {
  readonly name: 'store-connecting'
  /** For the operator only. */
  readonly reason: string
}

/** The events of the store's health. */
export type StoreEvent = StoreFailedEvent | StoreRecoveredEvent | StoreConnectingEvent

/** An issuer has sent the revocation of a token (AAuth 11.12.1). */
export interface RevocationEvent {
  readonly name: 'revocation'
  readonly issuer: string
  readonly jti: string
  /** `known`: it had been recorded before. `past`: the token has expired, so that nothing was recorded. */
  readonly outcome: 'recorded' | 'known' | 'past'
}

/** The operator has denied somebody, or has taken that back: the audit record of it. */
export interface DenialEvent {
  readonly name: 'denial-added' | 'denial-removed'
  readonly kind: DenialKind
  /** A hash of the subject, which may be a person; `denials.list()` says who it is. */
  readonly id: string
  /** Seconds; only with `denial-added`. */
  readonly until?: number
  readonly reason?: string | undefined
  readonly by?: string | undefined
}

/** A signature was used again, and the request let pass, since replays are only reported until a date. */
export interface ReplayReportedEvent {
  readonly name: 'replay-reported'
}

/** A break-glass order has been opened, or closed. */
export interface BreakGlassEvent {
  readonly name: 'break-glass-opened' | 'break-glass-closed'
  readonly uses: readonly StoreUse[]
  /** Seconds. */
  readonly until: number
  readonly reason: string
  readonly by: string
}

/** A request was let pass by a break-glass order although the store could not be asked. One event for each check. */
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
  /** The server that the agent takes it to. */
  readonly aud: string
  readonly ps: string
}

/** A revocation of a resource token was sent to a server. */
export interface RevocationSentEvent {
  readonly name: 'revocation-sent'
  readonly server: string
  readonly jti: string
  readonly outcome: NoticeOutcome
  /** For the operator only. */
  readonly reason?: string
}

/** One step of a rotation of the resource server's signing keys, in this process. */
export interface KeyRotationEvent {
  readonly name: 'key-rotation'
  readonly act: 'published' | 'promoted' | 'retired'
  readonly kid: string
  /** Whether `force` skipped the waiting time. */
  readonly forced: boolean
}

/** The events of stored state: revocations, denials, replays, break-glass, resource tokens and signing keys. */
export type StateEvent =
  | RevocationEvent
  | DenialEvent
  | ReplayReportedEvent
  | BreakGlassEvent
  | BreakGlassUsedEvent
  | KeyRotationEvent
  | ResourceTokenEvent
  | RevocationSentEvent

/** The events that `onEvent` is called with. No event holds a token, a signature or a `sub`. */
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
  | OnwardEvent
  | FailedEvent
  | IssuerEvent
  | StoreEvent
  | StateEvent

/**
 * The function that events are reported to.
 *
 * @param request the request that the event is about; absent for one that is about none
 * @param error what was thrown, behind a failure of ours
 */
export type Report = (event: AAuthEvent, request?: object, error?: unknown) => void

/** Reports everything as being about one request. */
export function reportOn(report: Report, request: object): Report {
  return (event, _, error) => report(event, request, error)
}

/** The kinds of subject that can be denied. */
export type DenialKind = 'issuer' | 'person' | 'agent' | 'key' | 'token'

/**
 * The result of sending a revocation. `recorded`: the server has revoked the token. `pending`: it has accepted the
 * revocation (`202`). `unsupported`: it accepts none, so that the token is good until its `exp`. `unavailable`: it gave no
 * usable answer; sending again is safe.
 */
export type NoticeOutcome = 'recorded' | 'pending' | 'unsupported' | 'unavailable'

/** A check that asks the store about each request and refuses when the store cannot be asked. */
export type StoreUse = 'revocation' | 'denial' | 'replay'

/** The kind of a store operation: `read` is `get`; `write` is `put`, `claim` and `delete`. */
export type StoreOperation = 'read' | 'write'

/**
 * Why a store operation failed. `full`: the store holds all it can. `timeout`: no answer in time. `failed`: it answered
 * with an error. `resting`: it was not asked, since it had failed several times in a row. `unfit`: in the test at its first
 * use it let a second claim win or did not keep an entry for its time, so that it cannot be relied on. `connecting`: its first
 * connection is still being made.
 */
export type StoreFault = 'full' | 'timeout' | 'failed' | 'resting' | 'unfit' | 'connecting'

/**
 * Why a discovery failed. `unavailable`: no answer, or one that asks to try later; it is tried again. `unusable`: an answer
 * that cannot be used. `forbidden`: an address or a URL that is never connected to.
 * `issuer_missing`, `issuer_mismatch`: metadata that does not name its own issuer (AAuth 11.2).
 */
export type FaultKind = 'unavailable' | 'unusable' | 'forbidden' | 'issuer_missing' | 'issuer_mismatch'

/** The code of a diagnostic: a misconfiguration that was noticed while requests were served. */
export type DiagnosticCode =
  | 'AAUTH_TRUST_PROXY'
  | 'AAUTH_HOST'
  | 'AAUTH_PATH_PREFIX'
  | 'AAUTH_METHOD'
  | 'AAUTH_REWRITTEN'
  | 'AAUTH_FOREIGN_REQUEST'
  | 'AAUTH_CONTENT_CONSUMED'
  | 'AAUTH_UNGUARDED_ROUTE'
  | 'AAUTH_ENDPOINTS'
  | 'AAUTH_COOKIE'
