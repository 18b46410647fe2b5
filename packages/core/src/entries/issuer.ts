// For building another party of AAuth, such as an agent: the keys of issuers, fetched and cached as in a resource
// server; the tokens that issuers sign; and keys to sign with.

export type { KeyFault, SigningKey, VerificationKey } from '../crypto/keys.js'
export type { Refusal } from '../errors.js'
export type { IssuerEvent, UntimedEvent } from '../events.js'
export { isEndpointUrl, isServerIdentifier } from '../identifiers.js'
export { createIssuerCache } from '../issuer/cached-issuer-keys.js'
export type { IssuerKeys, IssuerKeysContext, KeyQuery } from '../issuer/issuer-keys.js'
export type { IssuerMetadata } from '../issuer/metadata.js'
export type { IssuerFetch, IssuerOptions } from '../issuer/options.js'
export { importSigningKey } from '../own-keys/external-signer.js'
export {
  type IssuedClaims,
  type IssuedToken,
  type IssuedType,
  readClaims,
  verifyIssued,
} from '../token/issued.js'
