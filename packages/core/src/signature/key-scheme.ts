/** The key is the `cnf.jwk` of the token (Signature-Key draft, 3.8): how agents sign. */
export interface JwtScheme {
  readonly scheme: 'jwt'
  readonly jwt: string
}

/** The key is at the caller's own `jwks_uri` (Signature-Key draft, 3.6): how servers sign in their own right. */
export interface JwksUriScheme {
  readonly scheme: 'jwks_uri'
  readonly id: string
  readonly dwk: string
  readonly kid: string
}

/** A `Signature-Key` member that has been read. */
export type KeyScheme = JwtScheme | JwksUriScheme

/** A scheme implemented here. Every other one is answered `unsupported_scheme`. */
export type SchemeName = KeyScheme['scheme']
