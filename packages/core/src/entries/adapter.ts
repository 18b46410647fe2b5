// For connecting a resource server to a framework: from Node's request to ours and back. Also the types that
// requirements, options, handles and answers consist of, for types that are built from them.

export { isPromiseLike } from '../awaitable.js'
export { callIdOf } from '../decision/call-id.js'
export { fromNode, nodeHost, writeAnswer } from '../node/adapter.js'
export { challengeBeside } from '../node/challenge-beside.js'
export { readOn } from '../node/content.js'
export { keepPrivate } from '../node/private-answer.js'
export { wholeApplication } from '../node/whole-application.js'

// Entries of a store that has lost its data.

export { type RestorableKind, restorableKind } from '../store/restorable.js'

// Options that the environment completes.

export {
  type CompletedOptions,
  type EnvironmentContext,
  fromEnvironment,
  type PartialOptions,
} from '../server/environment.js'
export type { AnyResourceOptions } from '../server/options.js'

// Requests and their outcomes.

export type { RouteGuard } from '../access/route-guard.js'
export type { Answered, Observed, Outcome, Served } from '../answer/outcome.js'
export type { Awaitable } from '../awaitable.js'
export type { EndMarks, Origin, TokenName } from '../caller.js'
export type { ProblemCode, SignatureErrorCode } from '../errors.js'
export type { Dispatch, Endpoint, HeldCall, Host } from '../http/endpoint.js'
export type {
  Answer,
  ApprovalSubject,
  Asker,
  Carried,
  ContentFault,
  GivenApproval,
  HttpRequest,
  PeerFacts,
  RawAnswer,
  RequestTarget,
} from '../http/message.js'
export type { RouteView } from '../http/request-view.js'

// What a route requires.

export type { ClaimRule, ClaimRules, KnownClaims } from '../access/claims.js'
export type { Expectation } from '../access/expectation.js'
export type { NoSuchMember, OnlyKnown, StrayIn } from '../access/known-members.js'
export type { Policies } from '../access/policy.js'
export type {
  AgentRequirement,
  AnyRequirement,
  ClaimsRequirement,
  DeclaredRoute,
  FullRequirement,
  GrantTerms,
  NoIdentity,
  PersonRequirement,
  PersonTerms,
  RouteTerms,
  ScopeRequirement,
  SessionRequirement,
  SessionTerms,
  ShortRequirement,
  TenantRule,
  UserRule,
} from '../access/requirement.js'
export type { MayBeNobody, RouteCaller } from '../access/route-caller.js'
export type { ScopeNeed, ScopeRule } from '../access/scope-rule.js'
export type { AdoptionReport } from '../adoption/adoption.js'
export type { Enforcement } from '../adoption/dial.js'
export type { AdoptionRow } from '../adoption/tally.js'
export type { RouteDefaults } from '../server/contract.js'

// Parts of the options.

export type {
  AccessOptions,
  AnyAccessOptions,
  AuthorizeInput,
  AuthorizeVerdict,
  SessionPerson,
} from '../access/access-options.js'
export type { AccountHolder, AccountQuestion } from '../access/bindings.js'
export type { CryptoOptions, Ed25519Verifier } from '../crypto/verify.js'
export type { SubjectOptions } from '../decision/subjects.js'
export type { AccessMode } from '../endpoints/access-mode.js'
export type { MetadataLink } from '../endpoints/metadata-link.js'
export type { PageTranslation } from '../interaction/languages.js'
export { englishMessages, type PageMessages } from '../interaction/messages.js'
export type { LoginResult, SignedIn } from '../interaction/options.js'
export { type IssuerLimits, issuerLimits } from '../issuer/limits.js'
export type { IssuerDocument, IssuerResponse, PinnedIssuer } from '../issuer/options.js'
export type { Resolve, ResolvedAddress } from '../issuer/resolve.js'
export type { Limits } from '../limits.js'
export type { SigningKeyOption, SigningKeys } from '../own-keys/signing-keys.js'
export type { ContentView } from '../pending/content-view.js'
export type { PendingOptions } from '../pending/options.js'
export type { RevocationLimits } from '../revocation/revocation-limits.js'
export type { SessionOptions } from '../session/options.js'
export type { MemoryStoreOptions } from '../store/memory-store.js'
export type { ProvenStoreOptions } from '../store/proven-store.js'
export type { Deadline } from '../time/deadline.js'
export type { LoginHintQuestion } from '../users/login-hint.js'
export type { LinkedPerson, LinkRefused, NewLink, UsersOptions } from '../users/options.js'

// What call chaining needs of an agent.

export {
  type Authority,
  type ChainTokenKind,
  type ChainWallet,
  type ConnectSuppliers,
  type OwnAgent,
  type Progress,
  SupplierFault,
  type SupplierFaultCode,
  type Suppliers,
  type SuppliersContext,
  type Wait,
} from '../chaining/suppliers.js'

// Arguments and results of a server's handles.

export type { Diagnose } from '../diagnostics.js'
export type { IssuerClass, KeyQuery } from '../issuer/issuer-keys.js'
export type { IssuerMetadata } from '../issuer/metadata.js'
export type { IssuerAnswer, IssuerCounts, IssuerState } from '../issuer/report.js'
export type { OwnKey } from '../own-keys/key-ring.js'
export type { Question } from '../pending/answers.js'
export type { Approval } from '../pending/record.js'
export type {
  IssuedResourceToken,
  RevokeResourceToken,
  SentRevocation,
} from '../revocation/revoke-resource-token.js'
export type { ServerCounts } from '../server/contract.js'
export type { SessionSelection } from '../session/ended.js'
export type { OpenBreakGlass } from '../store/break-glass.js'
export type { StoreHealth, StoreSideHealth } from '../store/watched-store.js'
export type { Users } from '../users/unlinks.js'
