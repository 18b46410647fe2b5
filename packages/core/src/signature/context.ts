/**
 * The signature context (RFC 9421, 1.1): the request whose components are signed. `authority` and `scheme` are the
 * configured ones, never those of the request (7.4.3).
 */
export interface SignatureContext {
  readonly method: string
  /** Lower case, the scheme's default port left out. */
  readonly authority: string
  readonly scheme: 'https' | 'http'
  /** The request target in origin form, as received. */
  readonly target: string
  readonly rawHeaders: readonly string[]
}
