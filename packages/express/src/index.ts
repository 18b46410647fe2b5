export {
  AAuthError,
  type AAuthEvent,
  type Agent,
  allow,
  approval,
  authorized,
  type Caller,
  type CallerOf,
  createMemoryStore,
  type DiagnosticCode,
  deny,
  type Effect,
  exposedHeaders,
  fresh,
  type Grant,
  type Observed,
  type Person,
  type PersonIdentifier,
  type RequestView,
  readOnly,
  type Store,
  stepUp,
} from '@countersign/core'
export {
  aauth,
  type ExpressGuard,
  type ExpressOptions,
  type GuardHandler,
} from './aauth.js'
export type { OtherWay } from './other-way.js'
export type { CallerIn, Policy, Requirement } from './request.js'
