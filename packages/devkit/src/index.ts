export {
  AgentError as AgentGaveUp,
  type AgentErrorCode as GaveUpCode,
  type Interaction,
  type Requirement,
  readRequirement,
  readSignatureError,
  type SignatureError,
} from '@countersign/agent'
export type { AccessServer, AccessToken } from './access-server/access-server.js'
export type { AccessTokenRequest } from './access-server/context.js'
export type { AccessDecision, AccessPolicy, AccessRequest } from './access-server/decision.js'
export type { Agent } from './agent/agent.js'
export type { AgentOptions, AgentSignOptions } from './agent/context.js'
export { type HeldToken, holdToken, Wallet } from './agent/wallet.js'
export type { AgentProvider, AgentTokenRequest } from './agent-provider.js'
export type { BoundedMap } from './bounded.js'
export type { Browser, Visited, VisitOptions } from './browser/browser.js'
export type { CallingAgent } from './checks/authenticate.js'
export type { Directory, DirectoryEntry, Document, JsonObject } from './checks/directory.js'
export type { Fault } from './checks/fault.js'
export type { TokenName, VerifiedToken } from './checks/tokens.js'
export type { Env, Exchange } from './env.js'
export { assertGuarded } from './guarded.js'
export { createKey, type TownKey } from './keys/key.js'
export type { KeyRing } from './keys/key-ring.js'
export { type MintOverrides, mintJwt } from './keys/mint.js'
export type { LedgerEntry } from './ledger.js'
export type { TokenRecord } from './person-server/chain.js'
export type { AuthTokenRequest, Mission, PersonTokenRequest } from './person-server/context.js'
export type { Consent, ConsentRequest, Decision, Person, PersonOptions } from './person-server/person.js'
export type { IssuedToken, PersonServer } from './person-server/person-server.js'
export type { ResourceFlow, ResourceFlows, ResourceInteraction } from './person-server/resource-flow.js'
export type { Deferral, PendingRequests } from './server/pending.js'
export type { RevocationOutcome, RevokedToken } from './server/revocation.js'
export type { ServerSignOptions, TownServer } from './server/town-server.js'
export { createTown, type Town, type TownAgentOptions, type TownOptions } from './town.js'
export type { Answer } from './wire/answers.js'
export { createLoopbackFetch, type LoopbackBounds, type Routes, sendToLoopback } from './wire/loopback.js'
export { type TownRequest, toWire, type WireRequest, withHeaders } from './wire/request.js'
export { type SealOptions, seal } from './wire/seal.js'
export type { Handler, Incoming } from './wire/server.js'
