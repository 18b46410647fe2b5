import type { EndMarks, Origin } from '../caller.js'

/** The content of a session. Times are in milliseconds. */
export interface SessionClaims {
  readonly id: string
  /** How often its token has been renewed. */
  readonly round: number
  /** The resource's identifier: a session of another resource is refused, even one made with the same secret. */
  readonly aud: string
  /** The key it was given to; with any other it is no session (R-206, G-32). */
  readonly jkt: string
  /** The application's own name of the person. */
  readonly user: string
  readonly scope: readonly string[]
  /** What the application's login put into it; JSON. */
  readonly data?: unknown
  /** The callers and tokens it was begun with (G-58): a denial or revocation of one ends it, whatever token it is used with. */
  readonly from: readonly Origin[]
  /** The marks of what had been ended when it was approved. */
  readonly marks: EndMarks
  /** When it was approved. */
  readonly began: number
  /** When this token was made. */
  readonly issued: number
  readonly exp: number
}
