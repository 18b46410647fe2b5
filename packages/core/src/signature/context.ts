/** What a signature is made over: the message, and what configuration says of its origin (RFC 9421, 7.4.3). */
export interface SignatureContext {
  readonly method: string
  /** Lower case, the scheme's default port left out. */
  readonly authority: string
  readonly scheme: 'https' | 'http'
  /** The request target in origin form, as received. */
  readonly target: string
  readonly rawHeaders: readonly string[]
}
