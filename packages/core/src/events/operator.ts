import type { EventBase } from './base.js'

// Events about the server itself, for its operator: misconfigurations, faults, the audit log, what verifies signatures.

/** Something failed in this server beside a request that was answered all the same. */
export interface FailedEvent extends EventBase {
  readonly name: 'failed'
  readonly reason: string
}

/** A misconfiguration was noticed. Once for each server and code. */
export interface DiagnosticEvent extends EventBase {
  readonly name: 'diagnostic'
  readonly code: DiagnosticCode
  readonly message: string
}

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
  | 'AAUTH_LINK'
  | 'AAUTH_SUBJECT_KEY'
  | 'AAUTH_COOKIE'

/** The audit log cannot be written; reported once until it can. */
export interface AuditFailedEvent extends EventBase {
  readonly name: 'audit-failed'
  /** For the operator only. */
  readonly reason: string
  /** Whether requests are served meanwhile without a record as soon as no more can wait, or refused (`whenFull`). */
  readonly whenFull: 'drop' | 'refuse'
}

/** The audit log is being written again. */
export interface AuditRecoveredEvent extends EventBase {
  readonly name: 'audit-recovered'
  /** For how long it had failed. */
  readonly milliseconds: number
  /** Records that could not be kept, since the start. */
  readonly dropped: number
}

/** The events of the audit log. */
export type AuditEvent = AuditFailedEvent | AuditRecoveredEvent

/**
 * At the start, and only then: libsodium was found (`sodium-native`) and verifies Ed25519 in the event loop. Nothing is told
 * where `node:crypto` does, or what the option `crypto.ed25519` names; `health()` says what does in any case.
 */
export interface VerifierEvent extends EventBase {
  readonly name: 'verifier'
  readonly ed25519: 'libsodium'
  /** Where signatures are verified: `both`, in the event loop and in the thread pool, as `crypto.mode` `auto` has it. */
  readonly where: 'loop' | 'both'
  /** Processors that this process may use. */
  readonly cores: number
}
