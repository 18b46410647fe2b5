import { hostOf, isHostName } from '../identifiers.js'
import { Fault } from './fault.js'

/** An issuer's metadata document whose `issuer` is the issuer asked for. No other member has been checked. */
export type IssuerMetadata = Readonly<Record<string, unknown>> & { readonly issuer: string }

/** Checks that a document is the metadata of `issuer`, byte for byte (AAuth 11.2). */
export function readMetadata(
  document: Readonly<Record<string, unknown>>,
  issuer: string,
): IssuerMetadata | Fault {
  if (document['issuer'] === undefined) return new Fault('issuer_missing', 'the metadata has no issuer')
  if (document['issuer'] !== issuer) return new Fault('issuer_mismatch', 'the metadata names another issuer')
  return Object.freeze(document) as IssuerMetadata
}

/**
 * Where the metadata says the keys are, if it is a place we go: `https`, on the issuer's own host or on one that the
 * operator admitted for this issuer (Signature-Key draft, 7.3). An inline `jwks` is no substitute (AAuth 11.4).
 */
export function admitJwksUri(metadata: IssuerMetadata, keyHosts: readonly string[]): URL | Fault {
  const uri = metadata['jwks_uri']
  if (typeof uri !== 'string') return new Fault('unusable', 'the metadata has no jwks_uri')
  if (uri.length > 2048 || !/^https:\/\/[^\s\\#]+$/.test(uri) || !URL.canParse(uri)) {
    return new Fault('forbidden', 'the jwks_uri is no https URL')
  }
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '' || !isHostName(url.hostname)) {
    return new Fault('forbidden', 'the jwks_uri is not on a plain host name')
  }
  if (url.host !== hostOf(metadata.issuer) && !keyHosts.includes(url.host)) {
    return new Fault('forbidden', `the jwks_uri is on ${url.host}, which is not admitted for this issuer`)
  }
  return url
}
