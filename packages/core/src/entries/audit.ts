// Evidence of decisions, and its verification offline.
export { type AuditHealth, type AuditLog, createAuditLog } from '../audit/log.js'
export type { AuditLogOptions } from '../audit/options.js'
export type { AuditedRecord, AuditFault, AuditReport } from '../audit/report.js'
export type { AuditedSignature } from '../audit/signatures.js'
export type { AuditSink } from '../audit/sink.js'
export type { AuditKeyList, AuditKeys } from '../audit/statement.js'
export { type AuditTrail, auditTrail, type TrailStart, type TrailStep } from '../audit/trail.js'
export { type VerifyAuditOptions, verifyAuditLog } from '../audit/verify.js'
