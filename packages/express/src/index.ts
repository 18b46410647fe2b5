export {
  AAuthError,
  type AAuthEvent,
  type Agent,
  allow,
  approval,
  authorized,
  type BreakGlassOrder,
  type Caller,
  type CallerOf,
  type Connected,
  createMemoryStore,
  type Denial,
  type DenialSubject,
  deny,
  type Effect,
  type ExternalSigner,
  ecdsaFromDer,
  escapeHtml,
  exposedHeaders,
  fresh,
  type Grant,
  type Health,
  type InteractionOptions,
  interact,
  type NewDenial,
  type Onward,
  OnwardError,
  type OnwardOptions,
  type PageView,
  type PendingView,
  type Person,
  type PersonIdentifier,
  type RequestContent,
  type RequestView,
  readOnly,
  type Store,
  StoreError,
  StoreFullError,
  stepUp,
} from '@countersign/core'
export type { DeclaredRoute, NoSuchMember, Observed, UsersOptions } from '@countersign/core/adapter'
export type { DiagnosticCode } from '@countersign/core/events'
export { aauth, type ExpressOptions } from './aauth.js'
export type { ExpressGuard, GuardHandler } from './guard.js'
export type { OtherWay } from './other-way.js'
export type { AAuthHandler, AAuthRequest, CallerIn, Policy, Requirement } from './request.js'
export type { AnyApplication } from './routes.js'
