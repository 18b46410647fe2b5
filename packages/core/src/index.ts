// What a program needs for its own resource server. `@countersign/core/adapter` has what connects it to a framework,
// and the types that these types consist of; `@countersign/core/events` has the events.
export { type Authorized, authorized } from './access/access-options.js'
export { type Effect, fresh, readOnly } from './access/effects.js'
export {
  type Allow,
  type ApprovalOptions,
  type AskApproval,
  allow,
  approval,
  type Deny,
  deny,
  type Policy,
  type PolicyInput,
  type PolicyVerdict,
  type StepUp,
  stepUp,
} from './access/policy.js'
export type { Requirement } from './access/requirement.js'
export type { CallerOf } from './access/route-caller.js'
export { exposedHeaders } from './answer/exposed-headers.js'
export type {
  Agent,
  Caller,
  Connected,
  Grant,
  Person,
  PersonIdentifier,
  PresentedToken,
  TokenCaller,
} from './caller.js'
export { OnwardError } from './chaining/onward-error.js'
export type { OnwardOptions } from './chaining/options.js'
export type { Onward } from './chaining/run.js'
export type { Denial, DenialSubject } from './denial/denial.js'
export type { Denials, NewDenial } from './denial/denials.js'
export { AAuthError, type ErrorCode, type ErrorEntry, errorTable } from './errors.js'
export type { AAuthEvent } from './events.js'
export type { RequestContent } from './http/request-content.js'
export type { RequestView } from './http/request-view.js'
export { type AskInteraction, type InteractOptions, interact } from './interaction/ask.js'
export type { InteractionOptions, Visit } from './interaction/options.js'
export { escapeHtml, type PageView } from './interaction/view.js'
export { GuardError } from './issuer/fault.js'
export { createGuardedFetch, type GuardOptions } from './issuer/guarded-fetch.js'
export type { IssuerKeys } from './issuer/issuer-keys.js'
export type { IssuerFetch, IssuerOptions } from './issuer/options.js'
export type { IssuerReport } from './issuer/report.js'
export { type ExternalSigner, ecdsaFromDer } from './own-keys/external-signer.js'
export type { OwnKeys } from './own-keys/key-ring.js'
export type { Pending } from './pending/settle.js'
export type { HeldRequest, PendingView } from './pending/view.js'
export type { Revocation, Revocations } from './revocation/revocations.js'
export type { ResourceServer } from './server/contract.js'
export type { Health } from './server/health.js'
export type { ResourceOptions } from './server/resource-options.js'
export { createResourceServer } from './server/resource-server.js'
export type { Sessions } from './session/sessions.js'
export type { BreakGlass, BreakGlassOrder } from './store/break-glass.js'
export { createMemoryStore, type MemoryStore } from './store/memory-store.js'
export { provenStore } from './store/proven-store.js'
export { type Store, StoreFullError, StoreUnfitError } from './store/store.js'
export { StoreError } from './store/store-error.js'
