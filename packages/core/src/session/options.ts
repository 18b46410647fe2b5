import { z } from '../configuration/schema.js'
import { whole } from '../configuration/whole.js'

/** Options of sessions (`AAuth-Access`, AAuth 6.3). */
export interface SessionOptions {
  /**
   * Secrets of 256 bits, base64url: the first seals new sessions, all of them open sessions. Put a new one first to
   * rotate. Default: secrets that are made and replaced by themselves, kept in the store that all processes share.
   */
  readonly keys?: readonly string[]
  /**
   * Where the session is. `token` (default): sealed inside the token, so that the store holds nothing but what has been
   * ended. `store`: the token is a random name for an entry of the store.
   */
  readonly keep?: 'token' | 'store'
  /** Seconds after which a session that is not used ends. Default 604 800, a week. */
  readonly lifetime?: number
  /** Seconds after which any session ends, however much it is used. Default 2 592 000, thirty days. */
  readonly maxAge?: number
  /** Seconds after which an answer brings a new token in place of the old one. Default 3600. */
  readonly renewAfter?: number
  /** Seconds the old token still counts, for requests under way (G-34). Default 60. */
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
