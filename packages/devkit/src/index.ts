export {
  type AccessDecision,
  type AccessPolicy,
  type AccessRequest,
  AccessServer,
  type AccessToken,
  type AccessTokenRequest,
} from './access-server/access-server.js'
export { Agent, type AgentOptions, type AgentSignOptions, type Interaction } from './agent/agent.js'
export { AgentGaveUp, type GaveUpCode } from './agent/gave-up.js'
export { type HeldToken, holdToken, Wallet } from './agent/wallet.js'
export { AgentProvider, type AgentTokenRequest } from './agent-provider.js'
export type { JsonObject } from './checks/directory.js'
export { assertGuarded } from './guarded.js'
export { createKey, type TownKey } from './keys/key.js'
export type { KeyRing } from './keys/key-ring.js'
export { type MintOverrides, mintJwt } from './keys/mint.js'
export type { LedgerEntry } from './ledger.js'
export type { Consent, ConsentRequest, Decision, Person, PersonOptions } from './person-server/person.js'
export {
  type AuthTokenRequest,
  type IssuedToken,
  PersonServer,
  type PersonTokenRequest,
} from './person-server/person-server.js'
export type { RevocationOutcome, RevokedToken } from './server/revocation.js'
export type { ServerSignOptions, TownServer } from './server/town-server.js'
export { createTown, type Town, type TownAgentOptions, type TownOptions } from './town.js'
export { type Answer, type Requirement, readRequirement, readSignatureError } from './wire/answers.js'
export { createLoopbackFetch, type Routes, sendToLoopback } from './wire/loopback.js'
export { type TownRequest, toWire, type WireRequest, withHeaders } from './wire/request.js'
export { type SealOptions, seal } from './wire/seal.js'
export type { Handler, Incoming } from './wire/server.js'
