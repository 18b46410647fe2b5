import type { EndMarks, Origin } from '../caller.js'

/** The content of a session. Times are in milliseconds. */
export interface SessionClaims {
  readonly id: string
  /** How often the token has been renewed. */
  readonly round: number
  /** The resource's identifier. A session of another resource is refused, even if it was made with the same secret. */
  readonly aud: string
  /** The key that it was given to; with any other key it does not count (R-206, G-32). */
  readonly jkt: string
  /** The user, by the application's own name. */
  readonly user: string
  readonly scope: readonly string[]
  /** JSON that the application's login put into it. */
  readonly data?: unknown
  /**
   * The callers and tokens it was begun with (G-58). A denial or revocation of one of them ends it, whichever token
   * it is used with.
   */
  readonly from: readonly Origin[]
  /** The marks of what had been ended when it was approved. */
  readonly marks: EndMarks
  /** When it was approved. */
  readonly began: number
  /** When this token was made. */
  readonly issued: number
  readonly exp: number
}
