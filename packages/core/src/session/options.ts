import { z } from '../configuration/schema.js'
import { whole } from '../configuration/whole.js'

/** Options of sessions (`AAuth-Access`, AAuth 6.3). */
export interface SessionOptions {
  /**
   * Secrets of 256 bits, base64url. The first encrypts new sessions; all of them decrypt. To rotate, put a new one
   * first. Default: secrets that are created and replaced automatically, in the store that all processes share.
   */
  readonly keys?: readonly string[]
  /**
   * Where the session is kept. `token` (default): encrypted in the token, so that the store only holds what has been
   * ended. `store`: in the store, and the token is a random name.
   */
  readonly keep?: 'token' | 'store'
  /** Seconds after which an unused session ends. Default 604 800, a week. */
  readonly lifetime?: number
  /** Seconds after which any session ends, even if it is used. Default 2 592 000, thirty days. */
  readonly maxAge?: number
  /** Seconds after which an answer brings a new token. Default 3600. */
  readonly renewAfter?: number
  /** Seconds for which the old token still counts, for requests on their way (G-34). Default 60. */
  readonly grace?: number
}

/** {@link SessionOptions} with their defaults. */
export type SessionSettings = Required<Omit<SessionOptions, 'keys'>> & {
  readonly keys: readonly string[] | undefined
}

const seconds = whole('seconds', 1)
const secret = z
  .string()
  .refine((value) => /^[A-Za-z0-9_-]{43}$/.test(value), 'must be 256 bits, base64url without padding')

/** The schema of {@link SessionOptions}. */
export const sessionOptionsSchema: z.ZodType<SessionSettings> = z
  .strictObject({
    keys: z.array(secret).min(1).optional(),
    keep: z.enum(['token', 'store']).default('token'),
    lifetime: seconds.default(604_800),
    maxAge: seconds.default(2_592_000),
    renewAfter: seconds.default(3600),
    grace: whole('seconds', 0).default(60),
  })
  .prefault({})
  .transform((given) => ({ ...given, keys: given.keys }))
