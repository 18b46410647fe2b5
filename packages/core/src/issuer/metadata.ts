import { hostOf, isHostName } from '../identifiers.js'
import { weightOf } from '../json.js'
import { Fault } from './fault.js'

/**
 * An issuer's metadata. Its `issuer` is the issuer that was asked for. It holds only the members that the draft names
 * (AAuth 11.2.1 to 11.2.4), if they are texts of up to 2048 characters, booleans or lists of texts. Nothing else
 * about them has been checked.
 */
export type IssuerMetadata = Readonly<Record<string, unknown>> & { readonly issuer: string }

const kept: readonly string[] = [
  'issuer',
  'jwks_uri',
  'name',
  'description',
  'logo_uri',
  'logo_dark_uri',
  'documentation_uri',
  'tos_uri',
  'policy_uri',
  'callback_endpoint',
  'event_endpoint',
  'localhost_callback_allowed',
  'accept_signature_algs',
  'auth_token_endpoint',
  'person_token_endpoint',
  'revocation_endpoint',
  'mission_endpoint',
  'permission_endpoint',
  'audit_endpoint',
  'interaction_endpoint',
  'mission_control_endpoint',
  'scopes_supported',
  'claims_supported',
  'authorization_endpoint',
  'additional_signature_components',
]
/** Limit on the characters of a member. */
const longest = 2048

/**
 * Checks that a document is the metadata of `issuer`, compared byte for byte (AAuth 11.2).
 *
 * @param most bytes of memory for what is kept of it
 */
export function readMetadata(
  document: Readonly<Record<string, unknown>>,
  issuer: string,
  most: number,
): IssuerMetadata | Fault {
  if (document['issuer'] === undefined) return new Fault('issuer_missing', 'the metadata has no issuer')
  if (document['issuer'] !== issuer) return new Fault('issuer_mismatch', 'the metadata names another issuer')
  const metadata: Record<string, unknown> = {}
  for (const name of kept) {
    const value = Object.hasOwn(document, name) ? keptValue(document[name]) : undefined
    if (value !== undefined) metadata[name] = value
  }
  return weightOf(metadata, most) > most
    ? new Fault('unusable', `the metadata takes more than ${most} bytes of memory`)
    : (Object.freeze(metadata) as IssuerMetadata)
}

function keptValue(value: unknown): string | boolean | readonly string[] | undefined {
  if (typeof value === 'boolean' || isKeptText(value)) return value
  return Array.isArray(value) ? Object.freeze(value.filter(isKeptText)) : undefined
}

const isKeptText = (value: unknown): value is string => typeof value === 'string' && value.length <= longest

/**
 * The `jwks_uri` of the metadata, if it may be fetched: `https`, on the issuer's own host or on one that `keyHosts`
 * lists for this issuer (Signature-Key draft, 7.3). An inline `jwks` does not replace it (AAuth 11.4).
 */
export function admitJwksUri(metadata: IssuerMetadata, keyHosts: readonly string[]): URL | Fault {
  const uri = metadata['jwks_uri']
  if (typeof uri !== 'string') return new Fault('unusable', 'the metadata has no jwks_uri')
  if (uri.length > longest || !/^https:\/\/[^\s\\#]+$/.test(uri) || !URL.canParse(uri)) {
    return new Fault('forbidden', 'the jwks_uri is no https URL')
  }
  const url = new URL(uri)
  if (url.username !== '' || url.password !== '' || !isHostName(url.hostname)) {
    return new Fault('forbidden', 'the jwks_uri is not on a plain host name')
  }
  if (url.host !== hostOf(metadata.issuer) && !keyHosts.includes(url.host)) {
    return new Fault(
      'forbidden',
      `the jwks_uri is on ${url.host}, which issuers.keyHosts does not have for this issuer`,
    )
  }
  return url
}
