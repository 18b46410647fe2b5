import type { EndMarks, Origin } from '../caller.js'

/** What a session says of itself. Times are in milliseconds. */
export interface SessionClaims {
  readonly id: string
  /** How often its token has been renewed. */
  readonly round: number
  /** Our identifier; a secret shared with another resource opens nothing here. */
  readonly aud: string
  /** The key it was given to; with any other it is no session (R-206, G-32). */
  readonly jkt: string
  /** The application's own name of the person. */
  readonly user: string
  readonly scope: readonly string[]
  /** What the application put in. */
  readonly data?: unknown
  /** Whom it was begun for, under which tokens (G-58): what stops one of them ends it, whatever token it is used with. */
  readonly from: readonly Origin[]
  /** What had been ended when it was approved. */
  readonly marks: EndMarks
  /** When it was approved. */
  readonly began: number
  /** When this token was made. */
  readonly issued: number
  readonly exp: number
}
