export {
  AAuthError,
  type AAuthEvent,
  type Agent,
  allow,
  approval,
  type Caller,
  type CallerOf,
  createMemoryStore,
  type DiagnosticCode,
  deny,
  exposedHeaders,
  type Grant,
  type Person,
  type Policy,
  type Requirement,
  type Store,
  stepUp,
} from '@countersign/core'
export { aauth, aauth as default, type FastifyGuard, type FastifyOptions } from './aauth.js'
export type { CallerIn } from './request.js'
