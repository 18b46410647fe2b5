// The HTTP Message Signatures layer on its own, for building agents, person servers and test kits.
export { type Algorithm, type AlgorithmName, algorithms } from '../crypto/algorithms.js'
export {
  checkPublicJwk,
  importPublicJwk,
  importSigningJwk,
  KeyFault,
  type SigningKey,
  type VerificationKey,
} from '../crypto/keys.js'
export { Refusal, type RefusalDetails } from '../errors.js'
export { checkContentDigest, contentDigest } from '../http/content-digest.js'
export type { HttpRequest } from '../http/message.js'
export type { SignatureLimits } from '../limits.js'
export type { CheckName, Trace } from '../tracing/trace.js'
export type { SignatureContext } from './context.js'
export type { JwksUriScheme, JwtScheme, KeyScheme, PresentedJwt, ReadKey, SchemeName } from './key-scheme.js'
export { type ReadSignature, readSignature, type SignaturePolicy, unsigned } from './read.js'
export { baseComponents } from './required.js'
export { type SignatureFields, type SignOptions, serialiseSignatureKey, signRequest } from './sign.js'
export { verifySignature } from './verify.js'
