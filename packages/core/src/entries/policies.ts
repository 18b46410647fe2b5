// Policies of other engines, used as policies of ours.
export { type AuthZenOptions, authZenPolicy } from '../policies/authzen.js'
export {
  type CedarEngine,
  type CedarEntity,
  type CedarFailure,
  type CedarName,
  type CedarOptions,
  cedarPolicy,
} from '../policies/cedar.js'
export { type CerbosClient, type CerbosOptions, cerbosPolicy } from '../policies/cerbos.js'
export type { Obligations } from '../policies/obligations.js'
export type { PolicyEngineOptions, PolicyEntity } from '../policies/question.js'
