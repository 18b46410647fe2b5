import type { Caller } from './caller.js'
import type { ErrorFamily } from './errors.js'

/** What every event says, beside what is its own. */
export interface Told {
  /** Milliseconds, by the option `clock`. */
  readonly at: number
  /**
   * Of an event that is about a signed request: the `call_id` of the request, which all its events and its handler have
   * (`req.aauthCallId`): SHA-256 of the value of its `Signature` field, in base64url.
   */
  readonly id?: string
}

/** The event as whoever reports it knows it: its time and its request are added where it is told. */
export type Untold<E extends Told> = E extends unknown ? Omit<E, 'at'> : never

/** A guarded request was let through to its handler. */
export interface ServedEvent extends Told {
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
export interface ObservedEvent extends Told {
  readonly name: 'observed'
  /** An error code, a requirement, a policy's own code, or `served`. */
  readonly code: string
  readonly status: number
}

/** A request was left to the other authentication that the route accepts (`or`). */
export interface ElsewhereEvent extends Told {
  readonly name: 'elsewhere'
}

/** The authorization endpoint gave a resource token, or said that none is needed. */
export interface AuthorizedEvent extends Told {
  readonly name: 'authorized'
  readonly by: 'resource-token' | 'resource'
}

/** A request was challenged for a token that it did not bring; the ordinary course of an exchange. */
export interface ChallengedEvent extends Told {
  readonly name: 'challenged'
  readonly requirement: string
  /** `user_required`: the person is linked to no user of the application yet, and is sent to our page first. */
  readonly code?: 'user_required'
}

/** A request was answered `202`: it has to wait. */
export interface DeferredEvent extends Told {
  readonly name: 'deferred'
  readonly requirement: string
}

/** A request that waited has been decided. */
export interface SettledEvent extends Told {
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
export interface SessionBegunEvent extends Told {
  readonly name: 'session-begun'
  readonly scope: readonly string[]
}

/** Sessions have been ended by the application (`sessions.end`). */
export interface SessionsEndedEvent extends Told {
  readonly name: 'sessions-ended'
}

/** A person has been linked to a user of the application on our page (`users.link`). */
export interface LinkedEvent extends Told {
  readonly name: 'linked'
  /** The person server. */
  readonly ps: string
  /** A keyed hash of the person, as in decisions. */
  readonly person: string
}

/** A person has been unlinked from a user by the application (`users.unlink`). */
export interface UnlinkedEvent extends Told {
  readonly name: 'unlinked'
  /** The person server. */
  readonly ps: string
  /** A keyed hash of the person, as in decisions. */
  readonly person: string
}

/** A handler called a supplier in its caller's name (AAuth 10.1). */
export interface OnwardEvent extends Told {
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

/** Something failed in this server beside a request that was answered all the same. */
export interface FailedEvent extends Told {
  readonly name: 'failed'
  readonly reason: string
}

/** A request was refused. */
export interface RefusedEvent extends Told {
  readonly name: 'refused'
  readonly code: string
  readonly family: ErrorFamily
  /** For the operator only: what exactly was wrong, or the message of the failure behind a `500`. */
  readonly reason?: string
}

/** A misconfiguration was noticed. Once for each server and code. */
export interface DiagnosticEvent extends Told {
  readonly name: 'diagnostic'
  readonly code: DiagnosticCode
  readonly message: string
}

/** A document was fetched from an issuer, or could not be. */
export interface IssuerFetchedEvent extends Told {
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
export interface IssuerDiscoveredEvent extends Told {
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
export interface IssuerBusyEvent extends Told {
  readonly name: 'issuer-busy'
  readonly issuer: string
  readonly dwk: string
  readonly bound: 'queue' | 'newcomers'
}

/** Keys that had verified tokens are no longer the issuer's, or are no longer held. */
export interface IssuerWithdrawnEvent extends Told {
  readonly name: 'issuer-withdrawn'
  readonly issuer: string
  readonly dwk: string
  readonly cause: 'rotated' | 'forgotten' | 'evicted' | 'ceiling'
}

/** The operator's `admit` threw, or returned something that is no boolean; the issuer was refused. */
export interface IssuerPolicyFailedEvent extends Told {
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
export interface StoreFailedEvent extends Told {
  readonly name: 'store-failed'
  readonly operation: StoreOperation
  readonly fault: StoreFault
  /** For the operator only. */
  readonly reason: string
}

/** Reads from the store, or writes to it, succeed again in every part of it where they had failed. */
export interface StoreRecoveredEvent extends Told {
  readonly name: 'store-recovered'
  readonly operation: StoreOperation
  /** For how long they had failed. */
  readonly milliseconds: number
}

/**
 * The store that `AAUTH_REDIS_URL` opens has no connection yet, within two seconds of the start and before an attempt has
 * failed; reported once. Requests that need it are refused meanwhile.
 */
export interface StoreConnectingEvent extends Told {
  readonly name: 'store-connecting'
  /** For the operator only. */
  readonly reason: string
}

/** The events of the store's health. */
export type StoreEvent = StoreFailedEvent | StoreRecoveredEvent | StoreConnectingEvent

/** An issuer has sent the revocation of a token (AAuth 11.12.1). */
export interface RevocationEvent extends Told {
  readonly name: 'revocation'
  readonly issuer: string
  readonly jti: string
  /** `known`: it had been recorded before. `past`: the token has expired, so that nothing was recorded. */
  readonly outcome: 'recorded' | 'known' | 'past'
}

/** The operator has denied somebody, or has taken that back: the audit record of it. */
export interface DenialEvent extends Told {
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
export interface ReplayReportedEvent extends Told {
  readonly name: 'replay-reported'
}

/** A break-glass order has been opened, or closed. */
export interface BreakGlassEvent extends Told {
  readonly name: 'break-glass-opened' | 'break-glass-closed'
  readonly uses: readonly StoreUse[]
  /** Seconds. */
  readonly until: number
  readonly reason: string
  readonly by: string
}

/** A request was let pass by a break-glass order although the store could not be asked. One event for each check. */
export interface BreakGlassUsedEvent extends Told {
  readonly name: 'break-glass-used'
  readonly use: StoreUse
  readonly by: string
}

/** The audit log cannot be written; reported once until it can. */
export interface AuditFailedEvent extends Told {
  readonly name: 'audit-failed'
  /** For the operator only. */
  readonly reason: string
  /** Whether requests are served meanwhile without a record as soon as no more can wait, or refused (`whenFull`). */
  readonly whenFull: 'drop' | 'refuse'
}

/** The audit log is being written again. */
export interface AuditRecoveredEvent extends Told {
  readonly name: 'audit-recovered'
  /** For how long it had failed. */
  readonly milliseconds: number
  /** Records that could not be kept, since the start. */
  readonly dropped: number
}

/** The events of the audit log. */
export type AuditEvent = AuditFailedEvent | AuditRecoveredEvent

/** A resource token was handed out; with this it can be revoked (`revokeResourceToken`). */
export interface ResourceTokenEvent extends Told {
  readonly name: 'resource-token'
  readonly jti: string
  /** Seconds. */
  readonly exp: number
  /** The server that the agent takes it to. */
  readonly aud: string
  readonly ps: string
}

/** A revocation of a resource token was sent to a server. */
export interface RevocationSentEvent extends Told {
  readonly name: 'revocation-sent'
  readonly server: string
  readonly jti: string
  readonly outcome: NoticeOutcome
  /** For the operator only. */
  readonly reason?: string
}

/** One step of a rotation of the resource server's signing keys, in this process. */
export interface KeyRotationEvent extends Told {
  readonly name: 'key-rotation'
  readonly act: 'published' | 'promoted' | 'retired'
  readonly kid: string
  /** Whether `force` skipped the waiting time. */
  readonly forced: boolean
}

/**
 * At the start, and only then: libsodium was found (`sodium-native`) and verifies Ed25519 in the event loop. Nothing is told
 * where `node:crypto` does, or what the option `crypto.ed25519` names; `health()` says what does in any case.
 */
export interface VerifierEvent extends Told {
  readonly name: 'verifier'
  readonly ed25519: 'libsodium'
  /** Where signatures are verified: `both`, in the event loop and in the thread pool, as `crypto.mode` `auto` has it. */
  readonly where: 'loop' | 'both'
  /** Processors that this process may use. */
  readonly cores: number
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
  | UnlinkedEvent

/**
 * What became of a request: one event for each guard that it has reached, and for each request to an endpoint of ours.
 * Nobody is named in it, unless the option `audit.subjects` says so: hashes stand for persons. What is not known is absent.
 */
export interface DecisionEvent extends Told {
  readonly name: 'decision'
  /** The resource, by its identifier. */
  readonly resource: string
  readonly method: string
  /** The route as it was declared, `/notes/:id`, or an endpoint of ours, `/aauth/pending/*`; never the path. */
  readonly route?: string
  /**
   * `served`: it went on to its handler, or our endpoint answered it. `challenged`: it is to come again with a token.
   * `deferred`: it has to wait (`202`). `denied`: access is denied (`403`). `refused`: all other errors. `elsewhere`: it was
   * left to the route's other way in (`or`). `observed`: it was served, and would have been answered `status` and `code`, on
   * a report-only route.
   */
  readonly outcome: DecisionOutcome
  /**
   * The error code, the requirement, or a policy's own code; absent where it was served. `observed` has `served` where the
   * route's other way in (`or`) decides on a request that would have been served.
   */
  readonly code?: string
  /** Of an error: whose fault it is. */
  readonly family?: ErrorFamily
  /** Of our answer, or of the answer it would have got; absent where the handler answers. */
  readonly status?: number
  /**
   * `nobody`: it was not signed. `unverified`: it was signed, and not verified or not looked at. `server`: `iss` has called
   * in its own right, to revoke a token.
   */
  readonly caller: Caller['kind'] | 'server' | 'nobody' | 'unverified'
  /** `aauth:local@domain`, where an agent token was presented; other tokens do not name the agent. */
  readonly agent?: string
  /** The agent it helps, where it is a sub-agent (AAuth 10.2). */
  readonly parentAgent?: string
  /** The agent provider. */
  readonly provider?: string
  /** The person server. */
  readonly ps?: string
  /** A keyed hash of the person: the same for the same person at this resource, and nothing elsewhere. */
  readonly person?: string
  /** A keyed hash of the account. */
  readonly account?: string
  /** A keyed hash of the user: the application's own name of the person who connected the agent. */
  readonly user?: string
  /** Whom those hashes stand for. Only with `audit.subjects`. */
  readonly subjects?: DecisionSubjects
  readonly tenant?: string
  /** `mission_s256`. */
  readonly mission?: string
  /** What was granted, or what a session is for. */
  readonly scope?: readonly string[]
  /** RFC 7638 SHA-256 thumbprint of the key that signed the request. */
  readonly jkt?: string
  /** The issuer of the token that was presented, or the server that called. */
  readonly iss?: string
  /** The token that was presented: its name. */
  readonly jti?: string
  /** Whether the token had been verified before, so that only the signature of the request was. */
  readonly remembered?: boolean
  /** Where it had not been: whether the key of its issuer was in memory. */
  readonly keyHeld?: boolean
  /** Milliseconds that the verification of the signature and the token took, with fetches of keys and checks in the store. */
  readonly verification?: number
  /** Which policy of the application decided: the name of its function, or `policy` and its place. */
  readonly policy?: string
  /** Whether it was a call that had waited and is now carried out; its `id` is that of the request that had to wait. */
  readonly held?: true
  /**
   * 2 for the second decision on the same request at this resource, and so on: one guard behind another, or before an
   * endpoint of ours. Absent of the first, so that there is one without it for each request.
   */
  readonly part?: number
  /** From the beginning of our part to its end, with everything that was waited for. */
  readonly milliseconds: number
  /** The framework's own name of the request: `request.id` of Fastify, `req.id` in Express where something sets it. */
  readonly requestId?: string
}

/** What became of a request. */
export type DecisionOutcome =
  | 'served'
  | 'challenged'
  | 'deferred'
  | 'refused'
  | 'denied'
  | 'elsewhere'
  | 'observed'

/** Who a request was for, in clear. */
export interface DecisionSubjects {
  /** Of the person, at `ps`. */
  readonly sub?: string
  readonly account?: string
  readonly user?: string
}

/** The events that `onEvent` is called with. None holds a token or a signature, and none a `sub`, unless the options say so. */
export type AAuthEvent =
  | DecisionEvent
  | ServedEvent
  | ObservedEvent
  | ElsewhereEvent
  | AuthorizedEvent
  | ChallengedEvent
  | RefusedEvent
  | DiagnosticEvent
  | DeferredEvent
  | SettledEvent
  | LinkedEvent
  | SessionBegunEvent
  | SessionsEndedEvent
  | OnwardEvent
  | FailedEvent
  | IssuerEvent
  | StoreEvent
  | AuditEvent
  | StateEvent
  | VerifierEvent

/**
 * The function that events are reported to.
 *
 * @param request the request that the event is about; absent for one that is about none
 * @param error what was thrown, behind a failure of ours
 */
export type Report = (event: Untold<AAuthEvent>, request?: object, error?: unknown) => void

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
  | 'AAUTH_SUBJECT_KEY'
  | 'AAUTH_COOKIE'
