import type { EventBase } from './base.js'

// Events about the server itself, for its operator: misconfigurations, faults, the audit log, the implementation that
// verifies signatures.

/** Something failed in this server, but the request was answered. */
export interface FailedEvent extends EventBase {
  readonly name: 'failed'
  readonly reason: string
}

/** A misconfiguration was noticed. Reported once for each server and code. */
export interface DiagnosticEvent extends EventBase {
  readonly name: 'diagnostic'
  readonly code: DiagnosticCode
  readonly message: string
}

/** The code of a diagnostic: a misconfiguration noticed while serving requests. */
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

/** The audit log cannot be written. Reported once until it can be. */
export interface AuditFailedEvent extends EventBase {
  readonly name: 'audit-failed'
  /** For the operator only. */
  readonly reason: string
  /**
   * What happens to requests when no more records can wait: they are served without a record, or refused
   * (`whenFull`).
   */
  readonly whenFull: 'drop' | 'refuse'
}

/** The audit log is being written again. */
export interface AuditRecoveredEvent extends EventBase {
  readonly name: 'audit-recovered'
  /** Duration of the failure. */
  readonly milliseconds: number
  /** Records lost since the start. */
  readonly dropped: number
}

/** The events of the audit log. */
export type AuditEvent = AuditFailedEvent | AuditRecoveredEvent

/**
 * Only at the start: libsodium was found (`sodium-native`) and verifies Ed25519 in the event loop. Not reported if
 * `node:crypto` does, or what the option `crypto.ed25519` names; `health()` always says which.
 */
export interface VerifierEvent extends EventBase {
  readonly name: 'verifier'
  readonly ed25519: 'libsodium'
  /** Where signatures are verified. `both`: in the event loop and in the thread pool, as with `crypto.mode` `auto`. */
  readonly where: 'loop' | 'both'
  /** Processors that this process may use. */
  readonly cores: number
}
