import type { AuditedSignature } from './signatures.js'

/** What is wrong in a log. */
export interface AuditFault {
  /**
   * `unreadable`: the line is none of a log; `torn`: it is cut off, as after a power cut. `altered`: its evidence is not
   * what it was. `broken`: a record does not follow the one before it. `missing`: records are gone. `forged`: a statement is
   * not signed by a given key, or says something else than the records. `signature`: what was verified then does not verify
   * now.
   */
  readonly kind: 'unreadable' | 'torn' | 'altered' | 'broken' | 'missing' | 'forged' | 'signature'
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly chain?: string
  readonly seq?: number
  readonly detail: string
}

/** One record, as `verifyAuditLog` has found it. */
export interface AuditedRecord {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly chain: string
  readonly seq: number
  /** The outcome of its decision; absent of a call of a handler. */
  readonly outcome?: string
  readonly signature: AuditedSignature
}

/** What `verifyAuditLog` has found. */
export interface AuditReport {
  /** Whether nothing is wrong. */
  readonly ok: boolean
  /** What is wrong, the first first; at most 100. */
  readonly faults: readonly AuditFault[]
  readonly records: number
  /** How many records fared how; `onRecord` tells of each. */
  readonly signatures: Readonly<Record<AuditedSignature, number>>
  /** Records of requests whose signature and token have verified once more. */
  readonly verified: number
  /** Records of signed requests that could not be verified once more: `token-missing`, `key-missing` and `base-missing`. */
  readonly unverifiable: number
  /** Records whose evidence was erased, as a signed statement says. */
  readonly erased: number
  /** Records after the last signed head of their chain: nothing but the chain holds them. */
  readonly unsigned: number
  /** Records that the log itself says are missing, since it could not be written. */
  readonly dropped: number
}
