import type { EventBase } from './base.js'
import type { UnlinkedEvent } from './interaction.js'
import type { StoreUse } from './store.js'

/** An issuer has sent the revocation of a token (AAuth 11.12.1). */
export interface RevocationEvent extends EventBase {
  readonly name: 'revocation'
  readonly issuer: string
  readonly jti: string
  /** `known`: recorded before. `past`: the token has expired, so nothing was recorded. */
  readonly outcome: 'recorded' | 'known' | 'past'
}

/** The operator has added or removed a denial. This is its audit record. */
export interface DenialEvent extends EventBase {
  readonly name: 'denial-added' | 'denial-removed'
  readonly kind: DenialKind
  /** A hash of the subject, which may be a person; `denials.list()` has the subject. */
  readonly id: string
  /** Seconds; only with `denial-added`. */
  readonly until?: number
  readonly reason?: string | undefined
  readonly by?: string | undefined
}

/** The kinds of subject that can be denied. */
export type DenialKind = 'issuer' | 'person' | 'agent' | 'key' | 'token'

/** A signature was used again, but the request passed, because replays are only reported until a date. */
export interface ReplayReportedEvent extends EventBase {
  readonly name: 'replay-reported'
}

/** A break-glass order has been opened, or closed. */
export interface BreakGlassEvent extends EventBase {
  readonly name: 'break-glass-opened' | 'break-glass-closed'
  readonly uses: readonly StoreUse[]
  /** Seconds. */
  readonly until: number
  readonly reason: string
  /** Who opened it. */
  readonly by: string
  /** Who closed it, or opened another in its place; absent if nobody was named, or it ended by itself. */
  readonly closedBy?: string
}

/** A request passed by a break-glass order although the store could not be read. One event for each check. */
export interface BreakGlassUsedEvent extends EventBase {
  readonly name: 'break-glass-used'
  readonly use: StoreUse
  readonly by: string
}

/** A resource token was issued. With this event it can be revoked (`revokeResourceToken`). */
export interface ResourceTokenEvent extends EventBase {
  readonly name: 'resource-token'
  readonly jti: string
  /** Seconds. */
  readonly exp: number
  /** The server to which the agent takes it. */
  readonly aud: string
  readonly ps: string
}

/** A revocation of a resource token was sent to a server. */
export interface RevocationSentEvent extends EventBase {
  readonly name: 'revocation-sent'
  readonly server: string
  readonly jti: string
  readonly outcome: NoticeOutcome
  /** For the operator only. */
  readonly reason?: string
}

/**
 * The result of sending a revocation. `recorded`: the server has revoked the token. `pending`: it has accepted the
 * revocation (`202`). `unsupported`: it accepts none, so the token is valid until its `exp`. `unavailable`: it gave
 * no usable answer; sending again is safe.
 */
export type NoticeOutcome = 'recorded' | 'pending' | 'unsupported' | 'unavailable'

/** One step of a rotation of the resource server's signing keys, in this process. */
export interface KeyRotationEvent extends EventBase {
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
  | UnlinkedEvent
