import type { DenialKind } from '../denial/denial.js'
import type { NoticeOutcome } from '../revocation/notice.js'
import type { StoreUse } from '../store/break-glass.js'

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
