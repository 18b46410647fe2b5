/** The name of a check. */
export type CheckName =
  | 'wire'
  | 'fields'
  | 'lengths'
  | 'syntax'
  | 'components'
  | 'coverage'
  | 'freshness'
  | 'scheme'
  | 'base'
  | 'token'
  | 'typ'
  | 'header'
  | 'expiry'
  | 'claims'
  | 'times'
  | 'audience'
  | 'issuer'
  | 'token-signature'
  | 'confirmation'
  | 'signature'
  | 'admission'
  | 'revocation'
  | 'digest'
  | 'content'
  | 'requirement'
  | 'session'
  | 'policies'
  | 'replay'

/** The checks of a request, in order, and the clause that requires each. */
export const checks: Readonly<Record<CheckName, readonly [check: string, clause: string]>> = {
  wire: ['The request line and the host', 'RFC 9112, 3.2'],
  fields: ['The three signature fields are there', 'AAuth 11.3.4, step 1; Signature-Key draft, 3.1'],
  lengths: ['The signature fields are no longer than is read', 'RFC 9421, 7.5.5'],
  syntax: ['The signature fields are well-formed', 'RFC 8941, 3.2; RFC 9421, 4'],
  components: ['The list of covered components', 'RFC 9421, 2.3'],
  coverage: ['What has to be covered is covered', 'AAuth 11.3.3, 11.3.4, step 2'],
  freshness: ['created lies within the window', 'AAuth 11.3.4, step 3'],
  scheme: ['The scheme of Signature-Key is accepted', 'AAuth 11.3.4, step 4; Signature-Key draft, 3'],
  base: ['Every covered component is part of the request', 'RFC 9421, 2.5'],
  token: ['The token is a well-formed JWT', 'RFC 7515, 5.2'],
  typ: ['The kind of token', 'AAuth 5.3, 6.1, 9.4'],
  header: ['The algorithm and the key of the token', 'Signature-Key draft, 3.8'],
  expiry: ['The token has not expired', 'Signature-Key draft, 3.8'],
  claims: ['The claims of the token are there and well-formed', 'AAuth 5.3, 6.1.2, 9.4.3'],
  times: ['The times of the token', 'AAuth 11.5.2'],
  audience: ['The token is for this resource, from a server that decides for it', 'AAuth 9.4.3.2, 11.5.2'],
  issuer: ['The key of the issuer', 'AAuth 11.3.4, step 5; 11.4'],
  'token-signature': ['The token verifies under the key of its issuer', 'AAuth 11.3.4, step 5'],
  confirmation: ['The key of the caller can be used', 'AAuth 11.3.4, step 6; Signature-Key draft, 3.3'],
  signature: ['The signature verifies under the key of the caller', 'AAuth 11.3.4, step 7; RFC 9421, 3.2'],
  admission: ['The issuer is admitted by the operator', 'AAuth 14; options issuers'],
  revocation: ['The token is neither revoked nor its bearer denied', 'AAuth 11.12; denials of the operator'],
  digest: ['The content is what was signed', 'RFC 9530, 2; RFC 9421, 7.2.8'],
  content: ['The content can be read', 'AAuth 11.9; limits.body'],
  requirement: ['The caller brings what the route requires', 'AAuth 6'],
  session: ['The session of the caller', 'AAuth 6.2, 6.3'],
  policies: ['The policies of the resource', 'the route, the router, the server'],
  replay: ['The signature has not been used before', 'RFC 9421, 7.2.2'],
}

/**
 * Is told of each check when it begins, with what it reads: names, times and lengths, never a token, a signature or a
 * `sub`. Only `explain` uses it; a server that answers requests has none.
 */
export type Trace = (check: CheckName, seen?: string) => void
