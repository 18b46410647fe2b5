import type { UntimedEvent } from './events/base.js'
import type { DecisionEvent } from './events/decision.js'
import type {
  DeferredEvent,
  LinkedEvent,
  SessionBegunEvent,
  SessionsEndedEvent,
  SettledEvent,
} from './events/interaction.js'
import type { IssuerEvent } from './events/issuer.js'
import type { OnwardEvent } from './events/onward.js'
import type { AuditEvent, DiagnosticEvent, FailedEvent, VerifierEvent } from './events/operator.js'
import type {
  AuthorizedEvent,
  ChallengedEvent,
  ElsewhereEvent,
  ObservedEvent,
  PolicyTimeoutEvent,
  RefusedEvent,
  ServedEvent,
} from './events/request.js'
import type { StateEvent } from './events/state.js'
import type { StoreEvent } from './events/store.js'

export type * from './events/base.js'
export type * from './events/decision.js'
export type * from './events/interaction.js'
export type * from './events/issuer.js'
export type * from './events/onward.js'
export type * from './events/operator.js'
export type * from './events/request.js'
export type * from './events/state.js'
export type * from './events/store.js'

/**
 * The events that `onEvent` is called with. They contain no tokens or signatures, and no `sub` unless the options say
 * so.
 */
export type AAuthEvent =
  | DecisionEvent
  | ServedEvent
  | ObservedEvent
  | ElsewhereEvent
  | AuthorizedEvent
  | ChallengedEvent
  | RefusedEvent
  | PolicyTimeoutEvent
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
 * @param request the request that the event is about, if any
 * @param error the thrown value behind a failure of ours
 */
export type Report = (event: UntimedEvent<AAuthEvent>, request?: object, error?: unknown) => void

/** A report function for events about one request. */
export function reportOn(report: Report, request: object): Report {
  return (event, _, error) => report(event, request, error)
}
