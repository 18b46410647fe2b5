import type { AuditedSignature } from './signatures.js'

/** What is wrong in a log. */
export interface AuditFault {
  /**
   * `unreadable`: the line is not one of a log. `torn`: it is incomplete, as after a power cut. `altered`: its
   * evidence was changed. `broken`: a record does not follow the one before it. `missing`: records are missing.
   * `forged`: a statement is not signed by a given key, or contradicts the records. `signature`: a signature that
   * verified then does not verify now.
   */
  readonly kind: 'unreadable' | 'torn' | 'altered' | 'broken' | 'missing' | 'forged' | 'signature'
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly chain?: string
  readonly seq?: number
  readonly detail: string
}

/** One record, as `verifyAuditLog` found it. */
export interface AuditedRecord {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly chain: string
  readonly seq: number
  /** The outcome of its decision; absent for a call of a handler. */
  readonly outcome?: string
  readonly signature: AuditedSignature
}

/** The result of `verifyAuditLog`. */
export interface AuditReport {
  /** Whether there is no fault. */
  readonly ok: boolean
  /** The faults, in order; at most 100. */
  readonly faults: readonly AuditFault[]
  readonly records: number
  /** How many records had which result; `onRecord` reports each. */
  readonly signatures: Readonly<Record<AuditedSignature, number>>
  /** Records of requests whose signature and token have verified again. */
  readonly verified: number
  /** Records of signed requests that could not be verified again: `token-missing`, `key-missing` and `base-missing`. */
  readonly unverifiable: number
  /** Records whose evidence was erased, as a signed statement says. */
  readonly erased: number
  /** Records after the last signed head of their chain. Only the chain protects them. */
  readonly unsigned: number
  /** Records that were lost because the log could not be written, as the log itself says. */
  readonly dropped: number
}
