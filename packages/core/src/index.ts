export {
  type AccessOptions,
  type Authorized,
  type AuthorizeInput,
  type AuthorizeVerdict,
  authorized,
  type SessionPerson,
} from './access/access-options.js'
export type { AccountHolder, AccountQuestion } from './access/bindings.js'
export type { ClaimRule, ClaimRules, KnownClaims } from './access/claims.js'
export { type Effect, fresh, readOnly } from './access/effects.js'
export type { Expectation } from './access/expectation.js'
export {
  type Allow,
  type ApprovalOptions,
  type AskApproval,
  allow,
  approval,
  type Deny,
  deny,
  type Policies,
  type Policy,
  type PolicyInput,
  type PolicyVerdict,
  type StepUp,
  stepUp,
} from './access/policy.js'
export type { RequestView, RouteView } from './access/request-view.js'
export type {
  AgentRequirement,
  AnyRequirement,
  CallerOf,
  ClaimsRequirement,
  DeclaredRoute,
  FullRequirement,
  GrantTerms,
  MayBeNobody,
  NoIdentity,
  PersonRequirement,
  PersonTerms,
  Requirement,
  RouteCaller,
  RouteTerms,
  ScopeRequirement,
  SessionRequirement,
  SessionTerms,
  ShortRequirement,
  TenantRule,
} from './access/requirement.js'
export type { RouteGuard } from './access/route-guard.js'
export type { ScopeNeed, ScopeRule } from './access/scope-rule.js'
export { exposedHeaders } from './answer/exposed-headers.js'
export type { Answered, Observed, Outcome, Served } from './answer/outcome.js'
export { type Awaitable, isPromiseLike } from './awaitable.js'
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
export type { CryptoOptions, Ed25519Verifier } from './crypto/verify.js'
export type { Denial, DenialSubject } from './denial/denial.js'
export type { Denials, NewDenial } from './denial/denials.js'
export { type Diagnose, diagnosticCodes } from './diagnostics.js'
export {
  AAuthError,
  type ErrorCode,
  type ErrorEntry,
  type ErrorFamily,
  errorTable,
  type ProblemCode,
  type SignatureErrorCode,
} from './errors.js'
export type {
  AAuthEvent,
  AuthorizedEvent,
  BreakGlassEvent,
  BreakGlassUsedEvent,
  ChallengedEvent,
  DenialEvent,
  DenialKind,
  DiagnosticCode,
  DiagnosticEvent,
  ElsewhereEvent,
  IssuerBusyEvent,
  IssuerDiscoveredEvent,
  IssuerEvent,
  IssuerFetchedEvent,
  IssuerPolicyFailedEvent,
  IssuerWithdrawnEvent,
  KeyRotationEvent,
  NoticeOutcome,
  ObservedEvent,
  RefusedEvent,
  ReplayReportedEvent,
  ResourceTokenEvent,
  RevocationEvent,
  RevocationSentEvent,
  ServedEvent,
  StateEvent,
  StoreEvent,
  StoreFailedEvent,
  StoreFault,
  StoreOperation,
  StoreRecoveredEvent,
  StoreUse,
} from './events.js'
export { type Capability, readCapabilities } from './http/capabilities.js'
export type { Endpoint, Host } from './http/endpoint.js'
export type { Answer, ContentFault, HttpRequest, PeerFacts, RequestTarget } from './http/message.js'
export type { RequestContent } from './http/request-content.js'
export { type AskInteraction, type InteractOptions, interact } from './interaction/ask.js'
export type { InteractionOptions, LoginResult, SignedIn, Visit } from './interaction/options.js'
export { escapeHtml, type PageView } from './interaction/view.js'
export { GuardError } from './issuer/fault.js'
export { createGuardedFetch, type GuardOptions } from './issuer/guarded-fetch.js'
export type { IssuerKeys, KeyQuery } from './issuer/issuer-keys.js'
export { type IssuerLimits, issuerLimits } from './issuer/limits.js'
export type { IssuerMetadata } from './issuer/metadata.js'
export type {
  IssuerDocument,
  IssuerFetch,
  IssuerOptions,
  IssuerResponse,
  PinnedIssuer,
} from './issuer/options.js'
export type { IssuerCounts, IssuerReport, IssuerState } from './issuer/report.js'
export type { Resolve, ResolvedAddress } from './issuer/resolve.js'
export { defaultLimits, type Limits } from './limits.js'
export { fromNode, nodeHost, writeAnswer } from './node/adapter.js'
export { challengeBeside } from './node/challenge-beside.js'
export { readOn } from './node/content.js'
export { keepPrivate } from './node/private-answer.js'
export { wholeApplication } from './node/whole-application.js'
export { type ExternalSigner, ecdsaFromDer } from './own-keys/external-signer.js'
export type { OwnKey, OwnKeys, SigningKeyOption } from './own-keys/key-ring.js'
export type { Question } from './pending/answers.js'
export type { ContentView } from './pending/content-view.js'
export type { PendingOptions } from './pending/options.js'
export type { Approval } from './pending/record.js'
export type { Pending } from './pending/settle.js'
export type { HeldRequest, PendingView } from './pending/view.js'
export type { RevocationLimits } from './revocation/revocation-limits.js'
export type { Revocation, Revocations } from './revocation/revocations.js'
export type {
  IssuedResourceToken,
  RevokeResourceToken,
  SentRevocation,
} from './revocation/revoke-resource-token.js'
export type { Health } from './server/health.js'
export type { ResourceOptions } from './server/resource-options.js'
export { createResourceServer, type ResourceServer, type RouteDefaults } from './server/resource-server.js'
export type { SessionSelection } from './session/ended.js'
export type { SessionOptions } from './session/options.js'
export type { Sessions } from './session/sessions.js'
export type { BreakGlass, BreakGlassOrder, OpenBreakGlass } from './store/break-glass.js'
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './store/memory-store.js'
export { type ProvenStoreOptions, provenStore } from './store/proven-store.js'
export { type Store, StoreFullError, StoreUnfitError } from './store/store.js'
export { StoreError } from './store/store-error.js'
export type { StoreHealth, StoreSideHealth } from './store/watched-store.js'
