import { hash } from 'node:crypto'

/** The key is the `cnf.jwk` of the token (Signature-Key draft, 3.8): agents sign this way. */
export interface JwtScheme {
  readonly scheme: 'jwt'
  readonly jwt: string
}

/** The key is at the signer's own `jwks_uri` (Signature-Key draft, 3.6): servers sign this way in their own right. */
export interface JwksUriScheme {
  readonly scheme: 'jwks_uri'
  readonly id: string
  readonly dwk: string
  readonly kid: string
}

/** A member of `Signature-Key`. */
export type KeyScheme = JwtScheme | JwksUriScheme

/** The token of a `Signature-Key` member with the scheme `jwt`. */
export class PresentedJwt implements JwtScheme {
  readonly scheme = 'jwt'
  readonly jwt: string
  #digest: string | undefined

  constructor(jwt: string) {
    this.jwt = jwt
  }

  /** SHA-256 of the token's exact bytes, base64url. The token is remembered under it. */
  get digest(): string {
    this.#digest ??= hash('sha256', this.jwt, 'base64url')
    return this.#digest
  }
}

/** A `Signature-Key` member that has been read. */
export type ReadKey = PresentedJwt | JwksUriScheme

/** The name of a supported scheme. Any other is answered `unsupported_scheme`. */
export type SchemeName = KeyScheme['scheme']
