export {
  type Agent,
  type AuthTokenChallenge,
  createAgent,
  type OnBehalf,
  type TokenRequestOptions,
} from './agent.js'
export { AgentError, type AgentErrorCode, type AgentErrorDetails, type AgentStep } from './error.js'
export { type AgentLimits, agentLimits } from './limits.js'
export type {
  AgentCallbackContext,
  AgentOptions,
  AgentTokenRequest,
  Clarification,
  Interaction,
  ParentAgent,
  SubAgentTerms,
} from './options.js'
export { type Requirement, readRequirement, readSignatureError, type SignatureError } from './requirement.js'
export { connectSuppliers } from './suppliers.js'
export type { Unfinished } from './unfinished.js'
export { createMemoryWallet, type Wallet, type WalletKind } from './wallet.js'
